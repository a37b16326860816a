"""When a level is reached, and how long the way from one level to the next takes: a hot start or faster learning.

A learner reaches a level at the first measured moment of its last stage (its beginning included) at or above it, or at
or below it where lower is better. Moments are not interpolated here: a level counts as reached when it was seen, and
what was paid by then is on record (labels are paid all at once, so values between two moments mean nothing). A learner
that never gets there is censored at the budget: it counts with the whole budget, and as not having reached.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence import statistics
from devlearn.evidence.analysis.curve_matrix import CurveMatrix, paired
from devlearn.evidence.statistics import Matrix, Vector
from devlearn.records.results import (
    Contrast,
    HotStart,
    LevelPair,
    LevelReached,
    NotEstimable,
    Reading,
    Reason,
    RefusedHotStart,
    ScarcePassage,
    Took,
)
from devlearn.records.schema import FEEDBACK

UNITS = ("labels", "images", "env_steps", "flops", *FEEDBACK)  # of the whole life; updates are of the last stage
FEWEST = 6  # pairs: with fewer no p reaches .05
SHARE = 0.8  # of the pairs that must be estimable: the others may be those that matter
REASONS = ("above", "never", "coarse")


def oriented(curve: CurveMatrix, level: float) -> tuple[Matrix, float]:
    """The values (n, U) and the level such that higher is better."""
    return curve.sign * curve.values, curve.sign * level


def reached(curve: CurveMatrix, level: float) -> NDArray[np.int64]:
    """(n,) index of the first moment at the level; U for learners that never get there."""
    values, target = oriented(curve, level)
    there = np.pad(values >= target, ((0, 0), (0, 1)), constant_values=True)  # an unknown value is no arrival
    result: NDArray[np.intp] = there.argmax(1)
    return result


def levels(curve: CurveMatrix, wanted: Sequence[float]) -> dict[str, LevelReached]:
    """{level: share that reached it, median and restricted mean of what it took} of one arm."""
    found, n = {}, len(curve.seeds)
    for level in wanted:
        first = reached(curve, level)
        there = int(np.count_nonzero(first < len(curve.updates)))
        units = {"updates": _took(np.broadcast_to(curve.updates, curve.values.shape), first)}
        units |= {unit: _took(curve.spent[unit], first) for unit in UNITS if curve.spent[unit].any()}
        found[f"{level:g}"] = LevelReached(
            level=level, n=n, reached=there, share=there / n if n else None, until=curve.stop, units=units
        )
    return found


def _took(spent: Matrix, first: NDArray[np.int64]) -> Took:
    """What half of the learners needed at most (None where under half got there); the mean censored at the budget."""
    n, moments = spent.shape
    if n == 0:
        return Took(median=None, restricted_mean=None)
    paid = spent[np.arange(n), np.minimum(first, moments - 1)]
    half = np.sort(np.where(first < moments, paid, math.inf))[math.ceil(n / 2) - 1]
    return Took(median=float(half) if math.isfinite(half) else None, restricted_mean=float(paid.mean()))


def level_pair(a: CurveMatrix, b: CurveMatrix, level: float) -> LevelPair:
    """Paired difference in updates of the last stage to a level, both censored where the shorter budget ends."""
    until = min(a.stop, b.stop)
    when = [
        np.minimum(np.append(curve.updates, until).astype(np.float64)[reached(curve, level)], until)  # (n,)
        for curve in (a, b)
    ]
    contrast = paired(a, b, *when).contrast()
    return LevelPair(level=level, arm=a.arm.name, against=b.arm.name, until=until, **contrast)


def passages(curve: CurveMatrix, low: float, high: float) -> tuple[Vector, NotEstimable]:
    """(n,) updates from one level to the next, NaN where not estimable; and the seeds of those, by reason.

    Both crossings are interpolated linearly between neighbouring moments, because rounding a duration to the probe's
    grid would bias a ratio. ``above``: at or above the lower level when the last stage begins; ``never``: not at the
    higher one within the budget; ``coarse``: both levels crossed between two neighbouring moments, so that only an
    upper bound of the duration is on record.
    """
    first, last = reached(curve, low), reached(curve, high)
    why = np.select([first == 0, last == len(curve.updates), first == last], REASONS, "")
    seeds = {reason: tuple(s for s, w in zip(curve.seeds, why, strict=True) if w == reason) for reason in REASONS}
    with np.errstate(invalid="ignore"):  # inf - inf, of learners that are not estimable
        span = _crossed(curve, high, last) - _crossed(curve, low, first)
    return np.where(why == "", span, math.nan), NotEstimable(**seeds)


def _crossed(curve: CurveMatrix, level: float, first: NDArray[np.int64]) -> Vector:
    """(n,) interpolated update of the crossing that ends at moment ``first``; meaningless where that is 0 or U."""
    if len(curve.updates) < 2:
        return np.full(len(first), math.nan)
    values, target = oriented(curve, level)
    after = np.clip(first, 1, len(curve.updates) - 1)
    rows = np.arange(len(first))
    left, right = values[rows, after - 1], values[rows, after]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (target - left) / (right - left)
    start, end = curve.updates[after - 1], curve.updates[after]
    return start + (end - start) * part


def hot_start(a: CurveMatrix, b: CurveMatrix, wanted: Sequence[float]) -> HotStart | ScarcePassage | RefusedHotStart:
    """Did ``a`` learn faster than ``b``, or begin higher? The paired log ratio of updates from one level to the next.

    Refused where the question can't be answered: no two levels, a learning rate that is not constant or a stage that
    changes on the way (an early learner meets another rate at the same level), or too few learners of which the
    passage is on record.
    """
    way: dict[str, Any] = {"arm": a.arm.name, "against": b.arm.name}
    if len(wanted) != 2:
        return RefusedHotStart(**way, refused=Reason.of("levels", levels=len(wanted)))
    if refused := _changing(a) or _changing(b):
        return RefusedHotStart(**way, refused=refused)
    low, high = sorted(wanted, reverse=a.sign < 0)
    (spent_a, gone_a), (spent_b, gone_b) = passages(a, low, high), passages(b, low, high)
    logs = paired(a, b, np.log(spent_a), np.log(spent_b))  # NaN for a lineage of which a learner can't be counted
    kept = np.isfinite(logs.differences)
    pairs, n = len(kept), int(kept.sum())
    way |= {"from_": low, "to": high, "pairs": pairs, "n": n, "not_estimable": {"arm": gone_a, "against": gone_b}}
    if n < max(FEWEST, SHARE * pairs):
        few = Reason.of("few_passages", n=n, pairs=pairs, fewest=FEWEST, share=SHARE)
        return ScarcePassage(**way, refused=few)
    ratio = Contrast(**logs[kept].contrast())
    start = Contrast(**paired(a, b, a.values[:, 0], b.values[:, 0]).contrast())
    low_end, high_end = (None if end is None else math.exp(end) for end in ratio.interval)
    return HotStart(
        **way,
        ratio=math.exp(float(logs[kept].differences.mean())),
        interval=(low_end, high_end),
        p=ratio.p,
        start=start,
        reads=_readings(ratio, start, a.sign),
    )


def _changing(curve: CurveMatrix) -> Reason | None:
    """Why rates of learning at different times of this arm's last stage can't be compared; None where they can."""
    stage = curve.arm.stages[-1]
    place = {"stage": stage.name, "arm": curve.arm.name}
    schedule = stage.keys.get("schedule", "constant")
    if schedule != "constant":
        return Reason.of("schedule", **place, schedule=schedule)
    return Reason.of("changing", **place) if stage.keys.get("change") else None


def _readings(ratio: Contrast, start: Contrast, sign: int) -> tuple[Reading, ...]:
    """What the findings that are significant say."""
    found = []
    if gap := _finding(start):
        found.append(Reading.HOT if sign * gap > 0 else Reading.COLD)
    if gap := _finding(ratio):
        found.append(Reading.FASTER if gap < 0 else Reading.SLOWER)
    return tuple(found)


def _finding(contrast: Contrast) -> float | None:
    """The difference, where its p is significant."""
    return contrast.difference if contrast.p is not None and contrast.p <= statistics.ALPHA else None
