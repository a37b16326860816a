"""Where two learning curves differ: simultaneous bands from sign flips of the largest |t| over all moments.

The paired differences of a learner are flipped together at all moments, which keeps their dependence in time, and the
largest |t| of each flip is kept (Westfall & Young 1993; Nichols & Holmes 2002). The critical value is the larger of two
quantiles. Flipping the differences themselves gives the exact test that the curves never differ. Flipping the
differences less their mean gives the noise alone, which is what a band around a curve that is not 0 needs; there the
first one can be too small, because a large difference makes the flips of all moments alike.
"""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence import statistics
from devlearn.evidence.analysis.curve_matrix import CurveMatrix, Matrix, Vector, common
from devlearn.records.reader import Json

ROWS = 4096  # flips at a time
SIGNS = 2**14  # random flips above 16 learners


def band(a: CurveMatrix, b: CurveMatrix, alpha: float = statistics.ALPHA) -> Json:
    """The simultaneous band of a - b over the last stage's moments that both arms share.

    ``differs_from`` is the first update from which 0 lies outside the band until the end, or null.
    """
    updates, differences = common(a, b)
    found: Json = {"arm": a.arm.name, "against": b.arm.name, "n": len(differences)}
    if why := _refused(differences):
        return found | {"refused": why}
    mean, low, high, c = simultaneous(differences, alpha)
    outside = (low > 0) | (high < 0)
    return found | {
        "updates": updates.tolist(), "difference": mean.tolist(), "low": low.tolist(), "high": high.tolist(),
        "critical": c, "differs_from": _from(updates.tolist(), outside.tolist()),
    }  # fmt: skip


def _refused(differences: Matrix) -> str:
    n = len(differences)
    if statistics.smallest_p(n) > statistics.ALPHA:
        return f"{n} seeds can't reach significance"
    if not np.isfinite(differences).all():
        return "a learner diverged and no 'worst' value is declared for it"
    return ""


def simultaneous(differences: Matrix, alpha: float = statistics.ALPHA) -> tuple[Vector, Vector, Vector, float]:
    """Mean, low and high (U,) of paired differences (n, U), and the critical value of |t|.

    Where all learners differ by the same amount the band has no width, and that moment takes no part in the maximum.
    """
    n = len(differences)
    mean, se = differences.mean(0), differences.std(0, ddof=1) / math.sqrt(n)
    se = np.where(se <= statistics.TIE * np.abs(differences).max(0), 0.0, se)
    noisy = differences[:, se > 0]
    c = max(_critical(noisy, alpha), _critical(noisy - noisy.mean(0), alpha)) if noisy.size else 0.0
    return mean, mean - c * se, mean + c * se, c


def _critical(differences: Matrix, alpha: float) -> float:
    """The value that the largest |t| of at most alpha of all flips of ``differences`` (n, U) exceeds."""
    largest = np.concatenate([_largest_t(signs, differences) for signs in _flips(len(differences))])
    rank = math.floor(alpha * len(largest))
    return float(-np.partition(-largest, rank)[rank])


def _largest_t(signs: Matrix, differences: Matrix) -> Vector:
    """(M,) the largest |t| over moments, of every row of ``signs`` (M, n)."""
    n = len(differences)
    square = (signs @ differences / n) ** 2  # (M, U)
    spread = np.maximum((differences**2).mean(0) - square, statistics.TIE * square)
    return np.sqrt(((n - 1) * square / spread).max(1))


def _flips(n: int) -> Iterator[Matrix]:
    """All flips, up to the sign of the whole, or as many random ones: blocks of (M, n) of +1 and -1."""
    bits = _bits(n)
    for start in range(0, len(bits), ROWS):
        yield 1.0 - 2.0 * bits[start : start + ROWS].astype(np.float64)


@cache
def _bits(n: int) -> NDArray[np.uint8]:
    """(M, n) which learners are flipped; the first row flips nobody. The last learner is never flipped."""
    if n <= statistics.EXACT:
        return (np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1).astype(np.uint8)
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, 2, (SIGNS, n), np.uint8)
    drawn[0] = 0
    return drawn


def _from(updates: list[int], outside: list[bool]) -> int | None:
    """The first update from which every moment is outside."""
    found = None
    for update, out in zip(reversed(updates), reversed(outside), strict=True):
        if not out:
            break
        found = update
    return found
