"""An interval for new seeds and new images: the pigeonhole bootstrap.

All learners are scored on the same images, so an interval over seeds speaks for those images only. From every
learner's answer to every image, D[s, i] = right(arm) - right(against), the pigeonhole bootstrap (Owen 2007, Annals of
Applied Statistics 1:386) draws seeds and images anew, independently of each other:

    D'[s, i] = D[., i] + sqrt(n / (n - 1)) (D[s, i] - D[., i])      the spread over n seeds, corrected for small n
    theta_b  = sum_s sum_i w_b[s] v_b[i] D'[s, i] / (n M)           w, v: how often a seed and an image were drawn
    interval = mean(D) -+ t(1 - alpha / 2, n - 1) sd(theta_1, ..., theta_2000)

Var(theta_b) is close to A / n + B / M + 3 E / (n M) for variances A of seeds, B of images, E of a seed on an image: the
last is counted three times, which errs to the safe side and is small for thousands of images.

The draws are fixed. The k-th draw of resample b is floor(size * (raw >> 32) / 2^32) of raw number b * size + k of
``numpy.random.PCG64(1)`` for images (size M) and of ``PCG64(2)`` for seeds (size n).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devlearn.evidence.statistics.quantiles import t_quantile
from devlearn.evidence.statistics.sign_flip import ALPHA

RESAMPLES = 2000
_CHUNK = 100  # resamples at a time
_FEW = 20  # resamples that are drawn at a time: their numbers stay in the cache

Matrix = NDArray[np.float64]


def pigeonhole_interval(d: ArrayLike, alpha: float = ALPHA) -> tuple[float, float]:
    """The interval of the mean of d (n, M), seeds x images, for new seeds and new images; infinite for n = 1."""
    d = np.asarray(d, np.float64)
    n, images = d.shape
    if n < 2:
        return -math.inf, math.inf
    center = d.mean(0)
    spread = center + math.sqrt(n / (n - 1)) * (d - center)  # (n, M)
    drawn = _drawn(images, 1)
    over_images = np.concatenate(
        [drawn[start : start + _CHUNK].astype(np.float64) @ spread.T for start in range(0, RESAMPLES, _CHUNK)]
    )  # (RESAMPLES, n)
    means = (over_images * _drawn(n, 2)).sum(1) / (n * images)
    half = float(t_quantile(1 - alpha / 2, n - 1) * means.std(ddof=1))
    return float(d.mean()) - half, float(d.mean()) + half


@lru_cache(maxsize=4)
def _drawn(size: int, source: int) -> NDArray[np.uint16]:
    """(RESAMPLES, size): how often each of ``size`` things was drawn."""
    raws, counts = np.random.PCG64(source), np.empty((RESAMPLES, size), np.uint16)
    places = size * np.arange(_FEW)[:, None]
    for start in range(0, RESAMPLES, _FEW):
        raw = raws.random_raw(_FEW * size).reshape(_FEW, size)
        raw >>= np.uint64(32)
        raw *= np.uint64(size)
        raw >>= np.uint64(32)
        drawn = raw.view(np.int64) + places
        counts[start : start + _FEW] = np.bincount(drawn.ravel(), minlength=_FEW * size).reshape(_FEW, size)
    return counts
