"""The last stage of an arm's life as a matrix: learners by measured moments. What the curve analyses work on."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence import statistics
from devlearn.evidence.analysis.budgets import budget, rate
from devlearn.evidence.analysis.pairing import lineages
from devlearn.evidence.analysis.values import Measure, finite, read
from devlearn.evidence.statistics import Matrix
from devlearn.records.reader import ArmRecords, EvidenceError, Moment
from devlearn.records.schema import SPENT

ON_THE_WAY = ("birth", "every", "end")
BOUGHT = ("labels", "label_bits", "labels_validation")  # once, when a stage begins


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


def curve_matrix(arm: ArmRecords, what: Measure) -> CurveMatrix:
    """The matrix of an arm's last stage. An arm that has no finished learner has no rows.

    Raises:
        EvidenceError: a learner has no value on record from before its last stage.
    """
    last = len(arm.stages) - 1
    lives = [life for life in arm.lives.values() if life.done]
    paths = [[m for m in life.moments if what.key in m.values and m.when in ON_THE_WAY] for life in lives]
    measured = {0} | {m.update for path in paths for m in path if m.position == last}
    updates = sorted(measured | ({budget(arm)} if lives else set()))
    walks = [_walk(arm, what, path, [(last, update) for update in updates]) for path in paths]  # (n, U) moments
    known = [
        [read(life, what, moment, (last, update)) for moment, update in zip(walk, updates, strict=True)]
        for life, walk in zip(lives, walks, strict=True)
    ]
    shape = (len(lives), len(updates))
    values = np.array(known, np.float64).reshape(shape)  # an unknown value becomes NaN
    spent = {unit: np.array([[m.ledger[unit] for m in walk] for walk in walks]).reshape(shape) for unit in SPENT}
    for row, life in enumerate(lives):
        if life.diverged is not None:  # the rest of its budget, at the rate of the arm's others
            lived = max((m.update for m in life.moments if m.position == last), default=0)
            for unit in SPENT:
                spent[unit][row, -1] += 0.0 if unit in BOUGHT else (updates[-1] - lived) * rate(arm, unit)
    seeds = tuple(life.seed for life in lives)
    return CurveMatrix(arm, what, seeds, np.array(updates), values, spent, max(measured))


def _walk(arm: ArmRecords, what: Measure, path: list[Moment], places: list[tuple[int, int]]) -> list[Moment]:
    """The latest moment at or before each place (position, update)."""
    lived = [(m.position, m.update) for m in path]
    before = [bisect_right(lived, place) for place in places]
    if not all(before):
        raise EvidenceError(f"{what.label} of arm {arm.name!r} is not on record at its birth")
    return [path[count - 1] for count in before]


@dataclass(frozen=True)
class Paired:
    """``differences`` (n, ...) of the learners that two arms have finished, averaged within lineages: one row each.

    ``size`` (n, ...) is how large the numbers are that they were taken of.
    """

    differences: Matrix
    size: Matrix

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Paired":
        return Paired(self.differences[rows], self.size[rows])

    def contrast(self) -> dict[str, Any]:
        """The fields of a ``Contrast`` of (n,) differences; nulls where one is unknown or there is none."""
        d = self.differences
        found: dict[str, Any] = {"n": len(d), "difference": None, "interval": (None, None), "p": None}
        if len(d) and np.isfinite(d).all():
            ends, p = finite(statistics.interval(d)), statistics.sign_flip(d, size=self.size)
            found |= {"difference": float(d.mean()), "interval": ends, "p": p}
        return found


def paired(a: CurveMatrix, b: CurveMatrix, x: Matrix, y: Matrix) -> Paired:
    """x - y of two arms. ``x`` is (n, ...) in the order of ``a.seeds``, ``y`` likewise of ``b``."""
    seeds = [seed for seed in a.seeds if seed in b.seeds]
    rows = [[found.seeds.index(seed) for seed in seeds] for found in (a, b)]
    left, right = x[rows[0]], y[rows[1]]
    both = (by_lineage([a.arm, b.arm], part, seeds) for part in (left - right, np.abs(left) + np.abs(right)))
    return Paired(*both)


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
    return np.array(places, np.int64), paired(a, b, a.values[:, at_a], b.values[:, at_b]).differences
