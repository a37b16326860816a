"""Fewer ancestors than learners, through the engine: gates hold learners, not ancestors; a kill changes no record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from devlearn.runs.engine import checkpoint, live
from tests.runs.engine.jobs import changed_checkpoint, digest, killed_after, rows, write_job

BORN: dict[str, dict[str, Any]] = {
    "innate.genome": {"updates": 8, "batch": 16, "compression": 8},
    "innate.evolve": {"updates": 8, "batch": 16, "population": 4, "inner": 1},
    "innate.reptile": {"updates": 16, "inner": 2, "labels": 40, "inner_lr": 0.01},
}
SCHOOL = {"kind": "supervise", "labels": 20, "batch": 10, "updates": 4}


def nothing(own: dict[str, Any]) -> None:
    pass


def no_ancestors(own: dict[str, Any]) -> None:
    """The ancestors forget what they have become, or what makes them so."""
    for tensor in own.get("genes", own["brain"]).values():
        if tensor.is_floating_point():
            tensor.mul_(0.5)


@pytest.mark.parametrize("kind", sorted(BORN))
@pytest.mark.parametrize("take", [nothing, no_ancestors])
def test_a_killed_evolution_goes_on_where_it_was(
    tmp_path: Path, kind: str, take: Callable[[dict[str, Any]], None]
) -> None:
    stages = {"born": {"kind": kind, "lineages": 2, **BORN[kind]}, "school": SCHOOL}
    whole, cut = (write_job(tmp_path / name, "branch", stages) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=2)
    with changed_checkpoint(cut) as content:
        take(content["state"]["ancestors"])
    live(cut)
    assert (digest(cut) == digest(whole)) == (take is nothing)


def test_learners_that_pass_a_gate_are_held_while_their_ancestor_goes_on(tmp_path: Path) -> None:
    """The gate opens for all at the first look, after 4 updates; kin were alike then, and no number is out of place."""
    gate = {"probe": "digits", "at_least": 0.0, "min_updates": 4}
    stages = {"born": {"kind": "innate.genome", "lineages": 2, **BORN["innate.genome"], "until": gate}}
    short = {"born": {"kind": "innate.genome", "lineages": 2, **BORN["innate.genome"], "updates": 8}}
    gated, free = write_job(tmp_path / "gated", "branch", stages), write_job(tmp_path / "free", "branch", short)
    live(gated)
    live(free)
    assert {row["event"] for row in rows(gated, "00-born.0/events.csv")} >= {"passed"}
    found = checkpoint.load_artifact(gated / "artifacts" / "end.pt")
    longer = checkpoint.load_artifact(free / "artifacts" / "end.pt")
    for name, tensor in found["brain"].items():
        assert torch.equal(tensor[0], tensor[2])
        assert not torch.equal(tensor, longer["brain"][name]) or "bias" in name or "value" in name
    assert found["inherited"] is None  # no moments of another number of rows for the next stage
