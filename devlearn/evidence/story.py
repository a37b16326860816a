"""The life of each arm on one time axis: where each stage begins and ends, and who lived it together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devlearn.evidence.load import Arm, Json, Life, Point

AXES = ("updates", "flops", "env_steps", "images")


@dataclass(frozen=True)
class Span:
    """A stage in the life of one arm, from ``start`` to ``end`` on the story's axis (mean over its learners).

    ``shared`` names the other arms that lived this very stage together with this one. A stage that nobody has
    finished yet has no ends.
    """

    name: str
    kind: str
    visit: int
    budget: tuple[str, int] | None
    keys: Json
    shared: tuple[str, ...]
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Story:
    """The lives of all arms along ``unit`` of the ledger."""

    unit: str
    arms: dict[str, tuple[Span, ...]]


def story(point: Point) -> Story:
    """The lives of a point's arms, along updates, or the first unit of ``AXES`` that anyone consumed."""
    unit = next((unit for unit in AXES if any(_spent(arm, unit) for arm in point.arms.values())), AXES[0])
    return Story(unit, {name: _spans(name, arm, point, unit) for name, arm in point.arms.items()})


def _spent(arm: Arm, unit: str) -> bool:
    return any(life.ledger[unit] for life in arm.lives.values())


def _spans(name: str, arm: Arm, point: Point, unit: str) -> tuple[Span, ...]:
    ends = [_end(arm, position, unit) for position in range(len(arm.stages))]
    starts = [0.0, *ends]
    places = enumerate(zip(arm.stages, starts, ends, strict=False))
    return tuple(_span(stage, start, end, _shared(name, place, stage, point)) for place, (stage, start, end) in places)


def _end(arm: Arm, position: int, unit: str) -> float | None:
    """What a learner had consumed by a stage's end: the mean over the learners that got there; None for nobody."""
    found = [spent for life in arm.lives.values() if (spent := _spent_by(life, position, unit)) is not None]
    return sum(found) / len(found) if found else None


def _spent_by(life: Life, position: int, unit: str) -> float | None:
    moments = [m for m in life.moments if m.position == position and m.when == "end"]
    return moments[-1].ledger[unit] if moments else None


def _shared(name: str, position: int, stage: Json, point: Point) -> tuple[str, ...]:
    """The other arms whose stage at this position belongs to the same branch."""
    others = ((other, arm.stages) for other, arm in point.arms.items() if other != name)
    return tuple(o for o, stages in others if position < len(stages) and stages[position]["branch"] == stage["branch"])


def _span(stage: Json, start: float | None, end: float | None, shared: Sequence[str]) -> Span:
    budget: Any = stage.get("budget")
    keys = stage.get("keys", {})
    planned = None if budget is None else (str(budget[0]), budget[1])
    return Span(stage["name"], stage["kind"], stage.get("visit", 0), planned, keys, tuple(shared), start, end)
