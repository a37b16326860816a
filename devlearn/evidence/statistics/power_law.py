"""Power laws: error = scale * x^exponent, with intervals from resampling seeds.

Least squares through the logarithms of the mean error over seeds, every point with the same weight. Seeds are resampled
jointly over the points, because a seed's learners are related at all of them, and the line is fitted again. The
interval is the estimate plus or minus t(n - 1) times the resampled standard error times sqrt(n / (n - 1)): percentiles
of the resampled exponents alone cover too seldom at few seeds.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.statistics.quantiles import t_quantile
from devlearn.evidence.statistics.sign_flip import ALPHA, Vector, rounding

DRAWS = 2000

Matrix = NDArray[np.float64]
Ends = tuple[float, float]


@dataclass(frozen=True)
class PowerLaw:
    """error = ``scale`` * x^``exponent``, with intervals at 95 %.

    ``r2`` is the share of the variance of log error that the line explains; None where the error never changes.
    ``curvature`` is the coefficient of a squared log x (about its mean) added to the line; ``straight`` says that its
    interval holds 0: that the data do not contradict a power law.
    """

    exponent: float
    interval: Ends
    scale: float
    r2: float | None
    curvature: float
    curvature_interval: Ends
    straight: bool


def power_law(x: Vector, errors: Matrix) -> PowerLaw:
    """The law of mean error over ``x`` (P,), P >= 3, from ``errors`` (n, P), n >= 2, all positive."""
    n = len(errors)
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, n, (DRAWS, n))
    means = np.concatenate([errors.mean(0)[None], errors[drawn].mean(1)])  # (1 + DRAWS, P)
    logs, t = np.log(means), np.log(x)
    line, bend = _coefficients(t, logs, 1), _coefficients(t, logs, 2)
    interval, curved = (_interval(found[-1], n) for found in (line, bend))
    left = logs[0] - np.polynomial.polynomial.polyval(t - t.mean(), line[:, 0])
    spread = logs[0] - logs[0].mean()
    flat = float(np.abs(spread).max()) <= rounding(np.abs(logs[0]) + 1)  # a mean's rounding is one of its logarithm
    return PowerLaw(
        exponent=float(line[1, 0]),
        interval=interval,
        scale=math.exp(line[0, 0] - line[1, 0] * t.mean()),
        r2=None if flat else float(1 - (left**2).sum() / (spread**2).sum()),
        curvature=float(bend[2, 0]),
        curvature_interval=curved,
        straight=bool(curved[0] <= 0 <= curved[1]),
    )


def _coefficients(t: Vector, logs: Matrix, degree: int) -> Matrix:
    """(degree + 1, M) coefficients of least squares through every row of ``logs`` (M, P), about the mean of t."""
    powers = np.vander(t - t.mean(), degree + 1, increasing=True)  # (P, degree + 1)
    found: Matrix = np.asarray(np.linalg.lstsq(powers, logs.T, rcond=None)[0], np.float64)
    return found


def _interval(found: Vector, n: int) -> Ends:
    """``found`` (1 + DRAWS,): the estimate, then the resampled ones."""
    half = t_quantile(1 - ALPHA / 2, n - 1) * found[1:].std(ddof=1) * math.sqrt(n / (n - 1))
    return float(found[0] - half), float(found[0] + half)
