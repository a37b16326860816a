"""Numbers that describe and decide nothing: the mean and its interval, the middle half, the chance to be better."""

import math

import numpy as np
from numpy.typing import ArrayLike

from devlearn.evidence.statistics.quantiles import t_quantile, trimmed_mean
from devlearn.evidence.statistics.sign_flip import ALPHA


def probability_of_improvement(x: ArrayLike, y: ArrayLike, better: str = "higher") -> float:
    """P(X better than Y) + P(X = Y) / 2 over all pairs of a value of x (n,) and one of y (m,) (Agarwal et al. 2021)."""
    gap = np.subtract.outer(np.asarray(x, np.float64), np.asarray(y, np.float64))  # (n, m)
    gap = gap if better == "higher" else -gap
    return float(np.mean(gap > 0) + np.mean(gap == 0) / 2)


def iqm(x: ArrayLike) -> float:
    """Mean of what is left when floor(n / 4) values of x (n,) are cut from each end (Agarwal et al. 2021)."""
    return trimmed_mean(np.asarray(x, np.float64), 0.25)


def mean_interval(x: ArrayLike) -> tuple[float, float, float]:
    """Mean of x (n,) and its 95 % t-interval; infinite ends for n = 1."""
    x = np.asarray(x, np.float64)
    mean = float(x.mean())
    if len(x) < 2:
        return mean, -math.inf, math.inf
    half = float(t_quantile(1 - ALPHA / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return mean, mean - half, mean + half
