"""The tests that are studied, each (X, n) differences of X experiments -> (X,) p values."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy import stats

from benchmarks.calibration.draws import Matrix, generator
from devlearn.evidence import statistics

ALPHA = statistics.ALPHA
RESAMPLES = 2_000

Test = Callable[[Matrix], Matrix]


def sign_flip(d: Matrix) -> Matrix:
    return np.array([statistics.sign_flip(row) for row in d])


def paired_t(d: Matrix) -> Matrix:
    return np.asarray(stats.ttest_1samp(d, 0, axis=1).pvalue)


def wilcoxon(d: Matrix) -> Matrix:
    """Exact, and the normal approximation where differences of 0 occur."""
    method = "asymptotic" if (d == 0).any() else "exact"
    return np.asarray(stats.wilcoxon(d, axis=1, method=method).pvalue)


def bootstrap(d: Matrix) -> Matrix:
    """Plain percentile bootstrap of the mean: it has no p, so 0 where its interval leaves out 0, else 1."""
    rng, (experiments, n), left_out = generator("bootstrap", *d.shape), d.shape, []
    for start in range(0, experiments, 50):
        weights = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) / n
        low, high = np.quantile(d[start : start + 50] @ weights.T, [ALPHA / 2, 1 - ALPHA / 2], axis=1)
        left_out.append((low > 0) | (high < 0))
    return np.where(np.concatenate(left_out), 0.0, 1.0)


TESTS: Mapping[str, Test] = {
    "sign-flip": sign_flip, "paired t": paired_t, "Wilcoxon": wilcoxon, "percentile bootstrap": bootstrap,
}  # fmt: skip


def attainable(n: int, alpha: float = ALPHA, sides: int = 2) -> float:
    """The size of the sign-flip test: the largest share of flips at most ``alpha`` that its p can equal."""
    if n > statistics.EXACT:
        return math.floor(alpha * (1 + statistics.FLIPS)) / (1 + statistics.FLIPS)
    return math.floor(alpha * 2**n / sides) * sides / 2**n
