"""What a pair of arms is compared by: the mean difference, the median, or the mean of the middle half.

Each has its estimate of paired differences d (n,), p, interval and equivalence. ``size`` (n,) is how large the numbers
were that the differences were taken of: see sign_flip.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from devlearn.evidence.statistics import sign_flip as flips
from devlearn.evidence.statistics.quantiles import t_below, t_quantile, trimmed_mean
from devlearn.evidence.statistics.sign_flip import ALPHA, Vector

QUARTER = 0.25


class Location(Protocol):
    """One number that a sample is summed up by, with its test."""

    def estimate(self, d: Vector) -> float:
        """The number itself."""

    def p(self, d: Vector, shift: float = 0.0, greater: bool = False, size: ArrayLike | None = None) -> float:
        """p that it is ``shift``; with ``greater`` that it is at most that."""

    def interval(self, d: Vector, alpha: float = ALPHA, size: ArrayLike | None = None) -> tuple[float, float]:
        """All shifts that the two-sided test does not reject at ``alpha``; 0 is inside where p of 0 is above it."""

    def smallest_p(self, n: int) -> float:
        """The smallest two-sided p that n values can reach."""


@dataclass(frozen=True)
class Mean:
    """The mean difference, by sign-flips."""

    def estimate(self, d: Vector) -> float:
        return float(d.mean())

    def p(self, d: Vector, shift: float = 0.0, greater: bool = False, size: ArrayLike | None = None) -> float:
        return flips.sign_flip(d, shift, "greater" if greater else "two-sided", size)

    def interval(self, d: Vector, alpha: float = ALPHA, size: ArrayLike | None = None) -> tuple[float, float]:
        return _at_zero(flips.interval(d, alpha), len(d) / 4 * _slack(d, 0.0, size))

    def smallest_p(self, n: int) -> float:
        return flips.smallest_p(n)


@dataclass(frozen=True)
class Median:
    """The median of the differences, by the sign test: at most alpha whatever their distribution.

    A difference that is tied with the shift speaks for it from either side, as one does that is right there: a median
    of 0 has half of its learners at or below 0 and half at or above. So the interval, two order statistics, holds just
    the shifts that the test does not reject. (A sign test that leaves ties out asks whether more learners gain than
    lose, which may be so where the median is 0.)
    """

    def estimate(self, d: Vector) -> float:
        return float(np.median(d))

    def p(self, d: Vector, shift: float = 0.0, greater: bool = False, size: ArrayLike | None = None) -> float:
        slack = _slack(d, shift, size)
        below, above = int(np.count_nonzero(d - shift <= slack)), int(np.count_nonzero(shift - d <= slack))
        if greater:
            return float(_at_most(below, len(d)))
        return float(min(1.0, 2 * _at_most(min(below, above), len(d))))

    def interval(self, d: Vector, alpha: float = ALPHA, size: ArrayLike | None = None) -> tuple[float, float]:
        n, out = len(d), 0
        while out <= n // 2 and 2 * _at_most(out, n) <= alpha:
            out += 1
        if out == 0:
            return -math.inf, math.inf
        ordered = np.sort(d)
        return _at_zero((float(ordered[out - 1]), float(ordered[n - out])), _slack(d, 0.0, size))

    def smallest_p(self, n: int) -> float:
        return 2 * 0.5**n


@dataclass(frozen=True)
class Iqm:
    """The mean of the middle half of the differences, by Tukey and McLaughlin's t (1963).

    Its standard error is that of the winsorised values over 1 - 2 floor(n / 4) / n; n - 2 floor(n / 4) - 1 degrees of
    freedom. Up to a quarter of learners at either end count only by their ranks. No p is smaller than n values can give
    by their signs alone, however alike they are: 2^(1 - n), half of it one-sided.
    """

    def estimate(self, d: Vector) -> float:
        return trimmed_mean(d, QUARTER)

    def p(self, d: Vector, shift: float = 0.0, greater: bool = False, size: ArrayLike | None = None) -> float:
        error, df = _winsorised(d)
        gap = self.estimate(d) - shift
        if abs(gap) <= _slack(d, shift, size):
            return 0.5 if greater else 1.0
        if df < 1:
            return 1.0
        if greater:
            below = t_below(-gap / error, df) if error else float(gap < 0)
            return max(below, self.smallest_p(len(d)) / 2)
        return max(min(1.0, 2 * t_below(-abs(gap) / error, df)) if error else 0.0, self.smallest_p(len(d)))

    def interval(self, d: Vector, alpha: float = ALPHA, size: ArrayLike | None = None) -> tuple[float, float]:
        error, df = _winsorised(d)
        if df < 1 or self.smallest_p(len(d)) > alpha:
            return -math.inf, math.inf
        half, middle = t_quantile(1 - alpha / 2, df) * error, self.estimate(d)
        return _at_zero((middle - half, middle + half), _slack(d, 0.0, size))

    def smallest_p(self, n: int) -> float:
        return 2 * 0.5**n


LOCATIONS: dict[str, Location] = {"mean": Mean(), "median": Median(), "iqm": Iqm()}


def equivalent(location: Location, d: Vector, smallest_effect: float, size: ArrayLike | None = None) -> float:
    """p of "it is ``smallest_effect`` or more from 0": the larger p of two shifted one-sided tests of d (n,)."""
    return max(location.p(side, -smallest_effect, True, size) for side in (d, -d))


def _slack(d: Vector, shift: float, size: ArrayLike | None) -> float:
    """How far a single difference may be off by rounding."""
    largest = float(np.max(np.abs(d if size is None else np.asarray(size, np.float64)), initial=0.0))
    return 4 * float(np.finfo(np.float64).eps) * (largest + abs(shift))


def _at_zero(ends: tuple[float, float], slack: float) -> tuple[float, float]:
    """``ends``, of which one that is 0 but for rounding is 0, as it is to the test."""
    low, high = (0.0 if abs(end) <= slack else end for end in ends)
    return low, high


@lru_cache(maxsize=1024)
def _at_most(k: int, n: int) -> float:
    """P(at most k of n fair coins show heads), exactly."""
    return float(sum(math.comb(n, i) for i in range(k + 1)) / 2**n)


def _winsorised(d: Vector) -> tuple[float, int]:
    """The standard error of the mean of the middle half, and its degrees of freedom."""
    n = len(d)
    cut = int(QUARTER * n)
    ordered = np.sort(d)
    clipped = np.clip(d, ordered[cut], ordered[n - cut - 1])
    df = n - 2 * cut - 1
    error = float(clipped.std(ddof=1)) / ((1 - 2 * cut / n) * math.sqrt(n)) if n > 1 else 0.0
    return error, df
