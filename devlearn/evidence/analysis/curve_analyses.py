"""analyses.json: what the curves of a run say beyond the one declared comparison. From records only.

Every part says whether the scenario declared it (``compare.levels``, ``compare.fit``, ``compare.at``); what it didn't
declare is exploratory. The p values here are not adjusted for each other: the family is comparison.json's.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from devlearn.evidence.analysis.bands import band
from devlearn.evidence.analysis.budgets import common_range
from devlearn.evidence.analysis.curve_matrix import CurveMatrix, Vector, averaged, contrast, paired, track
from devlearn.evidence.analysis.fits import fits
from devlearn.evidence.analysis.proxy import agreement, pair
from devlearn.evidence.analysis.stage_gains import finite
from devlearn.evidence.analysis.time_to_threshold import hot_start, level_pair, levels
from devlearn.evidence.analysis.values import Measure, measure, value_at, values
from devlearn.evidence.statistics.sign_flip import mean_interval
from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.reader import BIRTH, ArmRecords, Json, LearnerRecord, Point, RunRecords, load

Pairs = Iterable[tuple[str, str]]


def analyse(run: RunRecords) -> Json:
    """The curve analyses of every point, for the pairs that the scenario declares, and the fits over its points."""
    probes, asked = run.resolved["probes"], run.resolved.get("compare")
    if not probes:
        return {"points": [], "fits": {}}
    asked = asked or {"probe": next(iter(probes)), "at": "end", "pairs": []}
    what = measure(probes, asked["probe"], asked.get("metric"))
    what = Measure(what.key, asked.get("better") or what.better, what.worst)
    return {
        "probe": what.key[0], "metric": what.key[1], "better": what.better, "exploratory": _exploratory(asked),
        "points": [_point(point, probes, what, asked) for point in run.points],
        "fits": fits(run, what, asked["at"], asked["fit"]) if asked.get("fit") else {},
    }  # fmt: skip


def save_analyses(folder: Path) -> Json:
    """Analyse the run in ``folder`` and write analyses.json beside comparison.json."""
    analysis = analyse(load(folder))
    write_json(RunFolder(folder).analyses, analysis, indent=2, allow_nan=False)
    return analysis


def _exploratory(asked: Json) -> dict[str, bool]:
    """What the scenario did not declare."""
    always = dict.fromkeys(("bands", "newborn", "start", "proxy"), True)
    timed = dict.fromkeys(("levels", "level_pairs", "hot_start"), not asked.get("levels"))
    return always | timed | {at: asked["at"] != at for at in ("birth", "area")} | {"fits": not asked.get("fit")}


def _point(point: Point, probes: Mapping[str, Json], what: Measure, asked: Json) -> Json:
    tracks = {name: track(arm, what) for name, arm in point.arms.items()}
    chosen = [(a, b) for a, b in asked["pairs"]]
    both = [(tracks[a], tracks[b]) for a, b in chosen]
    wanted = asked.get("levels") or []
    return {
        "point": point.point,
        "levels": {name: levels(found, wanted) for name, found in tracks.items()},
        "level_pairs": [level_pair(a, b, level) for a, b in both for level in wanted],
        "hot_start": [hot_start(a, b, wanted) for a, b in both] if wanted else [],
        "bands": [band(a, b) for a, b in both],
        "birth": _at_place(tracks, chosen, lambda arm: BIRTH),
        "newborn": _at_place(tracks, chosen, _innate),
        "start": _at_place(tracks, chosen, lambda arm: len(arm.stages) - 2),
        "area": _areas(tracks, chosen),
        "proxy": _proxies(point, probes, what),
    }


def _proxies(point: Point, probes: Mapping[str, Json], what: Measure) -> Json:
    found = pair(probes, what)
    return {name: agreement(arm, *found) for name, arm in point.arms.items()} if found else {}


def _innate(arm: ArmRecords) -> int:
    """The position of the last stage of those that an arm's life begins with and that are innate; BIRTH without."""
    learnt = [i for i, stage in enumerate(arm.stages) if not str(stage["kind"]).startswith("innate.")]
    return min(learnt, default=len(arm.stages)) - 1


def _at_place(tracks: Mapping[str, CurveMatrix], pairs: Pairs, place: Callable[[ArmRecords], int]) -> Json:
    """Values at the end of the stage at ``place`` (BIRTH: before the first)."""
    values = {name: _at_end(found, place(found.arm)) for name, found in tracks.items()}
    return _summary(tracks, pairs, values)


def _at_end(found: CurveMatrix, position: int) -> Vector:
    """(n,) values at the end of a stage, NaN where unknown."""
    return np.array([_value(found, found.arm.lives[seed], position) for seed in found.seeds], np.float64)


def _value(found: CurveMatrix, life: LearnerRecord, position: int) -> float | None:
    return value_at(found.arm, life, found.what, position, 0 if position == BIRTH else None)


def _areas(tracks: Mapping[str, CurveMatrix], pairs: Pairs) -> Json:
    """Mean heights of the last stage's curves over the range that the pairs have in common: comparison.json's area."""
    until = common_range({name: found.arm for name, found in tracks.items()}, pairs)
    heights = {name: _area(found, until) for name, found in tracks.items()}
    return {"until": until} | _summary(tracks, pairs, heights)


def _area(found: CurveMatrix, until: int) -> Vector:
    """(n,) mean height of each learner's curve over updates 0 to ``until`` of the last stage, NaN where unknown."""
    return np.array(list(values(found.arm, found.what, "area", until).values()), np.float64)


def _summary(tracks: Mapping[str, CurveMatrix], pairs: Pairs, known: Mapping[str, Vector]) -> Json:
    """Each arm's mean and t-interval, each pair's contrast, of ``known`` {arm: (n,)}."""
    arms = {name: _mean(averaged(found, known[name])) for name, found in tracks.items()}
    gaps = {(a, b): paired(tracks[a], tracks[b], known[a], known[b]) for a, b in pairs}
    return {"arms": arms, "pairs": [{"arm": a, "against": b} | contrast(gap) for (a, b), gap in gaps.items()]}


def _mean(values: Vector) -> Json:
    if not len(values) or not np.isfinite(values).all():
        return {"n": len(values), "mean": None, "interval": [None, None]}
    mean, low, high = mean_interval(values)
    return {"n": len(values), "mean": mean, "interval": finite((low, high))}
