"""The laws of protections, over every registered one and stages of several families."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from devlearn.registry import names
from devlearn.runs.engine import checkpoint, live
from devlearn.stages.protections.protection import cost_of
from tests.laws.protected import KINDS, guarded, live_protected, protected, protection_of
from tests.laws.rows import cohort_for, go_on
from tests.laws.test_stages import everything
from tests.runs.engine.jobs import DIGITS, changed_checkpoint, digest, killed_after, write_job

ROWS = ("school", "look", "play-discrete", "values", "soft", "named")


def pairs() -> list[tuple[str, str]]:
    """Kinds with the rows that they can protect."""
    found = []
    for kind in KINDS:
        for row in ROWS:
            own = protection_of(kind)
            if not own.refusal(protected(row, own)):
                found.append((kind, row))
    return found


def test_every_registered_protection_has_keys_here() -> None:
    assert set(names("protections")) == set(KINDS)


@pytest.mark.parametrize(("kind", "row"), [pair for pair in pairs() if KINDS[pair[0]][1] is not None])
def test_a_protection_without_strength_is_bit_equal_to_none(kind: str, row: str) -> None:
    lives = []
    for own in (None, protection_of(kind, **(KINDS[kind][1] or {}))):
        cohort = cohort_for(row, (0, 1), dtype=torch.float32)
        live_protected(cohort, [protected(row, own)] * 2, 3)
        lives.append(everything(cohort))
    assert torch.equal(*lives)


@pytest.mark.parametrize(("kind", "row"), pairs())
def test_a_protection_does_something_in_the_second_stage(kind: str, row: str) -> None:
    lives = []
    for own in (None, protection_of(kind)):
        cohort = cohort_for(row, (0, 1))
        live_protected(cohort, [protected(row, own)] * 2, 4)
        lives.append(everything(cohort))
    assert not torch.equal(*lives)


@pytest.mark.parametrize("kind", KINDS)
def test_protected_learners_are_separate(kind: str) -> None:
    """Three together are three alone, each in a loop of its own."""
    seeds, stages = (3, 11, 4), [protected("school", protection_of(kind))] * 2
    together = cohort_for("school", seeds)
    kept = live_protected(together, stages, 6)
    for i, seed in enumerate(seeds):
        alone = cohort_for("school", [seed], mapper="loop")
        own = live_protected(alone, stages, 6)
        torch.testing.assert_close(everything(together)[i], everything(alone)[0], rtol=1e-9, atol=1e-11)
        for name, tensor in kept.items():
            if isinstance(tensor, torch.Tensor):
                torch.testing.assert_close(tensor[i], own[name][0], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_is_no_more_than_declared(kind: str) -> None:
    stage = protected("school", protection_of(kind))
    cohort = cohort_for("school", (0, 1), dtype=torch.float32)
    kept = live_protected(cohort, [stage] * 2, 3)
    held = sum(t.nbytes // cohort.n for t in kept.values() if isinstance(t, torch.Tensor))
    declared = cost_of(stage, cohort.member(0).to("meta"), ("digits",)).kept_bytes
    assert held <= declared * 1.01 + 64


@pytest.mark.parametrize("kind", KINDS)
def test_one_learner_that_is_lost_leaves_the_others_as_they_are(kind: str) -> None:
    lives = []
    for lost in (False, True):
        cohort = cohort_for("school", (0, 1), dtype=torch.float32)
        stage = protected("school", protection_of(kind))
        kept = live_protected(cohort, [stage], 3)
        if lost:
            next(iter(cohort.parameters().values()))[1] = torch.nan
        live_protected(cohort, [stage], 3, kept)
        lives.append(everything(cohort)[0])
    assert torch.equal(*lives)


@pytest.mark.parametrize("kind", KINDS)
def test_the_declared_flops_are_those_that_are_taken(kind: str) -> None:
    """Of an update, and of what a protection asks when a stage ends, by torch's own counter."""
    stage, plain = protected("school", protection_of(kind)), protected("school", None)
    cohort = cohort_for("school", [0], mapper="loop")
    kept: dict[str, Any] = {}
    live_protected(cohort, [stage], 2, kept)
    brain = cohort.member(0).to("meta")
    told, own = cost_of(stage, brain, ("digits",)), cost_of(plain, brain)
    with FlopCounterMode(display=False) as counter, guarded(cohort, stage, kept) as state:
        before = counter.get_total_flops()
        go_on(stage, cohort, state, 3)
        lived = counter.get_total_flops()
    assert lived - before == 3 * told.flops >= 3 * own.flops
    assert counter.get_total_flops() - lived == told.closing_flops


@pytest.mark.parametrize("kind", KINDS)
def test_a_life_goes_on_after_a_kill_as_if_there_had_been_none(kind: str, tmp_path: Path) -> None:
    school = {"kind": "supervise", "data": "mnist.train", "labels": 20, "batch": 8, "updates": 9}
    keys = {**school, "protect": {"kind": kind, **KINDS[kind][0]}}
    whole, cut = (
        write_job(tmp_path / name, "branch", {"one": keys, "two": keys}, {}, seeds=(0, 1)) for name in ("whole", "cut")
    )
    live(whole)
    killed_after(cut, 8, segment=2)  # in the middle of the second stage
    with changed_checkpoint(cut) as content:
        assert content["position"] == 1
        assert content["state"] is not None
    live(cut)
    assert digest(cut) == digest(whole)
    ends = [checkpoint.load_artifact(folder / "artifacts" / "end.pt") for folder in (whole, cut)]
    assert all(torch.equal(tensor, ends[1]["brain"][name]) for name, tensor in ends[0]["brain"].items())


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_moved_on_is_held_and_what_it_keeps_too(kind: str, tmp_path: Path) -> None:
    """A learner that passes a gate at once is, after the next stage, what it is with a budget of so many updates."""
    school = {"kind": "supervise", "data": "mnist.train", "labels": 20, "batch": 8}
    own = {"protect": {"kind": kind, **KINDS[kind][0]}}
    gate = {"probe": "digits", "at_least": 0.0, "min_updates": 4}
    probes = {"digits": {**DIGITS, "every": 4, "quick": 20}}
    stages = {"gated": {**school, **own, "updates": 8, "until": gate}, "plain": {**school, **own, "updates": 4}}
    ends = []
    for name, first in stages.items():
        folder = write_job(tmp_path / name, "branch", {"one": first, "two": {**school, **own, "updates": 3}}, probes)
        live(folder)
        ends.append(checkpoint.load_artifact(folder / "artifacts" / "end.pt"))
    for name, tensor in ends[0]["brain"].items():
        assert torch.equal(tensor, ends[1]["brain"][name])
    for name, tensor in ends[0]["kept"][kind].items():
        if isinstance(tensor, torch.Tensor):
            assert torch.equal(tensor, ends[1]["kept"][kind][name]), name
