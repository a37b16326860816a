"""When a level is reached, and how long the way from one level to the next takes: a hot start or faster learning.

A learner reaches a level at the first measured moment of its last stage (its beginning included) at or above it, or at
or below it where lower is better. Moments are not interpolated here: a level counts as reached when it was seen, and
what was paid by then is on record (labels are paid all at once, so values between two moments mean nothing). A learner
that never gets there is censored at the budget: it counts with the whole budget, and as not having reached.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence import statistics
from devlearn.evidence.analysis.curve_matrix import CurveMatrix, Matrix, Vector, contrast, paired
from devlearn.records.reader import Json

UNITS = ("labels", "images", "env_steps", "flops")  # of the whole life; updates are of the last stage
FEWEST = 6  # pairs: with fewer no p reaches .05
SHARE = 0.8  # of the pairs that must be estimable: the others may be those that matter
REASONS = ("above", "never", "coarse")


def oriented(track: CurveMatrix, level: float) -> tuple[Matrix, float]:
    """The values (n, U) and the level such that higher is better."""
    return track.sign * track.values, track.sign * level


def reached(track: CurveMatrix, level: float) -> NDArray[np.int64]:
    """(n,) index of the first moment at the level; U for learners that never get there."""
    values, target = oriented(track, level)
    there = np.pad(values >= target, ((0, 0), (0, 1)), constant_values=True)  # an unknown value is no arrival
    return there.argmax(1)


def levels(track: CurveMatrix, wanted: Sequence[float]) -> Json:
    """{level: share that reached it, median and restricted mean of what it took} of one arm."""
    return {f"{level:g}": _level(track, level) for level in wanted}


def _level(track: CurveMatrix, level: float) -> Json:
    n, first = len(track.seeds), reached(track, level)
    there = int(np.count_nonzero(first < len(track.updates)))
    units = {"updates": _took(np.broadcast_to(track.updates, track.values.shape), first)}
    units |= {unit: _took(track.spent[unit], first) for unit in UNITS if track.spent[unit].any()}
    share = there / n if n else None
    return {"level": level, "n": n, "reached": there, "share": share, "until": track.stop, "units": units}


def _took(spent: Matrix, first: NDArray[np.int64]) -> Json:
    """What half of the learners needed at most (null where under half got there); the mean censored at the budget."""
    n, moments = spent.shape
    if n == 0:
        return {"median": None, "restricted_mean": None}
    paid = spent[np.arange(n), np.minimum(first, moments - 1)]
    half = np.sort(np.where(first < moments, paid, math.inf))[math.ceil(n / 2) - 1]
    return {"median": float(half) if math.isfinite(half) else None, "restricted_mean": float(paid.mean())}


def level_pair(a: CurveMatrix, b: CurveMatrix, level: float) -> Json:
    """Paired difference in updates of the last stage to a level, both censored where the shorter budget ends."""
    until = min(a.stop, b.stop)
    found = {"level": level, "arm": a.arm.name, "against": b.arm.name, "until": until}
    return found | contrast(paired(a, b, _restricted(a, level, until), _restricted(b, level, until)))


def _restricted(track: CurveMatrix, level: float, until: int) -> Vector:
    """(n,) updates to the level, at most ``until``."""
    when = np.append(track.updates, until).astype(np.float64)[reached(track, level)]
    return np.minimum(when, until)


def passages(track: CurveMatrix, low: float, high: float) -> tuple[Vector, dict[str, list[int]]]:
    """(n,) updates from one level to the next, NaN where not estimable; and the seeds of those, by reason.

    Both crossings are interpolated linearly between neighbouring moments, because rounding a duration to the probe's
    grid would bias a ratio. ``above``: at or above the lower level when the last stage begins; ``never``: not at the
    higher one within the budget; ``coarse``: both levels crossed between two neighbouring moments, so that only an
    upper bound of the duration is on record.
    """
    first, last = reached(track, low), reached(track, high)
    why = np.select([first == 0, last == len(track.updates), first == last], REASONS, "")
    seeds = {reason: [seed for seed, w in zip(track.seeds, why, strict=True) if w == reason] for reason in REASONS}
    with np.errstate(invalid="ignore"):  # inf - inf, of learners that are not estimable
        span = _crossed(track, high, last) - _crossed(track, low, first)
    return np.where(why == "", span, math.nan), seeds


def _crossed(track: CurveMatrix, level: float, first: NDArray[np.int64]) -> Vector:
    """(n,) interpolated update of the crossing that ends at moment ``first``; meaningless where that is 0 or U."""
    if len(track.updates) < 2:
        return np.full(len(first), math.nan)
    values, target = oriented(track, level)
    after = np.clip(first, 1, len(track.updates) - 1)
    rows = np.arange(len(first))
    left, right = values[rows, after - 1], values[rows, after]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (target - left) / (right - left)
    start, end = track.updates[after - 1], track.updates[after]
    return start + (end - start) * part


def hot_start(a: CurveMatrix, b: CurveMatrix, wanted: Sequence[float]) -> Json:
    """Did ``a`` learn faster than ``b``, or begin higher? The paired log ratio of updates from one level to the next.

    The answer has ``refused`` with the reason instead where the question can't be answered: no two levels, a learning
    rate that is not constant or a stage that changes on the way (an early learner meets another rate at the same
    level), or too few learners of which the passage is on record.
    """
    found: Json = {"arm": a.arm.name, "against": b.arm.name}
    if len(wanted) != 2:
        return found | {"refused": f"compare.levels has {len(wanted)} levels; a hot start is told with two"}
    if why := _changing(a) or _changing(b):
        return found | {"refused": why}
    low, high = sorted(wanted, reverse=a.sign < 0)
    return found | {"from": low, "to": high} | _passage(a, b, low, high)


def _changing(track: CurveMatrix) -> str:
    """Why rates of learning at different times of this arm's last stage can't be compared; empty where they can."""
    stage = track.arm.stages[-1]
    place, keys = f"{stage['name']} of {track.arm.name}", stage.get("keys", {})
    schedule = keys.get("schedule", "constant")
    if schedule != "constant":
        return f"the learning rate of {place} follows a {schedule} schedule; make it constant"
    if keys.get("change"):
        return f"{place} changes on the way; compare arms whose last stage stays the same"
    return ""


def _passage(a: CurveMatrix, b: CurveMatrix, low: float, high: float) -> Json:
    (spent_a, gone_a), (spent_b, gone_b) = passages(a, low, high), passages(b, low, high)
    logs = paired(a, b, np.log(spent_a), np.log(spent_b))  # NaN for a lineage of which a learner can't be counted
    kept = logs[np.isfinite(logs)]
    counts: Json = {"pairs": len(logs), "n": len(kept), "not_estimable": {"arm": gone_a, "against": gone_b}}
    if len(kept) < max(FEWEST, SHARE * len(logs)):
        return counts | {"refused": _too_few(counts)}
    ratio, start = contrast(kept), contrast(paired(a, b, a.values[:, 0], b.values[:, 0]))
    return counts | _ratio(ratio) | {"start": start, "reads": _reads(ratio, start, a.sign)}


def _too_few(counts: Json) -> str:
    return (
        f"the passage is on record for {counts['n']} of {counts['pairs']} pairs; it takes {FEWEST} and "
        f"{100 * SHARE:.0f} % of them. Declare levels that all learners pass, or measure more often"
    )


def _ratio(logs: Json) -> Json:
    low, high = (None if end is None else math.exp(end) for end in logs["interval"])
    return {"ratio": math.exp(logs["difference"]), "interval": [low, high], "p": logs["p"]}


def _reads(ratio: Json, start: Json, sign: int) -> str:
    """``hot start``, ``faster learning``, ``slower learning``, joined by and; or ``neither``."""
    parts = ["hot start"] * (_found(start) and sign * start["difference"] > 0)
    parts += ["cold start"] * (_found(start) and sign * start["difference"] < 0)
    if _found(ratio):
        parts.append("faster learning" if ratio["difference"] < 0 else "slower learning")
    return " and ".join(parts) or "neither"


def _found(contrasted: Json) -> bool:
    return contrasted["p"] is not None and contrasted["p"] <= statistics.ALPHA
