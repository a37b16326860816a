"""The life of each arm on one time axis: where each stage begins and ends, and who lived it together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from devlearn.records.reader import ArmRecords, LearnerRecord, Point
from devlearn.records.schema import Keys, Number, StageEntry

AXES = ("updates", "flops", "env_steps", "images")
PLANNED = (*AXES, "change", "until")  # keys that a storyboard shows in a way of their own


@dataclass(frozen=True)
class Window:
    """A part of a stage with other values of some keys (``change``), from ``start`` to ``end`` in updates of life."""

    start: float
    end: float
    keys: Keys


@dataclass(frozen=True)
class Span:
    """A stage in the life of one arm, from ``start`` to ``end`` on the story's axis (mean over its learners).

    ``shared`` names the other arms that lived this very stage together with this one. ``own`` are the keys in which it
    differs from the first stage of its name in the story, budgets apart. ``windows`` are its changes, where the axis is
    updates. ``planned``: nobody has finished it yet, and its ends are those that its budget declares. It has no end
    where its budget is in another unit than the axis, and no start where a stage before it has no end.
    """

    name: str
    kind: str
    visit: int
    budget: tuple[str, Number] | None
    keys: Keys
    shared: tuple[str, ...]
    start: float | None
    end: float | None
    own: Keys
    windows: tuple[Window, ...]
    planned: bool = False


@dataclass(frozen=True)
class Story:
    """The lives of all arms along ``unit`` of the ledger."""

    unit: str
    arms: dict[str, tuple[Span, ...]]


def story(point: Point) -> Story:
    """The lives of a point's arms, along updates, or the first unit of ``AXES`` that anyone consumed or will."""
    arms = point.arms.values()
    known = (unit for asked in (_spent, _declared) for unit in AXES if any(asked(arm, unit) for arm in arms))
    unit = next(known, AXES[0])
    return Story(unit, {name: _spans(name, arm, point, unit) for name, arm in point.arms.items()})


def _spent(arm: ArmRecords, unit: str) -> bool:
    return any(life.ledger[unit] for life in arm.lives.values())


def _declared(arm: ArmRecords, unit: str) -> bool:
    return any(stage.budget is not None and stage.budget[0] == unit for stage in arm.stages)


def _spans(name: str, arm: ArmRecords, point: Point, unit: str) -> tuple[Span, ...]:
    found: list[Span] = []
    for place, stage in enumerate(arm.stages):
        start = found[-1].end if found else 0.0
        lived = _end(arm, place, unit)
        end = _planned_end(stage, start, unit) if lived is None else lived
        windows = _windows(stage, start, end) if unit == "updates" else ()
        span = _span(stage, start, end, _shared(name, place, stage, point), _own(stage, point), windows)
        found.append(replace(span, planned=lived is None))
    return tuple(found)


def _planned_end(stage: StageEntry, start: float | None, unit: str) -> float | None:
    """Where a stage's budget would end it; None where that is in another unit."""
    budget = stage.budget
    if start is None or (budget is not None and budget[0] != unit):
        return None
    return start + (0 if budget is None else budget[1])


def _own(stage: StageEntry, point: Point) -> Keys:
    """The keys that set a stage apart from the first of its name."""
    alike = (other for arm in point.arms.values() for other in arm.stages if other.name == stage.name)
    first = next(alike).keys
    return {key: value for key, value in stage.keys.items() if key not in PLANNED and value != first.get(key)}


def _windows(stage: StageEntry, start: float | None, end: float | None) -> tuple[Window, ...]:
    if start is None or end is None:
        return ()
    parts: Any = stage.keys.get("change") or []
    ends = [end if part.get("until") is None else min(end, start + part["until"]) for part in parts]
    found = (Window(start + part["from"], stop, part["set"]) for part, stop in zip(parts, ends, strict=True))
    return tuple(window for window in found if window.start < window.end)


def _end(arm: ArmRecords, position: int, unit: str) -> float | None:
    """What a learner had consumed by a stage's end: the mean over the learners that got there; None for nobody."""
    found = [spent for life in arm.lives.values() if (spent := _spent_by(life, position, unit)) is not None]
    return sum(found) / len(found) if found else None


def _spent_by(life: LearnerRecord, position: int, unit: str) -> float | None:
    moments = [m for m in life.moments if m.position == position and m.when == "end"]
    return moments[-1].ledger[unit] if moments else None


def _shared(name: str, position: int, stage: StageEntry, point: Point) -> tuple[str, ...]:
    """The other arms whose stage at this position belongs to the same branch."""
    others = ((other, arm.stages) for other, arm in point.arms.items() if other != name)
    return tuple(o for o, stages in others if position < len(stages) and stages[position].branch == stage.branch)


def _span(
    stage: StageEntry,
    start: float | None,
    end: float | None,
    shared: Sequence[str],
    own: Keys,
    windows: tuple[Window, ...],
) -> Span:
    whole = (stage.name, stage.kind, stage.visit, stage.budget, stage.keys)
    return Span(*whole, tuple(shared), start, end, own, windows)
