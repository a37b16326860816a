"""The laws that are cheap to try, for every stage on other brains than its row's: convolutions, a memory, a code."""

import copy
from typing import Any

import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from tests.laws import rows

BRAINS: dict[str, dict[str, Any]] = {
    "conv": {"kind": "conv", "channels": [2, 3], "width": [8]},
    "memory": {"kind": "mlp", "width": [12, 8], "memory": "gru"},
    "code": {"kind": "mlp", "width": [12, 8], "linear_features": True},
}
REFUSED = {
    ("conv", "noise"): "errors can't travel back through convolutions",
    ("conv", "school-aligned"): "errors can't travel back through convolutions",
    ("memory", "noise"): "errors can't travel back through a recurrent memory",
    ("memory", "school-aligned"): "errors can't travel back through a recurrent memory",
    **{
        ("memory", f"play-{env}"): "make num_envs a multiple of minibatches"
        for env in ("native", "discrete", "continuous")
    },
}
PAIRS = [(brain, row) for brain in BRAINS for row in rows.STAGES if row != "inherit"]  # its files are of one brain


def lived(brain: str, row: str, seeds: list[int], yields: int) -> tuple[Cohort, dict[str, Any]]:
    stage = rows.make(row)
    cohort = Cohort(brain_builder(BRAINS[brain], rows.needs_of(stage)), seeds, dtype=torch.float64)
    return cohort, rows.live(stage, cohort, yields)[0]


@pytest.mark.parametrize(("brain", "row"), [pair for pair in PAIRS if pair not in REFUSED])
def test_a_life_is_the_same_in_pieces_and_in_other_company(brain: str, row: str) -> None:
    whole, _ = lived(brain, row, [1, 2, 3], 4)
    alone, _ = lived(brain, row, [2], 4)
    for name, tensor in whole.state().items():
        torch.testing.assert_close(tensor[1:2], alone.state()[name], rtol=1e-6, atol=1e-8)
    stage = rows.make(row)
    if stage.units:
        half, state = lived(brain, row, [1, 2, 3], 2)
        later = half.newborn(half.seeds)
        later.load(half.state())
        rows.go_on(stage, later, copy.deepcopy(state), 2)
        assert all(torch.equal(tensor, later.state()[name]) for name, tensor in whole.state().items())


@pytest.mark.parametrize(("brain", "row"), [pair for pair in PAIRS if pair not in REFUSED])
def test_a_stage_changes_the_brain_it_is_lived_on(brain: str, row: str) -> None:
    cohort, _ = lived(brain, row, [1, 2], 2)
    born = cohort.newborn(cohort.seeds).state()
    assert any(not torch.equal(tensor, born[name]) for name, tensor in cohort.state().items())


@pytest.mark.parametrize(("brain", "row"), REFUSED)
def test_what_a_brain_can_not_do_is_refused_with_the_mend(brain: str, row: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[brain, row]), torch.device("meta"):
        stage = rows.make(row)
        stage.cost(brain_builder(BRAINS[brain], rows.needs_of(stage))())
