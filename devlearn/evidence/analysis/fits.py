"""Power laws over the points of ``vary``: each arm's error against a size."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.budgets import common_range
from devlearn.evidence.analysis.pairing import lineages
from devlearn.evidence.analysis.question import Pairs
from devlearn.evidence.analysis.values import Measure, finite, values
from devlearn.evidence.statistics import Matrix, Vector
from devlearn.records.declared import SHARE
from devlearn.records.reader import ArmRecords, EvidenceError, RunRecords
from devlearn.records.results import At, Fit, Reason, RefusedFit
from devlearn.records.schema import COLUMNS, CompareFit

FEWEST_POINTS = 3


def fits(run: RunRecords, what: Measure, at: At, pairs: Pairs, asked: CompareFit) -> dict[str, Fit | RefusedFit]:
    """{arm: its fit, or why there is none}; ``asked`` (over, from, to, published) keeps the points from <= x <= to."""
    return {arm: fit(run, arm, what, at, pairs, asked) for arm in run.points[0].arms}


def fit(run: RunRecords, arm: str, what: Measure, at: At, pairs: Pairs, asked: CompareFit) -> Fit | RefusedFit:
    """The power law of one arm's error. Areas are taken over the range that ``pairs`` have in common."""
    given: dict[str, Any] = asked.content()
    if what.better == "higher" and what.unit != SHARE:
        return RefusedFit(**given, refused=Reason.of("no_error", measure=what.label))
    low, high = asked.from_ or 0, asked.to or math.inf
    try:
        sizes = [(size(run, i, arm, asked.over), i) for i, point in enumerate(run.points) if arm in point.arms]
        rows = sorted((x, i) for x, i in sizes if low <= x <= high)
        points = [run.points[i] for _, i in rows]
        ranges = [common_range(point.arms, pairs) for point in points]
        errors = _errors([point.arms[arm] for point in points], what, at, ranges)
    except EvidenceError as why:
        return RefusedFit(**given, refused=Reason.of("left_out", part="fit", of=[arm], why=str(why)))
    x = np.array([x for x, _ in rows], np.float64)
    given |= {"x": tuple(x.tolist()), "n": len(errors), "points": len(rows)}
    if refused := _refused(x, errors):
        return RefusedFit(**given, refused=refused)
    law = statistics.power_law(x, errors)
    mean, lows, highs = np.array([statistics.mean_interval(column) for column in errors.T]).T
    return Fit(
        **given,
        error=tuple(mean.tolist()),
        low=tuple(lows.tolist()),
        high=tuple(highs.tolist()),
        exponent=law.exponent,
        interval=finite(law.interval),
        scale=law.scale,
        r2=law.r2,
        curvature=law.curvature,
        curvature_interval=finite(law.curvature_interval),
        straight=law.straight,
    )


def size(run: RunRecords, point: int, arm: str, over: str) -> float:
    """x of one arm at one point: from the ledger (mean over its learners, whole life), or the weights of a learner.

    Raises:
        EvidenceError: the run doesn't say how many weights a learner has.
    """
    if over not in COLUMNS:
        weights = run.resolved.points[point].parameters
        if weights is None:
            raise EvidenceError(f"resolved.json does not say the {over} of point {point}")
        return float(weights)
    lives = run.points[point].arms[arm].lives.values()
    return math.fsum(life.ledger[over] for life in lives) / len(lives)


def _errors(arms: Sequence[ArmRecords], what: Measure, at: At, ranges: Sequence[int]) -> Matrix:
    """(n, P) errors of the seeds that every point has, averaged within lineages; NaN where a value is unknown."""
    tables = [values(arm, what, at, until) for arm, until in zip(arms, ranges, strict=True)]
    groups = lineages(sorted(set.intersection(*(set(table) for table in tables))) if tables else [], arms)
    rows = [np.array([[table[seed] for table in tables] for seed in group], np.float64).mean(0) for group in groups]
    known = np.array(rows).reshape(len(groups), len(arms))
    return 1 - known if what.better == "higher" else known


def _refused(x: Vector, errors: Matrix) -> Reason | None:
    different = len(np.unique(x))
    if different < FEWEST_POINTS:
        return Reason.of("few_points", fewest=FEWEST_POINTS, points=different)
    if (x <= 0).any():
        return Reason.of("zero_size")
    if len(errors) < 2:
        return Reason.of("few_seeds", n=len(errors))
    if not np.isfinite(errors).all():
        return Reason.of("unknown_value")
    return Reason.of("zero_error") if (errors <= 0).any() else None
