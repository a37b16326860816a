"""The one test: the paired sign-flip on the mean; its interval, equivalence, and the seeds that it takes.

Under the null the differences are symmetric about ``shift``, so every choice of signs was as likely as the one
observed. With n <= 16 all 2^n choices are counted; above, ``FLIPS`` fixed ones, the m-th of which flips learner i where
the top bit of raw draw m * n + i of ``numpy.random.PCG64(0)`` is set, and p = (1 + hits) / (1 + FLIPS) (Phipson & Smyth
2010).

A flip of the subset S reaches the observed sum exactly where the differences of S, or for two sides those of the
rest, do not add up to more than 0. So that sum decides, and what it may have been rounded by: the differences that it
does not hold have no part in it, however large they are. A difference carries the rounding of the values that it was
taken of, so a caller who knows their size gives it: ``size`` (n,), |x| + |y|.
"""

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from devlearn.evidence.statistics.quantiles import normal_quantile

ALPHA = 0.05
POWER = 0.8
EXACT = 16  # largest n at which all sign flips are counted
FLIPS = 99_999  # random sign flips above that
BLOCK = 16  # learners whose share of a random subset is looked up at once
GLANCE = 64  # learners of a random subset that tell whether it may hold none or all
MANY = 512  # learners above which most of a random subset is better not drawn
EPS = float(np.finfo(np.float64).eps)

Vector = NDArray[np.float64]
Alternative = Literal["two-sided", "greater"]


def rounding(size: ArrayLike) -> float:
    """How far two sums of the same n numbers of these magnitudes (n,) may differ by rounding alone.

    Twice the bound of recursive summation, n * eps / 2 * sum(size) each (Higham 2002, section 4.2), and as much again
    for the numbers themselves.
    """
    size = np.abs(np.asarray(size, np.float64))
    return float(2 * len(size) * EPS * size.sum())


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


def _subset_sums(d: Vector) -> tuple[Vector, Vector]:
    """(M,) sums over the subsets of ``d`` (n,) whose signs are flipped, and over the rest; M = 2^n or ``FLIPS``.

    The rest is added up by itself: what is left of a total minus a sum is as rough as the largest number of the two.
    """
    if len(d) <= EXACT:
        sums = _all_sums(d)
        return sums, sums[::-1]
    flipped, rest = np.zeros(FLIPS), np.zeros(FLIPS)
    for start, held in zip(range(0, len(d), BLOCK), _random_subsets(len(d)), strict=True):
        table = _all_sums(d[start : start + BLOCK])
        flipped += table[held]
        rest += table[len(table) - 1 - held]
    return flipped, rest


@lru_cache(maxsize=8)
def _sizes(n: int, exact: bool) -> Vector:
    """(M,) sizes of the same subsets."""
    return _all_sums(np.ones(n)) if exact else _subset_sums(np.ones(n))[0]


def sign_flip(
    d: ArrayLike, shift: float = 0.0, alternative: Alternative = "two-sided", size: ArrayLike | None = None
) -> float:
    """p of the sign-flip test of mean(d) = shift (``greater``: of mean(d) <= shift). ``d`` is (n,), n >= 1.

    Raises ValueError where a difference is not finite: no place in the order of sums is its own.
    """
    d = _finite(d)
    size = np.abs(d if size is None else np.asarray(size, np.float64)) + abs(shift)
    d = d - shift
    flipped, rest = _subset_sums(d if d.sum() >= 0 or alternative == "greater" else -d)  # (M,) each
    of_flipped, of_rest = (len(d) * EPS * held for held in _subset_sums(size))
    reached = flipped <= of_flipped
    if alternative == "two-sided":
        reached |= rest <= of_rest
    hits = int(np.count_nonzero(reached))
    return hits / len(reached) if len(d) <= EXACT else (1 + hits) / (1 + len(reached))


def _finite(d: ArrayLike) -> Vector:
    """``d`` (n,) as numbers. Raises ValueError with the first that is none, or infinite."""
    numbers = np.asarray(d, np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise ValueError(f"difference {wrong[0]} of {len(numbers)} is {numbers[wrong[0]]}; a test takes finite numbers")
    return numbers


def interval(d: ArrayLike, alpha: float = ALPHA) -> tuple[float, float]:
    """All shifts that the two-sided sign-flip test of ``d`` (n,) does not reject at ``alpha``: a closed interval.

    A flip of the subset S counts against a shift below the mean exactly when the mean of S or of the rest lies at or
    below that shift, so the ends are order statistics of subset means (Hartigan 1969). Where n is too small for any
    p <= alpha (n < 6 at 0.05) both ends are infinite. Raises ValueError where a difference is not finite.
    """
    d = _finite(d)
    n = len(d)
    sums, rest = _subset_sums(d)
    sizes = _sizes(n, n <= EXACT)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.stack([sums / sizes, rest / (n - sizes)])  # (2, M) of the subset and of the rest
    empty = np.stack([sizes == 0, sizes == n])
    low = np.where(empty, -np.inf, means).min(0)
    high = np.where(empty, np.inf, means).max(0)
    if n > EXACT:  # the unflipped data count as one more flip
        low, high = np.append(low, -np.inf), np.append(high, np.inf)
    rank = math.floor(alpha * len(low))
    return float(np.partition(low, rank)[rank]), float(-np.partition(-high, rank)[rank])


def equivalence(d: ArrayLike, smallest_effect: float, size: ArrayLike | None = None) -> float:
    """p of "|mean(d)| >= smallest_effect": the larger p of two shifted one-sided sign-flips of d (n,).

    Raises what ``sign_flip`` raises.
    """
    d = np.asarray(d, np.float64)
    return max(sign_flip(side, -smallest_effect, "greater", size) for side in (d, -d))


@lru_cache(maxsize=64)
def smallest_p(n: int) -> float:
    """The smallest two-sided p that n seeds can reach: that of differences which all have one sign.

    No flip at all and the flip of all count with any differences, and a few of the random flips may be one of the two
    (with 17 and 18 seeds two of them are).
    """
    if n <= EXACT:
        return 2.0 ** (1 - n)
    if n > MANY and not _may_be_of_one_sign(n):
        return 1 / (1 + FLIPS)
    sizes = _sizes(n, exact=False)
    return (1 + int(np.count_nonzero((sizes == 0) | (sizes == n)))) / (1 + FLIPS)


def _may_be_of_one_sign(n: int) -> bool:
    """Whether any random subset of n > ``GLANCE`` learners holds none or all of the first ones; no others are drawn."""
    source, first = np.random.PCG64(0), np.empty((FLIPS, GLANCE), np.uint64)
    for row in first:
        row[:] = source.random_raw(GLANCE)
        source.advance(n - GLANCE)
    held = (first >> np.uint64(63)).sum(1)
    return bool(((held == 0) | (held == GLANCE)).any())


def seeds_needed(d: ArrayLike, alpha: float = ALPHA, size: ArrayLike | None = None) -> int | None:
    """About how many seeds would find the observed mean of d (n,) at 80 % power.

    None for n < 2, and where the sum is no more than its own rounding: no number of seeds finds a mean of zero. Normal
    approximation from the observed mean and standard deviation, two-sided at ``alpha``; never fewer than a sign-flip
    test needs to reach ``alpha`` at all. Raises ValueError where a difference is not finite.
    """
    d = _finite(d)
    if len(d) < 2 or abs(d.sum()) <= rounding(d if size is None else size):
        return None
    z = normal_quantile(1 - alpha / 2) + normal_quantile(POWER)
    fewest = math.ceil(math.log2(2 / alpha))
    return max(fewest, math.ceil(float(z * d.std(ddof=1) / abs(d.mean())) ** 2))
