"""The one test, its interval, and the descriptive statistics. All of it on plain vectors of one value per seed.

The test is the paired sign-flip on the mean: under the null the differences are symmetric about ``shift``, so every
choice of signs was as likely as the one observed. With n <= 16 all 2^n choices are counted; above, ``FLIPS`` fixed
ones, the m-th of which flips learner i where the top bit of raw draw m * n + i of ``numpy.random.PCG64(0)`` is set,
and p = (1 + hits) / (1 + FLIPS) (Phipson & Smyth 2010).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devlearn.lazy import stats

ALPHA = 0.05
POWER = 0.8
EXACT = 16  # largest n at which all sign flips are counted
FLIPS = 99_999  # random sign flips above that
BLOCK = 16  # learners whose share of a random subset is looked up at once
TIE = 1e-10  # two sums within this share of sum |d| count as tied

Vector = NDArray[np.float64]
Alternative = Literal["two-sided", "greater"]


@lru_cache(maxsize=8)
def _random_subsets(n: int) -> NDArray[np.uint16]:
    """(ceil(n / 16), FLIPS): what the fixed subsets hold of each 16 learners; learner i: bit i % 16 of row i // 16."""
    source, bit = np.random.PCG64(0), np.uint64(1) << np.arange(n, dtype=np.uint64) % BLOCK
    codes = []
    for start in range(0, FLIPS, 4096):
        rows = min(4096, FLIPS - start)
        drawn = source.random_raw(rows * n).reshape(rows, n) >> np.uint64(63)
        codes.append(np.add.reduceat(drawn * bit, range(0, n, BLOCK), axis=1).astype(np.uint16))
    return np.ascontiguousarray(np.concatenate(codes).T)


def _all_sums(d: Vector) -> Vector:
    """(2^n,) sums over all subsets of ``d`` (n,); learner i is in those whose index has bit i."""
    sums = np.zeros(1)
    for value in d:
        sums = np.concatenate([sums, sums + value])
    return sums


def _subset_sums(d: Vector) -> Vector:
    """(M,) sums over the subsets of ``d`` (n,) whose signs are flipped; M = 2^n or ``FLIPS``."""
    if len(d) <= EXACT:
        return _all_sums(d)
    tables = [_all_sums(d[start : start + BLOCK]) for start in range(0, len(d), BLOCK)]
    return np.sum([table[held] for table, held in zip(tables, _random_subsets(len(d)), strict=True)], axis=0)


@lru_cache(maxsize=8)
def _sizes(n: int, exact: bool) -> Vector:
    """(M,) sizes of the same subsets."""
    return _all_sums(np.ones(n)) if exact else _subset_sums(np.ones(n))


def sign_flip(d: ArrayLike, shift: float = 0.0, alternative: Alternative = "two-sided") -> float:
    """p of the sign-flip test of mean(d) = shift (``greater``: of mean(d) <= shift). ``d`` is (n,), n >= 1."""
    d = np.asarray(d, np.float64) - shift
    total, slack = d.sum(), TIE * np.abs(d).sum()
    flipped = total - 2 * _subset_sums(d)  # (M,)
    if alternative == "two-sided":
        flipped, total = np.abs(flipped), abs(total)
    hits = int(np.count_nonzero(flipped >= total - slack))
    return hits / len(flipped) if len(d) <= EXACT else (1 + hits) / (1 + len(flipped))


def interval(d: ArrayLike, alpha: float = ALPHA) -> tuple[float, float]:
    """All shifts that the two-sided sign-flip test of ``d`` (n,) does not reject at ``alpha``: a closed interval.

    A flip of the subset S counts against a shift below the mean exactly when the mean of S or of the rest lies at or
    below that shift, so the ends are order statistics of subset means (Hartigan 1969). Where n is too small for any
    p <= alpha (n < 6 at 0.05) both ends are infinite.
    """
    d = np.asarray(d, np.float64)
    n, total = len(d), d.sum()
    sums = _subset_sums(d)
    sizes = _sizes(n, n <= EXACT)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.stack([sums / sizes, (total - sums) / (n - sizes)])  # (2, M) of the subset and of the rest
    empty = np.stack([sizes == 0, sizes == n])
    low = np.where(empty, -np.inf, means).min(0)
    high = np.where(empty, np.inf, means).max(0)
    if n > EXACT:  # the unflipped data count as one more flip
        low, high = np.append(low, -np.inf), np.append(high, np.inf)
    rank = math.floor(alpha * len(low))
    return float(np.partition(low, rank)[rank]), float(-np.partition(-high, rank)[rank])


def equivalence(d: ArrayLike, smallest_effect: float) -> float:
    """p of "|mean(d)| >= smallest_effect": the larger p of two shifted one-sided sign-flips."""
    d = np.asarray(d, np.float64)
    return max(sign_flip(d, -smallest_effect, "greater"), sign_flip(-d, -smallest_effect, "greater"))


def smallest_p(n: int) -> float:
    """The smallest two-sided p that n seeds can reach."""
    return 2 / 2**n if n <= EXACT else 1 / (1 + FLIPS)


def welch(x: ArrayLike, y: ArrayLike, alpha: float = ALPHA) -> tuple[float, tuple[float, float]]:
    """p and interval, at level 1 - ``alpha``, of mean(x) - mean(y) for unpaired x (n,), y (m,) of any variances.

    Fewer than two values on a side give p = 1 and an infinite interval.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if min(len(x), len(y)) < 2:
        return 1.0, (-math.inf, math.inf)
    difference = float(x.mean() - y.mean())
    if np.ptp(x) == 0 and np.ptp(y) == 0:
        return float(difference == 0), (difference, difference)
    found = stats.ttest_ind(x, y, equal_var=False)
    ends = found.confidence_interval(1 - alpha)
    return float(found.pvalue), (float(ends.low), float(ends.high))


def welch_equivalence(x: ArrayLike, y: ArrayLike, smallest_effect: float) -> float:
    """p of "|mean(x) - mean(y)| >= smallest_effect": two one-sided Welch tests."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if min(len(x), len(y)) < 2:
        return 1.0
    if np.ptp(x) == 0 and np.ptp(y) == 0:
        return float(abs(x.mean() - y.mean()) >= smallest_effect)
    above = stats.ttest_ind(x + smallest_effect, y, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(x - smallest_effect, y, equal_var=False, alternative="less").pvalue
    return float(max(above, below))


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment (1979). None (not known yet) stays None and counts as p = 1."""
    known = np.array([1.0 if p is None else p for p in ps])
    adjusted = np.empty(len(ps))
    worst = 0.0
    for rank, place in enumerate(np.argsort(known, kind="stable")):
        worst = max(worst, min(1.0, (len(ps) - rank) * known[place]))
        adjusted[place] = worst
    return [None if p is None else float(a) for p, a in zip(ps, adjusted, strict=True)]


def probability_of_improvement(x: ArrayLike, y: ArrayLike, better: str = "higher") -> float:
    """P(X better than Y) + P(X = Y) / 2 over all pairs of a value of x (n,) and one of y (m,)."""
    gap = np.subtract.outer(np.asarray(x, np.float64), np.asarray(y, np.float64))  # (n, m)
    gap = gap if better == "higher" else -gap
    return float(np.mean(gap > 0) + np.mean(gap == 0) / 2)


def iqm(x: ArrayLike) -> float:
    """Mean of what is left when floor(n / 4) values are cut from each end."""
    return float(stats.trim_mean(np.asarray(x, np.float64), 0.25))


def mean_interval(x: ArrayLike) -> tuple[float, float, float]:
    """Mean of x (n,) and its 95 % t-interval; infinite ends for n = 1."""
    x = np.asarray(x, np.float64)
    mean = float(x.mean())
    if len(x) < 2:
        return mean, -math.inf, math.inf
    half = float(stats.t.ppf(1 - ALPHA / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return mean, mean - half, mean + half


def seeds_needed(d: ArrayLike, alpha: float = ALPHA) -> int | None:
    """About how many seeds would find the observed mean of d (n,) at 80 % power. None where the mean is 0 or n < 2.

    Normal approximation from the observed mean and standard deviation, two-sided at ``alpha``; never fewer than a
    sign-flip test needs to reach ``alpha`` at all.
    """
    d = np.asarray(d, np.float64)
    if len(d) < 2 or d.mean() == 0:
        return None
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(POWER)
    fewest = math.ceil(math.log2(2 / alpha))
    return max(fewest, math.ceil(float(z * d.std(ddof=1) / abs(d.mean())) ** 2))
