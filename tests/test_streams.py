"""Streams: pure functions of seed, names and counter."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from devlearn.streams import streams, torch_seed

SEEDS = st.lists(st.integers(0, 2**32), min_size=1, max_size=6, unique=True)


@given(SEEDS, st.randoms(use_true_random=False), st.integers(0, 1000))
def test_a_learners_draws_do_not_depend_on_company_or_order(seeds: list[int], random: object, counter: int) -> None:
    together = streams(seeds, "look", 0, "mask", counter=counter).random(5)
    for i, seed in enumerate(seeds):
        assert (streams([seed], "look", 0, "mask", counter=counter).random(5)[0] == together[i]).all()
    backwards = streams(seeds[::-1], "look", 0, "mask", counter=counter).random(5)
    assert (backwards[::-1] == together).all()


def test_names_visits_and_counters_all_separate_streams() -> None:
    keys = [("look", 0), ("look", 1), ("look", "0"), ("lo", "ok0"), ("look0",), ("look", 0, "")]
    draws = [streams([0], *names, counter=counter).random(4) for names in keys for counter in (0, 1)]
    assert len({draw.tobytes() for draw in draws}) == len(draws)


def test_masks_have_their_probability_to_a_256th() -> None:
    kept = streams(range(4), "mask").mask(0.3, 100_000)
    assert kept.shape == (4, 100_000)
    assert kept.dtype == np.bool_
    np.testing.assert_allclose(kept.mean(1), round(0.3 * 256) / 256, atol=4 * np.sqrt(0.21 / 100_000))


def test_draws_have_the_learners_axis_first() -> None:
    found = streams([1, 2, 3], "a")
    assert found.normal(2, 5).shape == (3, 2, 5)
    assert found.exponential(2).shape == (3, 2)
    assert found.integers(7, 50).max() < 7
    assert (np.sort(found.permutation(9), 1) == np.arange(9)).all()


def test_no_global_generator_is_touched() -> None:
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    streams(range(3), "a").normal(10)
    torch_seed(3, "init")
    assert (np.random.get_state()[1] == numpy_state).all()
    assert torch.equal(torch.get_rng_state(), torch_state)
