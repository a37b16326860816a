"""One number per learner of its whole life: a metric of the matrix of skills, which may be compared like a probe's."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from devlearn.evidence.analysis.skill_matrix import SkillMatrix, Skills, expert_of, first_visit, skill_matrix, skills
from devlearn.evidence.analysis.values import Measure, value_at
from devlearn.evidence.statistics import Matrix, Vector, continual
from devlearn.records.declared import MATRIX, METRICS
from devlearn.records.reader import ArmRecords, EvidenceError, LearnerRecord, Point
from devlearn.records.schema import Resolved

OF_MATRIX: Mapping[str, Callable[[ArrayLike, ArrayLike], Matrix]] = {
    "average": continual.average,
    "learning_accuracy": continual.learning_accuracy,
    "area": continual.area,
    "forgetting": continual.forgetting,
    "backward_transfer": continual.backward_transfer,
    "forward_transfer": continual.forward_transfer,
    "performance_maintenance": continual.performance_maintenance,
    "forward_contrast": continual.forward_contrast,
    "backward_contrast": continual.backward_contrast,
}
Curve = tuple[Vector, Vector]  # updates and heights (U,)


def is_metric(name: str) -> bool:
    """Whether a name such as ``matrix.forgetting`` means a metric of the matrix."""
    return name.partition(".")[0] == MATRIX


def matrix_measure(plan: Resolved, metric: str, worst: float | None = None) -> Measure:
    """A metric of the matrix as something that is compared. ``worst`` is what a learner that diverged counts with.

    Raises:
        EvidenceError: no such metric; or the run's skills have no mean, or no experts where it takes them.
    """
    if metric not in METRICS:
        raise EvidenceError(f"the matrix has no metric {metric!r}; it has: {', '.join(METRICS)}")
    known, facts = skills(plan), METRICS[metric]
    unit = known.unit  # refuses what has no mean
    named = plan.compare.matrix.experts if plan.compare and plan.compare.matrix else {}
    missing = [name for name in known.measures if name not in named]
    if missing and (facts.experts or known.scores == "normalised"):
        mend = "name arms that live one stage alone in compare.matrix.experts, {STAGE: ARM}"
        raise EvidenceError(f"{MATRIX}.{metric} takes an expert of each skill; {', '.join(missing)} has none; {mend}")
    return Measure(
        (MATRIX, metric),
        facts.better,
        worst,
        unit if facts.score else "number",
        of_life=functools.partial(of_arm, metric, known),
        parts=tuple(known.measures.values()),
    )


def refuse_unlived(plan: Resolved, points: Sequence[Point], pairs: Sequence[tuple[str, str]]) -> None:
    """Raises EvidenceError where an arm of a pair never lives a stage whose skill is in the matrix."""
    known = skills(plan)
    for point in points:
        for arm in dict.fromkeys(name for pair in pairs for name in pair):
            for stage in known.measures:
                first_visit(point.arms[arm], stage)


def of_arm(metric: str, known: Skills, arm: ArmRecords) -> dict[int, float | None]:
    """{seed: value} of the learners that are done.

    None for an arm that does not live all stages, as an expert; and, where experts are needed, for a seed of which one
    of them isn't done.
    """
    own = known.of(arm)
    done = [life for life in arm.lives.values() if life.done]
    if len(own.measures) < len(known.measures) or not done:
        return {life.seed: None for life in done}
    found = skill_matrix(arm, known)
    values = OF_MATRIX[metric](found.scores, found.learned) if metric in OF_MATRIX else AGAINST[metric](found)
    needed = METRICS[metric].experts or known.scores == "normalised"
    waited = [expert_of(arm, name) for name in found.tasks] if needed else []
    ready = {seed for seed in found.seeds if all(_done(expert, seed) for expert in waited)}
    return {seed: float(value) if seed in ready else None for seed, value in zip(found.seeds, values, strict=True)}


def _done(arm: ArmRecords, seed: int) -> bool:
    return seed in arm.lives and arm.lives[seed].done


# ---- against the experts ----


def expert_ends(found: SkillMatrix) -> Matrix:
    """(n, T) the scores of the experts of the same seeds at the end of their stages, NaN where there is none."""
    ends = np.full((len(found.seeds), len(found.tasks)), np.nan)
    for task, name in enumerate(found.tasks):
        if name not in found.arm.experts:
            continue
        expert = found.arm.experts[name]
        position, what = first_visit(expert, name), found.skills.measures[name]
        for row, seed in enumerate(found.seeds):
            if _done(expert, seed):
                value = value_at(expert, expert.lives[seed], what, position, None)
                ends[row, task] = math.nan if value is None else value
    return found.scored(ends) if found.skills.scores == "normalised" else ends


def _intransigence(found: SkillMatrix) -> Matrix:
    """Against the expert of the same seed at the end of its stage; unknown for a seed that no expert has."""
    for name in found.tasks:
        expert_of(found.arm, name)
    return continual.intransigence(found.scores, found.learned, expert_ends(found))


def _relative_performance(found: SkillMatrix) -> Matrix:
    pairs = _curves(found)  # (n, T) curves of the learner and of the expert of its seed
    heights = np.array([[_heights(*both) for both in row] for row in pairs], np.float64)  # (n, T, 2)
    return continual.relative_performance(heights[..., 0], heights[..., 1])


def _sample_efficiency(found: SkillMatrix) -> Matrix:
    tops = np.array([[[_top(one) for one in both] for both in row] for row in _curves(found)])  # (n, T, 2, 2)
    own, expert = tops[..., 0, :], tops[..., 1, :]
    return continual.sample_efficiency(own[..., 0], own[..., 1], expert[..., 0], expert[..., 1])


AGAINST: Mapping[str, Callable[[SkillMatrix], Matrix]] = {
    "intransigence": _intransigence,
    "relative_performance": _relative_performance,
    "sample_efficiency": _sample_efficiency,
}


def _curves(found: SkillMatrix) -> list[list[tuple[Curve, Curve]]]:
    """Each learner's curve of each skill in its own stage, beside that of the expert of its seed."""
    scale = [np.zeros(len(found.tasks)), np.ones(len(found.tasks))]
    if found.skills.scores == "normalised":  # both ends of the line that turns values into scores
        scale = [found.scored(end) for end in scale]
    rows = []
    for seed in found.seeds:
        row = []
        for task, (name, what) in enumerate(found.skills.measures.items()):
            expert, zero, one = expert_of(found.arm, name), scale[0][task], scale[1][task]
            both = [
                (updates, zero + (one - zero) * heights)
                for updates, heights in (_curve(arm, seed, what, name) for arm in (found.arm, expert))
            ]
            row.append((both[0], both[1]))
        rows.append(row)
    return rows


def _curve(arm: ArmRecords, seed: int, what: Measure, name: str) -> Curve:
    """What a probe measured over the first visit to a stage, from what the learner came with."""
    if not _done(arm, seed):
        return np.zeros(1), np.full(1, np.nan)
    life, position = arm.lives[seed], first_visit(arm, name)
    updates = _measured(life, what, position)
    if len(updates) < 3:
        mend = f"give probe {what.key[0]!r} 'every', updates between two measurements, and run it anew"
        raise EvidenceError(f"{what.label} of arm {arm.name!r} was not measured on the way in {name!r}; {mend}")
    heights = [value_at(arm, life, what, position, update) for update in updates]
    return np.array(updates, np.float64), np.array(heights, np.float64)  # an unknown value becomes NaN


def _measured(life: LearnerRecord, what: Measure, position: int) -> list[int]:
    return sorted({0} | {m.update for m in life.moments if m.position == position and what.key in m.values})


def _heights(own: Curve, expert: Curve) -> tuple[float, float]:
    """The mean heights of two curves over the updates that both of them last."""
    stop = min(own[0][-1], expert[0][-1])
    return _height(own, stop), _height(expert, stop)


def _height(curve: Curve, stop: float) -> float:
    updates, heights = curve
    grid = np.array([*updates[updates < stop], stop])
    return float(np.trapezoid(np.interp(grid, updates, heights), grid) / stop) if stop else math.nan


def _top(curve: Curve) -> tuple[float, float]:
    """The highest score of a curve, and the updates until it was first there."""
    updates, heights = curve
    place = int(np.argmax(heights))  # the first NaN, where there is one
    return float(heights[place]), float(updates[place])
