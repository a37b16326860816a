"""analyses.json: what the curves of a run say beyond the one declared comparison. From records only.

Every part says whether the scenario declared it (``compare.levels``, ``compare.fit``, ``compare.at``); what it didn't
declare is exploratory. The p values here are not adjusted for each other: the family is comparison.json's. What the
records don't allow is left out, and said so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from devlearn.evidence.analysis.bands import band
from devlearn.evidence.analysis.budgets import common_range
from devlearn.evidence.analysis.curve_matrix import CurveMatrix, by_lineage, curve_matrix, paired
from devlearn.evidence.analysis.fits import fits
from devlearn.evidence.analysis.matrix_analyses import matrices
from devlearn.evidence.analysis.proxy import agreement, proxy_and_metric
from devlearn.evidence.analysis.question import Declared, declared
from devlearn.evidence.analysis.time_to_threshold import hot_start, level_pair, levels
from devlearn.evidence.analysis.undetermined import hangs_on
from devlearn.evidence.analysis.values import finite, value_at, values
from devlearn.evidence.statistics import Vector, mean_interval
from devlearn.records.declared import INBORN, role_of
from devlearn.records.reader import BIRTH, ArmRecords, EvidenceError, Point, RunRecords
from devlearn.records.results import (
    Agreement,
    Analyses,
    Area,
    ArmHeight,
    Heights,
    PairHeight,
    Part,
    PointAnalyses,
    Reason,
    RefusedAgreement,
)
from devlearn.records.schema import ProbeEntry, Resolved


def analyse(run: RunRecords) -> Analyses:
    """The curve analyses of every point, for the pairs that the scenario declares, and the fits over its points."""
    if not run.resolved.probes:
        return Analyses(points=(), fits={})
    asked = declared(run)
    return Analyses(
        probe=asked.what.key[0],
        metric=asked.what.key[1],
        unit=asked.what.unit,
        better=asked.what.better,
        exploratory=_exploratory(asked),
        points=tuple(_analysed(run.resolved, point, asked) for point in run.points),
        fits=fits(run, asked.what, asked.at, asked.pairs, asked.fit) if asked.fit else {},
    )


def _analysed(plan: Resolved, point: Point, asked: Declared) -> PointAnalyses:
    found = _no_curves(point) if asked.what.parts else _point(point, plan.probes, asked)
    return found.model_copy(update={"matrix": matrices(plan, point)})


def _exploratory(asked: Declared) -> dict[Part, bool]:
    """What the scenario did not declare."""
    return {
        "bands": True,
        "newborn": True,
        "start": True,
        "proxy": True,
        "levels": not asked.levels,
        "level_pairs": not asked.levels,
        "hot_start": not asked.levels,
        "birth": asked.at != "birth",
        "area": asked.at != "area",
        "fits": not asked.fit,
    }


@dataclass
class Curves:
    """The curves of a point's arms, those of its pairs, and what the records didn't allow."""

    known: dict[str, CurveMatrix] = field(default_factory=dict)
    pairs: list[tuple[CurveMatrix, CurveMatrix]] = field(default_factory=list)
    left_out: list[Reason] = field(default_factory=list)

    def leave_out(self, part: str, arm: str, why: EvidenceError) -> None:
        """Note that a part of an arm's analyses is not there."""
        self.left_out.append(Reason.of("left_out", part=part, of=[arm], why=str(why)))


def _point(point: Point, probes: Mapping[str, ProbeEntry], asked: Declared) -> PointAnalyses:
    curves = Curves()
    for name, arm in point.arms.items():
        try:
            curves.known[name] = curve_matrix(arm, asked.what)
        except EvidenceError as why:
            curves.leave_out("curve", name, why)
    both = [pair for pair in asked.pairs if set(pair) <= curves.known.keys()]
    for a, b in both:
        if envs := hangs_on(point.arms[a], point.arms[b], (asked.what.key[0],)):
            apart = f"the seed of {', '.join(envs)} does not decide what it shows, so their learners are not paired"
            curves.left_out.append(Reason.of("left_out", part="curves", of=[a, b], why=apart))
        else:
            curves.pairs.append((curves.known[a], curves.known[b]))
    until = common_range(point.arms, asked.pairs)
    area = _heights(curves, "area", lambda curve: values(curve.arm, curve.what, "area", until))
    return PointAnalyses(
        point=point.point,
        levels={name: levels(curve, asked.levels) for name, curve in curves.known.items()},
        level_pairs=tuple(level_pair(a, b, level) for a, b in curves.pairs for level in asked.levels),
        hot_start=tuple(hot_start(a, b, asked.levels) for a, b in curves.pairs if asked.levels),
        bands=tuple(band(a, b) for a, b in curves.pairs),
        birth=_heights(curves, "birth", lambda curve: _at_end(curve, BIRTH)),
        newborn=_heights(curves, "newborn", lambda curve: _at_end(curve, _inborn(curve.arm))),
        start=_heights(curves, "start", lambda curve: _at_end(curve, len(curve.arm.stages) - 2)),
        area=Area(until=until, arms=area.arms, pairs=area.pairs),
        proxy=_proxies(point, probes, asked, curves),
        left_out=tuple(curves.left_out),
    )


def _no_curves(point: Point) -> PointAnalyses:
    """What is compared is of a whole life, and is no curve."""
    none = Heights(arms={}, pairs=())
    return PointAnalyses(
        point=point.point,
        levels={},
        level_pairs=(),
        hot_start=(),
        bands=(),
        birth=none,
        newborn=none,
        start=none,
        area=Area(until=0, arms={}, pairs=()),
        proxy={},
    )


def _proxies(
    point: Point, probes: Mapping[str, ProbeEntry], asked: Declared, curves: Curves
) -> dict[str, Agreement | RefusedAgreement]:
    found: dict[str, Agreement | RefusedAgreement] = {}
    both = proxy_and_metric(probes, asked.what.key[0])
    if both is None:
        return found
    for name, arm in point.arms.items():
        try:
            found[name] = agreement(arm, *both)
        except EvidenceError as why:
            curves.leave_out("proxy", name, why)
    return found


def _inborn(arm: ArmRecords) -> int:
    """The position of the last stage of those that an arm's life begins with and that are inborn; BIRTH without."""
    learnt = [i for i, stage in enumerate(arm.stages) if role_of(stage) not in INBORN]
    return min(learnt, default=len(arm.stages)) - 1


def _at_end(curve: CurveMatrix, position: int) -> dict[int, float | None]:
    """{seed: value} at the end of the stage at ``position`` (BIRTH: before the first)."""
    update = 0 if position == BIRTH else None
    return {seed: value_at(curve.arm, curve.arm.lives[seed], curve.what, position, update) for seed in curve.seeds}


def _heights(curves: Curves, part: str, found: Callable[[CurveMatrix], Mapping[int, float | None]]) -> Heights:
    """Each arm's mean and t-interval, each pair's contrast, of the values {seed: value} that an arm is ``found`` at.

    Those of an arm that has none on record are unknown.
    """
    known: dict[str, Vector] = {}
    for name, curve in curves.known.items():
        try:
            known[name] = np.array(list(found(curve).values()), np.float64)
        except EvidenceError as why:
            known[name] = np.full(len(curve.seeds), np.nan)
            curves.leave_out(part, name, why)
    return Heights(
        arms={name: _height(by_lineage([curve.arm], known[name], curve.seeds)) for name, curve in curves.known.items()},
        pairs=tuple(
            PairHeight(
                arm=a.arm.name, against=b.arm.name, **paired(a, b, known[a.arm.name], known[b.arm.name]).contrast()
            )
            for a, b in curves.pairs
        ),
    )


def _height(values: Vector) -> ArmHeight:
    if not len(values) or not np.isfinite(values).all():
        return ArmHeight(n=len(values), mean=None, interval=(None, None))
    mean, low, high = mean_interval(values)
    return ArmHeight(n=len(values), mean=mean, interval=finite((low, high)))
