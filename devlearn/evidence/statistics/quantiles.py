"""Quantiles and ranks as scipy.stats gives them, to the last bit, without the second that importing it takes."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def t_quantile(p: float, df: float) -> float:
    """The value that Student's t with ``df`` degrees of freedom stays below with probability ``p``."""
    from scipy.special import stdtrit  # a tenth of a second, in no command that only looks around

    return float(stdtrit(df, p))


def t_below(t: float, df: float) -> float:
    """The probability that Student's t with ``df`` degrees of freedom stays below ``t``."""
    from scipy.special import stdtr

    return float(stdtr(df, t))


def normal_quantile(p: float) -> float:
    """The value that a standard normal stays below with probability ``p``."""
    from scipy.special import ndtri

    return float(ndtri(p))


def trimmed_mean(x: Vector, share: float) -> float:
    """Mean of x (n,) without the floor(share n) smallest and largest."""
    cut = int(share * len(x))
    return float(np.mean(np.partition(x, (cut, len(x) - cut - 1))[cut : len(x) - cut]))


def ranks(x: Vector) -> Vector:
    """(n,) ranks from 1 on; equal values share the mean of theirs."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    means: Vector = np.cumsum(counts) - (counts - 1) / 2
    return means[place]


def rank_correlation(x: Vector, y: Vector) -> float:
    """Spearman's correlation of x and y (n,), neither of them constant."""
    found: NDArray[np.float64] = np.asarray(np.corrcoef(np.column_stack((ranks(x), ranks(y))), rowvar=False))
    return float(found[1, 0])
