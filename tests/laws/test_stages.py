"""The laws of stages, over every registered one: those of ``devlearn.testing``, and what takes a look inside."""

import pytest
import torch

from devlearn.learners.cohort import Cohort
from devlearn.testing import assert_ok, check_stage
from tests.laws.rows import BRAIN, BRAINS, STAGES, cohort_for, keys_of, live, make
from tests.shipped import shipped

ROWS = sorted(STAGES)
TRAINED = [row for row in ROWS if row != "shuffle"]


def test_every_registered_stage_has_a_row() -> None:
    assert set(shipped("stages")) == {kind for kind, _ in STAGES.values()}


@pytest.mark.parametrize("row", ROWS)
def test_a_stage_keeps_the_laws(row: str) -> None:
    assert_ok(check_stage(STAGES[row][0], keys_of(row), BRAINS.get(row, BRAIN)))


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
