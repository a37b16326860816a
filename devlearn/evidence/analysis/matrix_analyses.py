"""The matrix of skills as analyses.json has it: what each life kept, skill by skill, and every metric."""

import numpy as np

from devlearn.evidence.analysis.curve_matrix import by_lineage
from devlearn.evidence.analysis.matrix_cells import Told, cells, metrics, readable
from devlearn.evidence.analysis.matrix_metrics import expert_ends
from devlearn.evidence.analysis.skill_matrix import SkillMatrix, skills
from devlearn.evidence.analysis.values import finite
from devlearn.evidence.statistics import Vector, mean_interval
from devlearn.records.reader import Point
from devlearn.records.results import KeptSkill, LifeMatrix, LifeMean
from devlearn.records.schema import Resolved

UNKNOWN = "unknown for a learner: it diverged, or a score of it or of its expert is not on record"


def matrices(plan: Resolved, point: Point) -> dict[str, LifeMatrix]:
    """Of every arm whose life teaches two skills or more; {} where the scenario declares no matrix."""
    if not (plan.compare and plan.compare.matrix):
        return {}
    known, found = skills(plan), {}
    for name, arm in point.arms.items():
        if len(known.of(arm).measures) < 2:
            continue
        held, missing = cells(arm, known)
        matrix, _ = readable(arm, known)
        found[name] = LifeMatrix(
            scores=known.scores,
            rows=held.rows if held else (),
            skills=_skills(matrix) if held and matrix else {},
            metrics={one.metric: _metric(one) for one in metrics(plan, arm)},
            left_out=tuple(missing),
        )
    return found


def _metric(one: Told) -> LifeMean:
    if one.mean is None:
        return LifeMean(n=one.n, mean=None, interval=(None, None), why=one.why)
    return LifeMean(n=one.n, mean=one.mean, interval=finite((one.low, one.high)))


def _skills(matrix: SkillMatrix) -> dict[str, KeptSkill]:
    """Each skill of an arm: its column, and what its learners lost of it and had of it beyond their experts."""
    scores, last, experts = matrix.scores, len(matrix.rows) - 1, expert_ends(matrix)
    found = {}
    for task, name in enumerate(matrix.tasks):
        row, column = int(matrix.learned[task]), scores[:, :, task]  # (n, S + 1)
        lost = column[:, 1:last].max(1) - column[:, last] if row < last else None
        beyond = column[:, row] - experts[:, task] if name in matrix.arm.experts else None
        each = [_kept(matrix, column[:, place]) for place in range(last + 1)]
        found[name] = KeptSkill(
            learned=row,
            mean=tuple(one.mean for one in each),
            interval=tuple(one.interval for one in each),
            forgotten=None if lost is None else _kept(matrix, lost),
            beyond_expert=None if beyond is None else _kept(matrix, beyond),
        )
    return found


def _kept(matrix: SkillMatrix, values: Vector) -> LifeMean:
    """The mean of one number of each learner (n,), over lineages."""
    each = by_lineage([matrix.arm], values, matrix.seeds)
    if not np.isfinite(each).all():
        return LifeMean(n=len(each), mean=None, interval=(None, None), why=UNKNOWN)
    mean, low, high = mean_interval(each)
    return LifeMean(n=len(each), mean=mean, interval=finite((low, high)))
