"""A matrix of skills as its readers see it: means with their intervals, every metric, and what is not on record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.curve_matrix import by_lineage
from devlearn.evidence.analysis.matrix_metrics import matrix_measure
from devlearn.evidence.analysis.pairing import averaged, lineages
from devlearn.evidence.analysis.skill_matrix import SkillMatrix, Skills, skill_matrix, unscaled
from devlearn.evidence.analysis.values import values
from devlearn.evidence.statistics import Matrix, mean_interval
from devlearn.records.declared import METRICS
from devlearn.records.reader import ArmRecords, EvidenceError
from devlearn.records.schema import Resolved


@dataclass(frozen=True)
class Cells:
    """The scores of one arm over ``n`` learners, or lineages: (S + 1, T) means and both ends of their 95 % t-interval.

    NaN where a learner's score is unknown. ``units`` are those of the columns; ``learned`` (T,) are the rows at the end
    of each skill's own stage.
    """

    arm: str
    rows: tuple[str, ...]
    tasks: tuple[str, ...]
    units: tuple[str, ...]
    learned: NDArray[np.int64]
    n: int
    mean: Matrix
    low: Matrix
    high: Matrix


@dataclass(frozen=True)
class Told:
    """One metric of one arm: the mean over ``n`` learners, or lineages, and its 95 % t-interval.

    ``why`` says why there is none, and is empty where there is one.
    """

    metric: str
    unit: str
    n: int
    mean: float | None = None
    low: float = -np.inf
    high: float = np.inf
    why: str = ""


def cells(arm: ArmRecords, known: Skills) -> tuple[Cells | None, list[str]]:
    """An arm's cells, None where there is nothing of it to show; and why a column is left out, one sentence each."""
    found, missing = readable(arm, known)
    if found is None or not found.seeds or not found.tasks:
        return None, missing
    try:
        scores = found.scores
        missing += unscaled(arm, found.skills)
    except EvidenceError as why:
        return None, [*missing, str(why)]
    each = by_lineage([arm], scores, found.seeds)  # (n, S + 1, T)
    ends = np.apply_along_axis(mean_interval, 0, each)  # (3, S + 1, T)
    normal = found.skills.scores == "normalised"
    units = tuple("number" if normal else what.unit for what in found.skills.measures.values())
    return Cells(arm.name, found.rows, found.tasks, units, found.learned, len(each), *ends), missing


def readable(arm: ArmRecords, known: Skills) -> tuple[SkillMatrix | None, list[str]]:
    """The matrix of the columns that are wholly on record, and why the others are not there."""
    kept, missing = {}, []
    for name, what in known.of(arm).measures.items():
        alone = replace(known, measures={name: what})
        try:
            skill_matrix(arm, alone)
            kept[name] = what
        except EvidenceError as why:
            missing.append(f"the skill of {name} in {arm.name}: {why}; run it again in a folder of its own")
    return (skill_matrix(arm, replace(known, measures=kept)) if kept else None), missing


def metrics(plan: Resolved, arm: ArmRecords) -> Iterator[Told]:
    """Every metric of an arm that lives all stages of the matrix."""
    asked = plan.compare
    for name in METRICS:
        worst = asked.worst if asked and asked.metric == name else None
        try:
            what = matrix_measure(plan, name, worst)
            yield _told(name, what.unit, arm, values(arm, what, "end"))
        except EvidenceError as why:
            yield Told(name, "number", 0, why=str(why))


def _told(name: str, unit: str, arm: ArmRecords, found: Mapping[int, float | None]) -> Told:
    unknown: Sequence[int] = [seed for seed, value in found.items() if value is None]
    if unknown or not found:
        few = f"unknown for {len(unknown)} of {len(found)} learners: they diverged, or nothing came before or after"
        return Told(name, unit, len(found), why=few if found else "nobody is done yet")
    groups = lineages(found, [arm])
    mean, low, high = mean_interval(averaged(found, groups))
    return Told(name, unit, len(groups), mean, low, high)
