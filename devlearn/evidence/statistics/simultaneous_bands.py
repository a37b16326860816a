"""Simultaneous bands around paired curves: sign flips of the largest |t| over all moments.

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

from devlearn.evidence.statistics.sign_flip import ALPHA, EXACT, Vector

ROWS = 4096  # flips at a time
SIGNS = 2**14  # random flips above 16 learners
FLAT = 1e-10  # of the largest difference: a standard error below it is rounding

Matrix = NDArray[np.float64]


def simultaneous_band(differences: Matrix, alpha: float = ALPHA) -> tuple[Vector, Vector, Vector, float]:
    """Mean, low and high (U,) of paired differences (n, U), n >= 2, and the critical value of |t|.

    Where all learners differ by the same amount the band has no width, and that moment takes no part in the maximum.
    """
    n = len(differences)
    mean, se = differences.mean(0), differences.std(0, ddof=1) / math.sqrt(n)
    se = np.where(se <= FLAT * np.abs(differences).max(0), 0.0, se)
    noisy = differences[:, se > 0]
    c = max(_critical(noisy, alpha), _critical(noisy - noisy.mean(0), alpha)) if noisy.size else 0.0
    return mean, mean - c * se, mean + c * se, c


def _critical(differences: Matrix, alpha: float) -> float:
    """The value that the largest |t| of at most alpha of all flips of ``differences`` (n, U) exceeds."""
    n, largest = len(differences), []
    for signs in _flips(n):
        square = (signs @ differences / n) ** 2  # (M, U)
        spread = np.maximum((differences**2).mean(0) - square, FLAT * square)
        largest.append(np.sqrt(((n - 1) * square / spread).max(1)))  # (M,)
    each = np.concatenate(largest)
    rank = math.floor(alpha * len(each))
    return float(-np.partition(-each, rank)[rank])


def _flips(n: int) -> Iterator[Matrix]:
    """All flips, up to the sign of the whole, or as many random ones: blocks of (M, n) of +1 and -1."""
    bits = _bits(n)
    for start in range(0, len(bits), ROWS):
        yield 1.0 - 2.0 * bits[start : start + ROWS].astype(np.float64)


@cache
def _bits(n: int) -> NDArray[np.uint8]:
    """(M, n) which learners are flipped; the first row flips nobody. The last learner is never flipped."""
    if n <= EXACT:
        return (np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1).astype(np.uint8)
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, 2, (SIGNS, n), np.uint8)
    drawn[0] = 0
    return drawn
