"""Power laws over the points of ``vary``: error = scale * x^exponent, with intervals from resampling seeds.

Least squares through the logarithms of the mean error over seeds, every point with the same weight. Seeds are resampled
jointly over the points, because a seed's learners are related at all of them, and the line is fitted again. The
interval is the estimate plus or minus t(n - 1) times the resampled standard error times sqrt(n / (n - 1)): percentiles
of the resampled exponents alone cover too seldom at few seeds.
"""

import math
from collections.abc import Sequence

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.budgets import common_range
from devlearn.evidence.analysis.curve_matrix import Matrix, Vector
from devlearn.evidence.analysis.pairing import lineages
from devlearn.evidence.analysis.stage_gains import finite
from devlearn.evidence.analysis.values import At, Measure, values
from devlearn.evidence.statistics.sign_flip import mean_interval
from devlearn.lazy import stats
from devlearn.records.reader import ArmRecords, Json, RunRecords
from devlearn.records.schema import COLUMNS

DRAWS = 2000
FEWEST_POINTS = 3


def fits(run: RunRecords, what: Measure, at: At, asked: Json) -> Json:
    """{arm: its fit, or why there is none}; ``asked`` (over, from, to, published) keeps the points from <= x <= to."""
    return {arm: fit(run, arm, what, at, asked) for arm in run.points[0].arms}


def fit(run: RunRecords, arm: str, what: Measure, at: At, asked: Json) -> Json:
    """The power law of one arm's error."""
    found: Json = {key: asked.get(key) for key in ("over", "from", "to", "published")}
    if not _has_error(what):
        return found | {"refused": f"{what.label} has no error: only accuracies and lower-is-better metrics have one"}
    places = [i for i, point in enumerate(run.points) if arm in point.arms]
    rows = sorted((cost(run, i, arm, asked["over"]), i) for i in places)
    rows = [(x, i) for x, i in rows if (asked.get("from") or 0) <= x <= (asked.get("to") or math.inf)]
    points = [run.points[i] for _, i in rows]
    ranges = [common_range(point.arms, run.resolved["compare"]["pairs"]) for point in points]
    errors = _errors([point.arms[arm] for point in points], what, at, ranges)
    x = np.array([x for x, _ in rows], np.float64)
    found |= {"x": x.tolist(), "n": len(errors), "points": len(rows)}
    why = _refused(x, errors)
    return found | ({"refused": why} if why else _described(errors) | power_law(x, errors))


def _has_error(what: Measure) -> bool:
    return what.better == "lower" or what.key[1].endswith("accuracy")


def cost(run: RunRecords, point: int, arm: str, over: str) -> float:
    """x of one arm at one point: from the ledger (mean over its learners, whole life), or the weights of a learner."""
    if over not in COLUMNS:
        return float(run.resolved["points"][point][over])
    lives = run.points[point].arms[arm].lives.values()
    return math.fsum(life.ledger[over] for life in lives) / len(lives)


def _errors(arms: Sequence[ArmRecords], what: Measure, at: At, ranges: Sequence[int]) -> Matrix:
    """(n, P) errors of the seeds that every point has, averaged within lineages; NaN where a value is unknown."""
    tables = [values(arm, what, at, until) for arm, until in zip(arms, ranges, strict=True)]
    groups = lineages(sorted(set.intersection(*(set(table) for table in tables))) if tables else [], arms)
    rows = [np.array([[table[seed] for table in tables] for seed in group], np.float64).mean(0) for group in groups]
    known = np.array(rows).reshape(len(groups), len(arms))
    return 1 - known if what.better == "higher" else known


def _refused(x: Vector, errors: Matrix) -> str:
    if len(np.unique(x)) < FEWEST_POINTS:
        return f"a power law takes {FEWEST_POINTS} points of different size; there are {len(np.unique(x))}"
    if (x <= 0).any():
        return "a point has size 0, which has no logarithm"
    if len(errors) < 2:
        return f"an interval takes 2 seeds that every point has; there are {len(errors)}"
    if not np.isfinite(errors).all():
        return "a learner diverged and no 'worst' value is declared for it"
    if (errors <= 0).any():
        return "a learner's error is 0, which has no logarithm"
    return ""


def _described(errors: Matrix) -> Json:
    """Mean error of every point and its pointwise 95 % t-interval."""
    mean, low, high = np.array([mean_interval(column) for column in errors.T]).T
    return {"error": mean.tolist(), "low": low.tolist(), "high": high.tolist()}


def power_law(x: Vector, errors: Matrix) -> Json:
    """Exponent, scale, r2 and curvature of mean error over ``x`` (P,), from ``errors`` (n, P), all positive.

    ``curvature`` is the coefficient of a squared log x (about its mean) added to the line; ``straight`` says that its
    interval holds 0: that the data do not contradict a power law.
    """
    n = len(errors)
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, n, (DRAWS, n))
    means = np.concatenate([errors.mean(0)[None], errors[drawn].mean(1)])  # (1 + DRAWS, P)
    logs, t = np.log(means), np.log(x)
    line, bend = _slopes(t, logs, 1), _slopes(t, logs, 2)
    interval, curved = (_interval(found[-1], n) for found in (line, bend))
    left = logs[0] - np.polynomial.polynomial.polyval(t - t.mean(), line[:, 0])
    spread = ((logs[0] - logs[0].mean()) ** 2).sum()
    return {
        "exponent": float(line[1, 0]), "interval": finite(interval),
        "scale": math.exp(line[0, 0] - line[1, 0] * t.mean()),
        "r2": float(1 - (left**2).sum() / spread) if spread > 0 else None,
        "curvature": float(bend[2, 0]), "curvature_interval": finite(curved),
        "straight": bool(curved[0] <= 0 <= curved[1]),
    }  # fmt: skip


def _slopes(t: Vector, logs: Matrix, degree: int) -> Matrix:
    """(degree + 1, M) coefficients of least squares through every row of ``logs`` (M, P), about the mean of t."""
    powers = np.vander(t - t.mean(), degree + 1, increasing=True)  # (P, degree + 1)
    found: Matrix = np.asarray(np.linalg.lstsq(powers, logs.T, rcond=None)[0], np.float64)
    return found


def _interval(found: Vector, n: int) -> tuple[float, float]:
    """``found`` (1 + DRAWS,): the estimate, then the resampled ones."""
    half = stats.t.ppf(1 - statistics.ALPHA / 2, n - 1) * found[1:].std(ddof=1) * math.sqrt(n / (n - 1))
    return float(found[0] - half), float(found[0] + half)
