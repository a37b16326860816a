"""Every stage on other brains than its row's: convolutions, a memory, a code."""

from typing import Any

import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.testing import assert_ok, check_stage
from tests.laws import rows

BRAINS: dict[str, dict[str, Any]] = {
    "conv": {"kind": "conv", "channels": [2, 3], "width": [8]},
    "memory": {"kind": "mlp", "width": [12, 8], "memory": "gru"},
    "code": {"kind": "mlp", "width": [12, 8], "linear_features": True},
}
REFUSED = {
    ("conv", "noise"): "errors can't travel back through convolutions",
    ("conv", "school-aligned"): "errors can't travel back through convolutions",
    **{
        ("conv", f"play-{what}"): "kind: conv needs a picture .* use kind: mlp"
        for what in (
            "discrete",
            "continuous",
            "curious",
            "taught",
            "taught-numbers",
            "replay",
            "yoked",
            "memory",
            "memory-continuous",
        )
    },
    **{
        ("conv", row): "kind: conv needs a picture"
        for row in (
            "play-random",
            "values",
            "values-taught",
            "values-random",
            "soft",
            "soft-taught",
            "soft-random",
        )
    },
    ("conv", "values-memory"): "kind: conv needs a picture",
    **{("memory", row): "memory: none" for row in ("soft", "soft-taught")},
    **{("memory", row): "change batch or sequence_length" for row in ("values", "values-double", "values-taught")},
    **{
        ("conv", f"{what}-numbers"): "kind: conv needs a picture .* use kind: mlp"
        for what in ("clone", "clone-of", "observe", "dagger")
    },
    **{("conv", f"reflex-{what}"): "kind: conv needs a picture" for what in ("phases", "noise", "posture")},
    **{("conv", row): "kind: conv needs a picture" for row in ("gait", "gait-inherited")},
    ("code", "school-rows"): "this brain has no memory; give it memory: gru",
    ("conv", "school-rows"): "kind: conv needs a picture",
    ("memory", "noise"): "errors can't travel back through a recurrent memory",
    ("memory", "school-aligned"): "errors can't travel back through a recurrent memory",
    **{
        ("memory", f"play-{env}"): "make num_envs a multiple of minibatches"
        for env in ("native", "discrete", "continuous", "curious", "taught", "taught-numbers", "replay", "yoked")
    },
    **{
        ("memory", row): "brain memory: none"
        for row, (kind, _) in rows.STAGES.items()
        if kind.startswith("imitate.") or kind == "caregiver.judge"
    },
}
ONE_EACH = {row: list(BRAINS)[place % len(BRAINS)] for place, row in enumerate(rows.STAGES)}
PAIRS = [(brain, row) for brain in BRAINS for row in rows.STAGES if row != "inherit"]  # its files are of one brain


def _kept() -> list[Any]:
    """Every stage on another brain, turn and turn about, a kind once on a brain; the others are for long studies."""
    pairs = [pair for pair in PAIRS if pair not in REFUSED]
    turns = [pair for pair in pairs if ONE_EACH[pair[1]] == pair[0]]
    kept = {(brain, rows.STAGES[row][0]): (brain, row) for brain, row in turns}.values()
    return [pair if pair in kept else pytest.param(*pair, marks=pytest.mark.slow) for pair in pairs]


@pytest.mark.parametrize(("brain", "row"), _kept())
def test_a_stage_keeps_the_laws_with_another_brain(brain: str, row: str) -> None:
    assert_ok(check_stage(rows.STAGES[row][0], rows.keys_of(row), BRAINS[brain]))


@pytest.mark.parametrize(
    ("brain", "row"), [pair for pair in PAIRS if pair not in REFUSED and pair[1] not in rows.ACT_RANDOMLY]
)
def test_a_stage_changes_the_brain_it_is_lived_on(brain: str, row: str) -> None:
    stage = rows.make(row)
    cohort = Cohort(brain_builder(BRAINS[brain], rows.needs_of(stage)), [1, 2], dtype=torch.float64)
    rows.live(stage, cohort, 2)
    born = cohort.newborn(cohort.seeds).state()
    assert any(not torch.equal(tensor, born[name]) for name, tensor in cohort.state().items())


@pytest.mark.parametrize(("brain", "row"), REFUSED)
def test_what_a_brain_can_not_do_is_refused_with_the_mend(brain: str, row: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[brain, row]), torch.device("meta"):
        stage = rows.make(row)
        stage.cost(brain_builder(BRAINS[brain], rows.needs_of(stage))())
