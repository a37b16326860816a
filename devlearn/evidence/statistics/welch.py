"""Unpaired arms: Welch's t-test of two means, its interval and equivalence (Welch 1947; Satterthwaite 1946).

An arm whose values are all the same has a variance of zero, which the formulas take for knowledge. Here it is an
estimate like any other. Where one arm is constant, t has the degrees of freedom of the smaller arm, min(n, m) - 1,
which are never more than Welch's for any variances. Where both are, there is no t, and the permutation test of the
pooled values decides: of all C(n + m, n) ways to deal them out to two arms only the observed one, and with n = m its
mirror image, puts the means as far apart.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from devlearn.evidence.statistics.sign_flip import ALPHA, Vector, rounding
from devlearn.lazy import stats


def welch(x: ArrayLike, y: ArrayLike, alpha: float = ALPHA) -> tuple[float, tuple[float, float]]:
    """p and interval, at level 1 - ``alpha``, of mean(x) - mean(y) for unpaired x (n,), y (m,) of any variances.

    Fewer than two values on a side give p = 1 and an infinite interval, and so do two constants, up to their
    difference, where n and m are too small to tell anything at ``alpha``.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if min(len(x), len(y)) < 2:
        return 1.0, (-math.inf, math.inf)
    difference = float(x.mean() - y.mean())
    if _constant(x) and _constant(y):
        least = (2 if len(x) == len(y) else 1) * _chance(x, y)
        p = 1.0 if _equal(x, y, difference) else least
        return p, (difference, difference) if least <= alpha else (-math.inf, math.inf)
    if _constant(x) or _constant(y):
        t, error, df = _against_a_constant(x, y, 0.0)
        half = float(stats.t.isf(alpha / 2, df)) * error
        return float(2 * stats.t.sf(abs(t), df)), (difference - half, difference + half)
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
        return 1.0 if beyond >= 0 or _equal(x, y, beyond) else _chance(x, y)
    if _constant(x) or _constant(y):
        above, _, df = _against_a_constant(x, y, -smallest_effect)
        below, _, _ = _against_a_constant(x, y, smallest_effect)
        return float(max(stats.t.sf(above, df), stats.t.cdf(below, df)))
    above = stats.ttest_ind(x + smallest_effect, y, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(x - smallest_effect, y, equal_var=False, alternative="less").pvalue
    return float(max(above, below))


def _against_a_constant(x: Vector, y: Vector, shift: float) -> tuple[float, float, int]:
    """t of mean(x) - mean(y) - shift where one of them is constant, its standard error and degrees of freedom."""
    error = math.sqrt(sum(0.0 if _constant(side) else float(side.var(ddof=1)) / len(side) for side in (x, y)))
    return (float(x.mean() - y.mean()) - shift) / error, error, min(len(x), len(y)) - 1


def _chance(x: Vector, y: Vector) -> float:
    """How likely it is that n + m values which are dealt out blindly fall into these two arms."""
    return 1 / math.comb(len(x) + len(y), len(x))


def _constant(x: Vector) -> bool:
    """Whether the values differ by no more than the rounding of their mean."""
    return float(np.ptp(x)) <= rounding(x) / len(x)


def _equal(x: Vector, y: Vector, difference: float) -> bool:
    """Whether a difference of the two means is no more than their rounding."""
    return abs(difference) <= rounding(x) / len(x) + rounding(y) / len(y)
