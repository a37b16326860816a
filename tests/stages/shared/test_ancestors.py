"""Lineages: who descends from whom, that kin inherit the same bits in any block, and how evidence is told."""

from typing import Any

import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.shared.ancestors import ancestor_seed
from devlearn.stages.stage import Stage
from devlearn.streams import PINNED

KINDS: dict[str, dict[str, Any]] = {
    "innate.genome": {"batch": 8, "compression": 8},
    "innate.evolve": {"batch": 8, "population": 4, "inner": 1},
    "innate.reptile": {"labels": 20, "inner": 2, "updates": 20},
}
BRAIN = {"kind": "mlp", "width": [6]}


def make(kind: str, **keys: Any) -> Stage:
    stage: Stage = get("stages", kind)(**{"updates": 10, **KINDS[kind], **keys})
    return stage


def live(stage: Stage, seeds: tuple[int, ...], pieces: tuple[int, ...] = (3,), pin: tuple[str, ...] = ()) -> Cohort:
    cohort = Cohort(brain_builder(BRAIN, stage.needs()), seeds)
    context = Context(seeds, "born", 0, torch.device("cpu"), 10, pin=frozenset(pin))
    state = stage.begin(cohort, context)
    for count in pieces:
        segment = stage.segment(cohort, state, context)
        for _ in range(count):
            next(segment)
        segment.close()  # type: ignore[attr-defined]
    return cohort


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kin_inherit_the_same_bits_in_any_block(kind: str) -> None:
    stage = make(kind, lineages=2)
    one, other = live(stage, (0, 1, 2)).flat, live(stage, (7, 4)).flat
    assert torch.equal(one[0], one[2])
    assert torch.equal(one[1], other[0])
    assert torch.equal(one[0], other[1])
    assert not torch.allclose(one[0], one[1])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_state_with_fewer_ancestors_than_learners_is_complete(kind: str) -> None:
    stage = make(kind, lineages=2)
    assert torch.equal(live(stage, (0, 1, 2)).flat, live(stage, (0, 1, 2), (1, 2)).flat)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_evolution_charges_the_updates_of_the_ancestors(kind: str) -> None:
    stage = make(kind, lineages=2)
    cohort = live(stage, (0, 1, 2))
    assert cohort.updates == 3 * stage.cost(cohort.member(0).to("meta")).updates


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_seeds_of_a_lineage_share_a_name(kind: str) -> None:
    names = [make(kind, lineages=3).lineage(seed) for seed in range(6)]
    assert names[:3] == names[3:]
    assert len(set(names)) == 3
    assert make(kind).lineage(0) is None


def test_no_learner_can_have_an_ancestors_seed() -> None:
    seeds = {ancestor_seed(name, number) for name in ("genome", "evolve") for number in range(50)}
    assert len(seeds) == 100
    assert min(seeds) > max(PINNED, 2**62)


def test_pinned_streams_are_shared_by_ancestors_too() -> None:
    stage = make("innate.genome", lineages=2)
    pinned = live(stage, (0, 1), pin=("init", "labels", "order", "genes")).flat
    torch.testing.assert_close(pinned[0], pinned[1])
