"""The matrix of skills over the stages of a life, from records: a row for birth and each stage's end, a column a skill.

Which probe measures the skill that a stage teaches is what ``compare.matrix`` declares. A run that declares none, as an
older one, has the stages' own probes: ``own_probes``. A skill is learned at the end of the first visit to its stage.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.own_probes import own_probes
from devlearn.evidence.analysis.values import Measure, measure, measures, value_at
from devlearn.evidence.statistics import Matrix
from devlearn.evidence.statistics.continual import normalised
from devlearn.records.reader import BIRTH, ArmRecords, EvidenceError, LearnerRecord
from devlearn.records.schema import Resolved

NO_SKILLS = (
    "no probe of this run measures what one of its stages teaches, so there is no matrix; declare "
    "compare.matrix.skills, {STAGE: PROBE}, and run it"
)


@dataclass(frozen=True)
class Skills:
    """The columns of a matrix: by stage, what measures the skill that it teaches; and what its ``scores`` are."""

    measures: Mapping[str, Measure]
    scores: str = "raw"

    @property
    def unit(self) -> str:
        """What the scores are counted in.

        Raises:
            EvidenceError: they are counted in several units, or lower is better in some: they have no mean.
        """
        if self.scores == "normalised":
            return "number"
        units = dict.fromkeys(what.unit for what in self.measures.values())
        if len(units) > 1 or any(what.better == "lower" for what in self.measures.values()):
            each = ", ".join(f"{what.label} ({what.unit}, {what.better} is better)" for what in self.measures.values())
            mend = "name an expert of each in compare.matrix.experts and write scores: normalised"
            raise EvidenceError(f"these skills have no mean, as they are counted differently: {each}; {mend}")
        return next(iter(units))

    def of(self, arm: ArmRecords) -> "Skills":
        """Those that an arm's life teaches."""
        lived = {stage.name for stage in arm.stages}
        return Skills({name: what for name, what in self.measures.items() if name in lived}, self.scores)


@dataclass(frozen=True)
class SkillMatrix:
    """The matrix of one arm, for the learners that are done.

    ``values`` (n, S + 1, T) are what the probes gave, a diverged learner's being their worst, NaN where unknown.
    ``rows`` (S + 1) names birth and the stages, ``tasks`` (T) the stages that teach the skills; ``learned`` (T,) is the
    row at the end of the first visit to each.
    """

    arm: ArmRecords
    skills: Skills
    seeds: tuple[int, ...]
    rows: tuple[str, ...]
    tasks: tuple[str, ...]
    learned: NDArray[np.int64]
    values: Matrix

    @property
    def scores(self) -> Matrix:
        """(n, S + 1, T) what metrics are taken of: the values, or those with birth at 0 and the expert at 1."""
        return self.scored(self.values) if self.skills.scores == "normalised" else self.values

    def scored(self, values: Matrix) -> Matrix:
        """Values (..., T) of the skills as normalised scores."""
        zero, one = _ends_of_scale(self.arm, self.skills)
        return normalised(values, zero, one)


def skills(plan: Resolved) -> Skills:
    """The skills of a run, as its scenario declares them, or the stages' own probes.

    Raises:
        EvidenceError: a declared probe is not on record, or there is none.
    """
    declared = plan.compare.matrix if plan.compare else None
    if declared is not None:
        return Skills({name: measure(plan.probes, probe) for name, probe in declared.skills.items()}, declared.scores)
    found: dict[str, Measure] = {}
    for arm in (arm for point in plan.points for arm in point.arms.values()):
        for stage in arm.stages:
            names = own_probes(stage, plan.probes)
            own = [what for what in measures(plan.probes) if what.key[0] in names]
            if own:
                found.setdefault(stage.name, own[0])
    if not found:
        raise EvidenceError(NO_SKILLS)
    return Skills(found)


def skill_matrix(arm: ArmRecords, known: Skills) -> SkillMatrix:
    """The matrix of an arm over the skills that its life teaches.

    Raises:
        EvidenceError: a value is not on record.
    """
    own = known.of(arm)
    lives = [life for life in arm.lives.values() if life.done]
    visits = [f" (visit {stage.visit + 1})" * bool(stage.visit) for stage in arm.stages]
    shape = (len(lives), len(arm.stages) + 1, len(own.measures))
    values = [[[_cell(arm, life, what, at) for what in own.measures.values()] for at in _rows(arm)] for life in lives]
    return SkillMatrix(
        arm=arm,
        skills=own,
        seeds=tuple(life.seed for life in lives),
        rows=("birth", *(f"{stage.name}{visit}" for stage, visit in zip(arm.stages, visits, strict=True))),
        tasks=tuple(own.measures),
        learned=np.array([first_visit(arm, name) + 1 for name in own.measures], np.int64),
        values=np.array(values, np.float64).reshape(shape),
    )


def first_visit(arm: ArmRecords, name: str) -> int:
    """The position of the first visit to a stage. Raises EvidenceError where the arm never lives it."""
    found = next((position for position, stage in enumerate(arm.stages) if stage.name == name), None)
    if found is None:
        lives = ", ".join(stage.name for stage in arm.stages)
        raise EvidenceError(f"arm {arm.name!r} never lives stage {name!r}, but {lives}; name skills that it learns")
    return found


def expert_of(arm: ArmRecords, name: str) -> ArmRecords:
    """The arm that learns a stage's skill alone. Raises EvidenceError where none is named."""
    if name not in arm.experts:
        mend = "name an arm that lives this stage alone in compare.matrix.experts"
        raise EvidenceError(f"the skill of stage {name!r} has no expert to be measured against; {mend}")
    return arm.experts[name]


def unscaled(arm: ArmRecords, known: Skills) -> list[str]:
    """Why skills have no normalised scores, a sentence each: an expert that ends no better than it was born."""
    if known.scores != "normalised":
        return []
    zero, one = _ends_of_scale(arm, known)
    return [
        f"the skill of {name} in {arm.name}: its expert {expert_of(arm, name).name!r} learned nothing that "
        f"{what.label} shows, so there is no scale for it; give that stage more to learn, or name another probe"
        for (name, what), same in zip(known.measures.items(), zero == one, strict=True)
        if same
    ]


def _rows(arm: ArmRecords) -> range:
    return range(BIRTH, len(arm.stages))


def _cell(arm: ArmRecords, life: LearnerRecord, what: Measure, position: int) -> float:
    found = value_at(arm, life, what, position, 0 if position == BIRTH else None)
    return math.nan if found is None else found


def _ends_of_scale(arm: ArmRecords, known: Skills) -> tuple[Matrix, Matrix]:
    """(T,) what counts as 0 and as 1: the means over seeds of the experts at birth, and at the end of their stage."""
    both = []
    for name, what in known.measures.items():
        expert = expert_of(arm, name)
        lives, end = [life for life in expert.lives.values() if life.done], first_visit(expert, name)
        found = [[_cell(expert, life, what, position) for life in lives] for position in (BIRTH, end)]
        zero, one = (float(np.mean(values)) if values else math.nan for values in found)
        learned = one > zero if what.better == "higher" else one < zero
        both.append([zero, one if learned else zero])  # who learned nothing has no scale: NaN
    scale = np.array(both, np.float64).reshape(len(known.measures), 2)
    return scale[:, 0], scale[:, 1]
