"""A test of the mean that allows for lopsided values: how far the symmetric one can be trusted.

Hall's monotone cubic transformation takes the first-order effect of skewness out of the t statistic (Hall 1992, J. R.
Statist. Soc. B 54, 221-228): with T = (mean - shift) / se and a, the estimated skewness of the mean itself,
T + a T^2 / 3 + a^2 T^3 / 27 + a / 6 is compared with Student's t. For n values of skewness g, a = g / sqrt(n).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from devlearn.evidence.statistics.quantiles import Vector, t_below

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True)
class _Mean:
    """An estimate of a mean with its standard error, the skewness of the estimate, and its degrees of freedom."""

    value: float
    error: float
    skewness: float
    df: float


def skew_adjusted(samples: Sequence[Vector], shift: float = 0.0, alternative: Alternative = "two-sided") -> float:
    """p of mean = ``shift`` (``greater``: of mean <= ``shift``; ``less``: of mean >= it), allowing for skewness.

    ``samples`` are one vector of paired differences (n,), or two unpaired ones (n,), (m,), whose means are subtracted.
    Where there are fewer than 3 values of one the p is 1; where nothing varies it is 0 or 1.
    """
    if min(map(len, samples)) < 3:
        return 1.0
    found = _mean(samples)
    a = found.skewness

    def allowed(t: float) -> float:
        return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6

    return _p(found, shift, alternative, allowed)


def t_test(samples: Sequence[Vector], shift: float = 0.0, alternative: Alternative = "two-sided") -> float:
    """p of Student's t, Welch's for two samples, asked the same way; at least 2 values of each."""
    return _p(_mean(samples), shift, alternative, lambda t: t)


def _p(found: "_Mean", shift: float, alternative: Alternative, transform: Callable[[float], float]) -> float:
    gap = found.value - shift
    if found.error == 0:
        return float({"greater": gap <= 0, "less": gap >= 0, "two-sided": gap == 0}[alternative])
    t = transform(gap / found.error)
    if alternative != "two-sided":
        return t_below(-t if alternative == "greater" else t, found.df)
    return min(1.0, 2 * t_below(-abs(t), found.df)) if t * gap > 0 else 1.0


def _mean(vectors: Sequence[Vector]) -> _Mean:
    """Of the first mean minus the second, with Satterthwaite's degrees of freedom; of the one mean, if it is alone."""
    sizes = [len(x) for x in vectors]
    variances = [float(x.var(ddof=1)) / n for x, n in zip(vectors, sizes, strict=True)]
    thirds = [_third(x) / n**2 if n > 2 else 0.0 for x, n in zip(vectors, sizes, strict=True)]
    variance = sum(variances)
    sign = (1, -1)
    value = sum(s * float(x.mean()) for s, x in zip(sign, vectors, strict=False))
    third = sum(s * m for s, m in zip(sign, thirds, strict=False))
    if variance == 0:
        return _Mean(value, 0.0, 0.0, 1.0)
    df = variance**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    return _Mean(value, math.sqrt(variance), third / variance**1.5, df)


def _third(x: Vector) -> float:
    """The unbiased third central moment of x (n,)."""
    n = len(x)
    return n / ((n - 1) * (n - 2)) * float(((x - x.mean()) ** 3).sum())
