"""How far an arm's last stage was declared to run, in updates: also where every learner was held long before."""

import math
from collections.abc import Iterable, Iterator, Mapping

from devlearn.records.reader import ArmRecords, LearnerRecord, Moment


def budget(arm: ArmRecords) -> int:
    """Updates of the last stage as declared, or as lived where that is more (the last yield may overshoot).

    A budget in another unit is converted at the rate at which learners consumed it. 0 for a stage that acts once.
    """
    lived = max((m.update for life in arm.lives.values() for m in _last(arm, life)), default=0)
    unit, size = arm.stages[-1].budget or ("updates", 0)
    per = 1.0 if unit == "updates" else rate(arm, unit)
    return max(lived, math.ceil(round(size / per, 6))) if per else lived


def rate(arm: ArmRecords, unit: str) -> float:
    """The most of ``unit`` that a learner of the arm consumed per update of its last stage; 0 where none lived any."""
    return max((_rate(arm, life, unit) for life in arm.lives.values()), default=0.0)


def _rate(arm: ArmRecords, life: LearnerRecord, unit: str) -> float:
    lived = max((m.update for m in _last(arm, life)), default=0)
    earlier = [m.ledger[unit] for m in life.moments if m.position < len(arm.stages) - 1]
    return (life.ledger[unit] - (earlier[-1] if earlier else 0.0)) / lived if lived else 0.0


def _last(arm: ArmRecords, life: LearnerRecord) -> Iterator[Moment]:
    return (m for m in life.moments if m.position == len(arm.stages) - 1)


def common_range(arms: Mapping[str, ArmRecords], pairs: Iterable[tuple[str, str]]) -> int:
    """Updates over which areas are taken: the smallest budget of a last stage among the arms of ``pairs``.

    Of all arms where there are no pairs. Stages that act once declare none; 0 where no stage declares any.
    """
    named = dict.fromkeys(name for pair in pairs for name in pair) or arms
    return min((size for size in map(budget, (arms[name] for name in named)) if size), default=0)
