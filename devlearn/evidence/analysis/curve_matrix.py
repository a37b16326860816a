"""The last stage of an arm's life as a matrix: learners by measured moments. What the curve analyses work on."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence import statistics
from devlearn.evidence.analysis.budgets import budget, rate
from devlearn.evidence.analysis.pairing import lineages
from devlearn.evidence.analysis.stage_gains import finite
from devlearn.evidence.analysis.values import Measure, read
from devlearn.records.reader import ArmRecords, EvidenceError, Json, LearnerRecord, Moment
from devlearn.records.schema import COLUMNS

ON_THE_WAY = ("birth", "every", "end")
BOUGHT = ("labels", "label_bits")  # once, when a stage begins

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class CurveMatrix:
    """One measure of one arm over its last stage, for the learners that are done.

    ``updates`` (U,) counts within the last stage and begins at 0, with what the learners came with. ``values`` is
    (n, U), NaN where a diverged learner has no declared worst; a learner that was held early keeps its last value.
    ``spent[unit]`` (n, U) is what a learner had consumed over its whole life by then. The last update is the declared
    budget, even where every learner was held before; by then one that diverged counts with what the whole budget
    would have cost. ``lived`` is the last update at which anybody was measured.
    """

    arm: ArmRecords
    what: Measure
    seeds: tuple[int, ...]
    updates: NDArray[np.int64]
    values: Matrix
    spent: Mapping[str, Matrix]
    lived: int

    @property
    def stop(self) -> int:
        """Where the declared budget ends."""
        return int(self.updates[-1])

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.what.better == "higher" else -1


def track(arm: ArmRecords, what: Measure) -> CurveMatrix:
    """The matrix of an arm's last stage. An arm that has no finished learner has no rows."""
    last = len(arm.stages) - 1
    lives = [life for life in arm.lives.values() if life.done]
    paths = [_path(life, what) for life in lives]
    measured = {0} | {m.update for path in paths for m in path if m.position == last}
    updates = sorted(measured | ({budget(arm)} if lives else set()))
    walks = [_walk(arm, what, path, [(last, update) for update in updates]) for path in paths]  # (n, U) moments
    values = [
        [_number(read(life, what, m, (last, u))) for m, u in zip(walk, updates, strict=True)]
        for life, walk in zip(lives, walks, strict=True)
    ]
    shape = (len(lives), len(updates))
    spent = {unit: np.array([[m.ledger[unit] for m in walk] for walk in walks]).reshape(shape) for unit in COLUMNS}
    for row, life in enumerate(lives):
        if life.diverged is not None:
            for unit in COLUMNS:
                spent[unit][row, -1] += _unspent(arm, life, unit, updates[-1])
    seeds = tuple(life.seed for life in lives)
    known = np.array(values, np.float64).reshape(shape)
    return CurveMatrix(arm, what, seeds, np.array(updates), known, spent, max(measured))


def _unspent(arm: ArmRecords, life: LearnerRecord, unit: str, stop: int) -> float:
    """What the rest of the budget would have cost a learner that diverged, at the rate of the arm's others."""
    if unit in BOUGHT:
        return 0.0
    last = len(arm.stages) - 1
    lived = max((m.update for m in life.moments if m.position == last), default=0)
    return (stop - lived) * rate(arm, unit)


def _path(life: LearnerRecord, what: Measure) -> list[Moment]:
    return [m for m in life.moments if what.key in m.values and m.when in ON_THE_WAY]


def _walk(arm: ArmRecords, what: Measure, path: list[Moment], places: list[tuple[int, int]]) -> list[Moment]:
    """The latest moment at or before each place (position, update)."""
    lived = [(m.position, m.update) for m in path]
    before = [bisect_right(lived, place) for place in places]
    if not all(before):
        raise EvidenceError(f"{what.label} of arm {arm.name!r} is not on record at its birth")
    return [path[count - 1] for count in before]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def averaged(found: CurveMatrix, x: Matrix) -> Matrix:
    """``x`` (n, ...) of the learners of one arm, averaged within lineages: one row each."""
    return by_lineage([found.arm], x, found.seeds)


def paired(a: CurveMatrix, b: CurveMatrix, x: Matrix, y: Matrix) -> Matrix:
    """x - y of the learners that both arms have finished, averaged within lineages: one row each.

    ``x`` is (n, ...) in the order of ``a.seeds``, ``y`` likewise of ``b``.
    """
    seeds = [seed for seed in a.seeds if seed in b.seeds]
    rows = [[found.seeds.index(seed) for seed in seeds] for found in (a, b)]
    return by_lineage([a.arm, b.arm], x[rows[0]] - y[rows[1]], seeds)


def by_lineage(arms: Sequence[ArmRecords], x: Matrix, seeds: Sequence[int]) -> Matrix:
    """``x`` (len(seeds), ...) averaged over the seeds that share something learned in any of ``arms``."""
    place = {seed: row for row, seed in enumerate(seeds)}
    groups = lineages(seeds, arms)
    return np.array([x[[place[seed] for seed in group]].mean(0) for group in groups]).reshape(len(groups), *x.shape[1:])


def common(a: CurveMatrix, b: CurveMatrix) -> tuple[NDArray[np.int64], Matrix]:
    """The updates at which both arms' values are known, (U,), and the paired differences a - b there, (n, U).

    Those at which both were measured, up to the shorter budget; an arm whose learners were all held before it was
    spent is known from then on.
    """
    places = [
        update
        for update in np.union1d(a.updates, b.updates).tolist()
        if update <= min(a.stop, b.stop) and all(update in t.updates or update > t.lived for t in (a, b))
    ]
    at_a, at_b = (np.searchsorted(t.updates, places, "right") - 1 for t in (a, b))
    return np.array(places, np.int64), paired(a, b, a.values[:, at_a], b.values[:, at_b])


def contrast(differences: Vector) -> Json:
    """n, mean, inverted interval and sign-flip p of paired differences (n,); nulls where one is unknown or none is."""
    n = len(differences)
    if n == 0 or not np.isfinite(differences).all():
        return {"n": n, "difference": None, "interval": [None, None], "p": None}
    return {
        "n": n, "difference": float(differences.mean()),
        "interval": finite(statistics.interval(differences)), "p": statistics.sign_flip(differences),
    }  # fmt: skip
