"""Numbers of many generators at once are those of numpy's generators, one by one."""

import numpy as np
import pytest
from devlearn_envs.cartpole import CartPole
from devlearn_envs.pcg64 import random_raw

SEEDS = np.concatenate(
    [[0, 1, 2**31 - 1, 2**31, 2**32 - 1], np.random.default_rng(7).integers(2**32, size=3000)]
).astype(np.int64)


@pytest.mark.parametrize("count", [1, 4, 9])
def test_the_first_numbers_are_those_of_numpys_generator(count: int) -> None:
    one_by_one = [np.random.PCG64(seed).random_raw(count) for seed in SEEDS.tolist()]
    assert np.array_equal(random_raw(SEEDS, count), np.array(one_by_one, np.uint64))


def test_an_episode_that_was_foreseen_begins_as_one_that_was_not() -> None:
    seeds, everywhere = SEEDS[:40], np.ones(40, bool)
    plain, told = CartPole(40), CartPole(40)
    told.foresee(SEEDS[20:60])
    plain.reset(seeds, everywhere)
    told.reset(seeds, everywhere)
    assert np.array_equal(plain.observe(), told.observe())
    told.reset(seeds, everywhere)  # what was foreseen was for one episode
    assert np.array_equal(plain.observe(), told.observe())


def test_seeds_that_are_twice_and_too_large_for_one_word_are_started_from_too() -> None:
    seeds = np.array([5, 5, 2**32 + 5], np.int64)
    env = CartPole(3)
    env.foresee(seeds[:1])
    env.reset(seeds, np.ones(3, bool))
    first, twin, other = env.observe()
    assert np.array_equal(first, twin) and not np.array_equal(first, other)
