"""The laws of a cohort (see docs), over every registered stage."""

import numpy as np
import pytest
import torch

from devlearn.learners.cohort import Cohort
from devlearn.registry import get, names
from tests.laws.rows import REBORN, STAGES, cohort_for, go_on, live, make

ROWS = sorted(STAGES)
TRAINED = [row for row in ROWS if row != "shuffle"]


def test_every_registered_stage_has_a_row() -> None:
    own = {name for name in names("stages") if get("stages", name).__module__.startswith("devlearn.stages.")}
    assert own == {kind for kind, _ in STAGES.values()}


def everything(cohort: Cohort) -> torch.Tensor:
    """All weights and buffers, (N, P) float64."""
    return torch.cat([tensor.flatten(1).double() for tensor in cohort.state().values()], 1)


def updates_to_yields(row: str, updates: int) -> int:
    stage = make(row)
    return max(1, updates // max(1, stage.cost(cohort_for(row, [0]).member(0).to("meta")).updates))


@pytest.mark.parametrize("row", ROWS)
def test_a_cohort_equals_separate_learners(row: str) -> None:
    """Weights and moments of 3 mapped learners against 3 loops of one learner each, float64, 20 updates."""
    seeds, stage = (3, 11, 4), make(row)
    yields = updates_to_yields(row, 20)
    together = cohort_for(row, seeds)
    state, _ = live(stage, together, yields)
    for i, seed in enumerate(seeds):
        alone = cohort_for(row, [seed], mapper="loop")
        own_state, _ = live(stage, alone, yields)
        torch.testing.assert_close(everything(together)[i], everything(alone)[0], rtol=1e-9, atol=1e-11)
        for name, moment in state.get("moments", {}).items():
            if isinstance(moment, torch.Tensor):
                torch.testing.assert_close(moment[i], own_state["moments"][name][0], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("row", ROWS)
def test_a_learner_agrees_in_any_company(row: str) -> None:
    """Learner 5 alone, among 7, and among 7 in another order: float32, 20 updates."""
    stage, yields = make(row), updates_to_yields(row, 20)
    found = []
    for seeds in ([5], [0, 1, 5, 2, 3, 4, 6], [6, 5, 4, 3, 2, 1, 0]):
        cohort = cohort_for(row, seeds, dtype=torch.float32)
        live(stage, cohort, yields)
        found.append(everything(cohort)[seeds.index(5)])
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[2], found[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("row", ROWS)
def test_nan_in_one_learner_leaves_the_others_bit_equal(row: str) -> None:
    stage, seeds = make(row), (0, 1, 2)
    clean, ill = cohort_for(row, seeds, dtype=torch.float32), cohort_for(row, seeds, dtype=torch.float32)
    for weights in ill.parameters().values():
        weights[0] = torch.nan
    live(stage, clean, 2)
    live(stage, ill, 2)
    assert not ill.finite()[0] or row in REBORN
    assert torch.equal(everything(ill)[1:], everything(clean)[1:])


@pytest.mark.parametrize("row", ROWS)
def test_the_length_of_a_segment_changes_nothing(row: str) -> None:
    stage = make(row)
    whole, cut = (cohort_for(row, (0, 1), dtype=torch.float32) for _ in range(2))
    _, metrics = live(stage, whole, 6)
    state, pieces = live(stage, cut, 1)
    for length in (2, 3) if stage.units else ():
        pieces += go_on(stage, cut, state, length)
    assert torch.equal(whole.flat, cut.flat)
    assert all(torch.equal(whole.buffers[name], cut.buffers[name]) for name in whole.buffers)
    for a, b in zip(metrics, pieces, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            torch.testing.assert_close(a[name], b[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("row", ROWS)
def test_metrics_are_those_declared_and_one_a_learner(row: str) -> None:
    stage = make(row)
    _, metrics = live(stage, cohort_for(row, (0, 1, 2)), 2)
    for found in metrics:
        assert set(found) == set(stage.metrics)
        assert all(value.shape == (3,) for value in found.values())


@pytest.mark.parametrize("row", ROWS)
def test_the_declared_work_is_the_work_done(row: str) -> None:
    stage = make(row)
    cohort = cohort_for(row, (0, 1))
    _, metrics = live(stage, cohort, 3)
    assert cohort.updates == len(metrics) * stage.cost(cohort.member(0).to("meta")).updates


@pytest.mark.parametrize("row", ROWS)
def test_beginning_leaves_the_weights_and_the_global_generators_alone(row: str) -> None:
    stage = make(row)
    cohort = cohort_for(row, (0, 1))
    before, torch_state, numpy_state = cohort.flat.clone(), torch.get_rng_state(), np.random.get_state()[1].copy()
    live(stage, cohort, 0)
    assert torch.equal(cohort.flat, before) or not stage.units
    live(stage, cohort, 2)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


@pytest.mark.parametrize("row", TRAINED)
def test_a_seed_draws_the_same_life_twice_and_another_seed_another(row: str) -> None:
    stage = make(row)
    lives = []
    for seeds in ((0, 1), (0, 2)):
        cohort = cohort_for(row, seeds)
        live(stage, cohort, 2)
        lives.append(everything(cohort))
    assert torch.equal(lives[0][0], lives[1][0])
    assert not torch.allclose(lives[0][1], lives[1][1])


def test_shuffling_keeps_every_layers_numbers_and_moves_them() -> None:
    stage = make("shuffle")
    cohort = cohort_for("shuffle", (0, 1))
    before = {name: weights.clone() for name, weights in cohort.parameters().items()}
    live(stage, cohort, 1)
    for name, weights in cohort.parameters().items():
        assert torch.equal(weights.flatten(1).sort(1).values, before[name].flatten(1).sort(1).values)
        if weights[0].numel() > 20:
            assert (weights != before[name]).float().mean() > 0.5
