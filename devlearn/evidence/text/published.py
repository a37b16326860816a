"""Published results in words: a value, a difference, an interval, with as many decimals as the interval bears."""

import math
from typing import Any

from devlearn.evidence.text.formats import rate
from devlearn.records.declared import SHARE
from devlearn.records.published import Interval, PublishedError, Row, StudyPair, StudyPoint, StudyResult

UNSPOKEN = ("number", "return", "")  # units that a number is read without


def read_off(result: StudyResult, row: Row) -> tuple[float, Interval | None, StudyPoint]:
    """The number that a row reads off a result, its 95 % interval, and the comparison it stands in.

    Raises:
        PublishedError: the result has no such point, arm or pair.
    """
    point = result.at(row.point, row.probe, row.at)
    if row.pair:
        pair = point.pair(*row.pair)
        if pair.difference is None:
            raise PublishedError(f"{result.study}: {row.what} has no difference: {pair.verdict}")
        return pair.difference, pair.interval, point
    if row.arm not in point.arms:
        raise PublishedError(f"{result.study}: no arm {row.arm!r}; there are: {', '.join(point.arms)}")
    return point.arms[row.arm].mean, point.arms[row.arm].interval, point


def value(number: float, interval: Interval | None, unit: str, sign: bool = False) -> str:
    """``75.8 % (74.9 to 76.7)``; a difference (``sign``) of shares in points: ``+1.98 points (+1.45 to +2.50)``."""
    scale = 100 if unit == SHARE else 1
    plus = "+" if sign else ""
    spec = f"{plus}.{decimals(interval, unit)}f"
    after = (" points" if sign else " %") if unit == SHARE else "" if unit in UNSPOKEN else f" {unit}"
    ends = f" ({interval[0] * scale:{spec}} to {interval[1] * scale:{spec}})" if interval else ""
    return f"{number * scale:{spec}}{after}{ends}"


def decimals(interval: Interval | None, unit: str) -> int:
    """How many decimals an interval bears: two below a width of 2, one below 20; of shares, in percent, two at most."""
    most = 2 if unit == SHARE else 4
    width = 0.0 if interval is None else (interval[1] - interval[0]) * (100 if unit == SHARE else 1)
    if width <= 0:
        return 2 if unit == SHARE else 1
    return max(0, min(most, 1 - math.floor(math.log10(width / 2))))


def chance(p: float | None) -> str:
    """A p value: ``9.2e-5``, ``.021``, ``.92``."""
    if p is None:
        return ""
    if p >= 0.001:
        return (f"{p:.2g}" if p < 0.1 else f"{p:.2f}").removeprefix("0")
    digits, exponent = f"{p:.1e}".split("e")
    return f"{digits}e{int(exponent)}"


def word(pair: StudyPair, point: StudyPoint) -> str:
    """The verdict with its clauses: ``better (fragile), unless 18 % fail, maybe small``; or who did fail."""
    unless = "" if pair.unless is None else f", unless {rate(pair.unless)} fail"
    if gone := failed(pair, point):
        unless = "".join(f", {n} of {pair.n} learners of {arm} failed" for arm, n in gone.items())
    small = ", maybe small" * maybe_small(pair, point)
    return f"{pair.verdict}{' (fragile)' * bool(pair.fragile)}{unless}{small}"


def failed(pair: StudyPair, point: StudyPoint) -> dict[str, int]:
    """How many learners failed of a pair's arms, where any did; of older files only those are known that diverged."""
    names = [name for name in (pair.arm, pair.against) if name in point.arms]
    known = pair.failed if pair.failed is not None else {name: point.arms[name].diverged for name in names}
    return {name: count for name, count in known.items() if count}


def maybe_small(pair: StudyPair, point: StudyPoint) -> bool:
    """Whether a found difference may be less than the smallest effect: its interval reaches below that."""
    found = pair.verdict in ("better", "worse") and pair.interval is not None
    return bool(found and min(abs(end) for end in pair.interval or ()) < (point.smallest_effect or 0.0))


def row_text(result: StudyResult, row: Row) -> str:
    """What a row has read off a result; a pair with its verdict."""
    number, interval, point = read_off(result, row)
    said = value(number, interval, point.unit, sign=row.pair is not None)
    if row.pair is None:
        return said
    return f"{said}: {'exploratory' if point.exploratory else word(point.pair(*row.pair), point)}"


ROUNDED = 0.0005  # half of the last digit that shares are published with


def share_published(row: Row) -> float | None:
    """The share that an arm's row has published, as ``88.0 %``; None where that is no share."""
    text = row.published.text if row.published is not None and row.arm is not None else ""
    return float(text.removesuffix("%")) / 100 if text.endswith("%") else None


def beside(result: StudyResult, row: Row, share: float) -> list[str]:
    """What it is, what was reached, the share that is published, points between them, whether the interval has it."""
    mean, interval, _ = read_off(result, row)
    low, high = interval or (mean, mean)
    within = low - ROUNDED <= share <= high + ROUNDED
    apart = f"{100 * (mean - share):+.1f}"
    return [row.what, value(mean, interval, SHARE), f"{100 * share:.1f} %", apart, "yes" if within else "no"]


def times(result: StudyResult, against: str, epoch: int) -> list[list[str]]:
    """For each arm and level: who reached it, the epochs of ``epoch`` updates that half of them took at most, and how
    many times those of ``against``.
    """
    analyses: dict[str, Any] = dict(result.analyses)
    (point,) = analyses["points"]
    found = []
    for arm, reached in point["levels"].items():
        for level, one in reached.items():
            took, other = (point["levels"][who][level]["units"]["updates"]["median"] for who in (arm, against))
            epochs = "" if took is None else f"{took / epoch:.1f}"
            ratio = "" if took is None or other is None else f"{took / other:.1f}"
            found.append([arm, f"{100 * float(level):g} %", f"{one['reached']} of {one['n']}", epochs, ratio])
    return found
