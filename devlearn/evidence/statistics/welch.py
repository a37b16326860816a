"""Unpaired arms: Welch's t-test of two means, its interval and equivalence (Welch 1947; Satterthwaite 1946)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from devlearn.evidence.statistics.sign_flip import ALPHA, Vector, rounding
from devlearn.lazy import stats


def welch(x: ArrayLike, y: ArrayLike, alpha: float = ALPHA) -> tuple[float, tuple[float, float]]:
    """p and interval, at level 1 - ``alpha``, of mean(x) - mean(y) for unpaired x (n,), y (m,) of any variances.

    Fewer than two values on a side give p = 1 and an infinite interval.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if min(len(x), len(y)) < 2:
        return 1.0, (-math.inf, math.inf)
    difference = float(x.mean() - y.mean())
    if _constant(x) and _constant(y):
        return float(_equal(x, y, difference)), (difference, difference)
    found = stats.ttest_ind(x, y, equal_var=False)
    ends = found.confidence_interval(1 - alpha)
    return float(found.pvalue), (float(ends.low), float(ends.high))


def welch_equivalence(x: ArrayLike, y: ArrayLike, smallest_effect: float) -> float:
    """p of "|mean(x) - mean(y)| >= smallest_effect" for x (n,), y (m,): two one-sided Welch tests."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if min(len(x), len(y)) < 2:
        return 1.0
    if _constant(x) and _constant(y):
        beyond = abs(float(x.mean() - y.mean())) - smallest_effect
        return float(beyond >= 0 or _equal(x, y, beyond))
    above = stats.ttest_ind(x + smallest_effect, y, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(x - smallest_effect, y, equal_var=False, alternative="less").pvalue
    return float(max(above, below))


def _constant(x: Vector) -> bool:
    """Whether the values differ by no more than the rounding of their mean."""
    return float(np.ptp(x)) <= rounding(x) / len(x)


def _equal(x: Vector, y: Vector, difference: float) -> bool:
    """Whether a difference of the two means is no more than their rounding."""
    return abs(difference) <= rounding(x) / len(x) + rounding(y) / len(y)
