"""What a scenario asks, as plain values, and in what two questions differ: for registrations and for runs side by side.

Of resolved.json, without what follows from the rest: branches, jobs, what kinds declare of their metrics.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devlearn.records.schema import ArmEntry, Difference, Json, Keys, PointEntry, ProbeEntry, Resolved, StageEntry


def asked(plan: Resolved) -> Keys:
    """The whole question of a plan: its learners, their lives, what is measured and what is compared.

    {scenario, seeds, pin, brain, probes, compare, arms}, or ``points`` with the arms of each where something is varied.
    """
    plain = plan.content()
    found: Keys = {key: plain[key] for key in ("scenario", "seeds", "brain", "compare")}
    found |= {"pin": [*sorted(plan.pin)], "probes": _probes(plan.probes)}
    points: Keys = {json.dumps(point.point, sort_keys=True): _at(point) for point in plan.points}
    return found | (_at(plan.points[0]) if list(points) == ["{}"] else {"points": points})


def _at(point: PointEntry) -> Keys:
    """What is asked at one point of ``vary``."""
    own: Keys = {} if point.brain is None else {"brain": point.brain}
    own |= {} if point.seeds is None else {"seeds": list(point.seeds)}
    own |= {} if point.probes is None else {"probes": _probes(point.probes)}
    return {**own, "arms": {name: _arm(arm) for name, arm in point.arms.items()}}


def _probes(probes: Mapping[str, ProbeEntry]) -> Keys:
    return {name: {"kind": probe.kind, **probe.own} for name, probe in probes.items()}


def _arm(arm: ArmEntry) -> Keys:
    """An arm's stages by name, in order; ``order`` says which."""
    stages: Keys = {f"{stage.name}{f'.{stage.visit}' * bool(stage.visit)}": _stage(stage) for stage in arm.stages}
    return {"order": [*stages], **stages}


def _stage(stage: StageEntry) -> Keys:
    total: Keys = {} if stage.total is None else {"total": list(stage.total)}
    return {"kind": stage.kind, **stage.keys, **total}


def differences(here: Mapping[str, Any], there: Mapping[str, Any], above: str = "") -> list[Difference]:
    """In what two questions differ, each by its dotted path; of what only one has, the first key that it has."""
    found: list[Difference] = []
    for key in dict.fromkeys((*here, *there)):
        one, other, path = here.get(key), there.get(key), f"{above}.{key}".lstrip(".")
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += differences(one, other, path)
        elif one != other:
            found.append(Difference(key=path, here=one, there=other))
    return found


ALIKE = 0.8  # of the plain values of two questions, from which on one looks like the other with a few keys changed
NAMES = ("scenario", "seeds")  # what makes no other question of one
SUBJECTS = (".env", ".data")  # the keys that say what a question is about


def akin(here: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether one question looks like the other, renamed and changed: nearly all of their plain values are the same.

    Names of scenarios, arms, stages and probes make no difference, nor do seeds. Questions without an environment or a
    data set in common are two, however alike the defaults of their stages make them.
    """
    one, other = (Counter(_values(asked)) for asked in (here, there))
    about, about_other = ({value for key, value in all_ if key.endswith(SUBJECTS)} for all_ in (one, other))
    if about and about_other and about.isdisjoint(about_other):
        return False
    return (one & other).total() >= ALIKE * max(one.total(), other.total())


def _values(question: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, value) of all plain values, each with what it is a key of, by kind of part and not by name."""
    for key in question.keys() - NAMES:
        depth = {"points": 4, "arms": 2, "probes": 1}.get(key, 0)
        yield from ((f"{key}/{path}", value) for path, value in _leaves(question[key], depth))


def _leaves(value: Any, names: int, path: str = "") -> Iterator[tuple[str, str]]:
    """The plain values below ``value``; the first ``names`` keys on the way are names, and left out of the path."""
    if not isinstance(value, Mapping):
        yield path, json.dumps(value, sort_keys=True)
        return
    for key, own in value.items():
        if key != "order":
            yield from _leaves(own, names - 1, path if names > 0 else f"{path}.{key}")


@dataclass(frozen=True)
class Lives:
    """What learners of a run live, apart from their seeds and from what is asked of them.

    ``arms`` {(point, arm): digest of the brain and all stages}; ``pairs`` are those that have to be lived elsewhere for
    the question to have been within reach there: the declared pairs at each point, or all arms where none is declared.
    """

    arms: Mapping[tuple[int, str], str]
    pairs: tuple[frozenset[str], ...]
    seeds: frozenset[int]

    def within(self, other: "Lives") -> bool:
        """Whether all that some pair of this run is made of is lived in the other run too."""
        there = set(other.arms.values())
        return any(pair <= there for pair in self.pairs)


def lives(plan: Resolved) -> Lives:
    """The lives of a plan. Arms' and scenarios' names make no difference: what is lived is known by what it is."""
    arms = {
        (index, name): _digest(
            [plan.brain_at(index), sorted(plan.pin), [[stage.name, stage.visit, _stage(stage)] for stage in arm.stages]]
        )
        for index, point in enumerate(plan.points)
        for name, arm in point.arms.items()
    }
    declared = plan.compare.pairs if plan.compare else ()
    together: Sequence[Sequence[str]] = declared or [list(point.arms) for point in plan.points[:1]]
    return Lives(arms, tuple(_together(together, arms, len(plan.points))), frozenset(_seeds(plan)))


def _together(
    groups: Sequence[Sequence[str]], arms: Mapping[tuple[int, str], str], points: int
) -> Iterator[frozenset[str]]:
    for index in range(points):
        for group in groups:
            if all((index, name) in arms for name in group):
                yield frozenset(arms[index, name] for name in group)


def _seeds(plan: Resolved) -> set[int]:
    return {seed for point in range(len(plan.points)) for seed in plan.seeds_at(point)}


def digest(content: Json) -> str:
    """The identity of a question or of a registration: sha256 of its values, whatever their order."""
    return _digest(content)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
