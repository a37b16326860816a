"""Learning curves: a measure's mean and 95 % interval over an arm's learners, against anything in the ledger."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.values import Measure, read
from devlearn.evidence.statistics import Vector, mean_interval
from devlearn.records.reader import ArmRecords, LearnerRecord, Moment
from devlearn.records.schema import SPENT


@dataclass(frozen=True)
class Curve:
    """An arm's curve. All vectors are (P,): one entry a moment, in the order of life.

    ``x[unit]`` is what a learner had consumed by then (mean over learners, those that diverged excepted, who stopped
    before, unless all did); ``positions`` is the index of the stage
    (-1 at birth). ``low`` and ``high`` are the pointwise 95 % t-interval of the mean over ``n`` learners.
    """

    arm: str
    what: Measure
    n: int
    positions: NDArray[np.int64]
    x: Mapping[str, Vector]
    mean: Vector
    low: Vector
    high: Vector

    def __len__(self) -> int:
        return len(self.mean)

    def last_at_each(self, unit: str) -> "Curve":
        """Only the last moment at each level of ``unit``: what a learner knew before it paid for more of it."""
        x = self.x[unit]
        return self._take(np.append(x[1:] != x[:-1], True) if len(x) else np.zeros(0, bool))

    def _take(self, kept: NDArray[np.bool_]) -> "Curve":
        x = {unit: values[kept] for unit, values in self.x.items()}
        return Curve(
            self.arm, self.what, self.n, self.positions[kept], x, self.mean[kept], self.low[kept], self.high[kept]
        )


def curve(arm: ArmRecords, what: Measure) -> Curve:
    """The curve of one arm over its whole life, of the learners that are done; empty where none is.

    Learners that were held early keep their last value. Moments at which a value is unknown (a diverged learner and no
    declared worst) end the curve.
    """
    lives = [life for life in arm.lives.values() if life.done]
    if not lives:
        none = np.zeros(0)
        return Curve(arm.name, what, 0, none.astype(np.int64), dict.fromkeys(SPENT, none), none, none, none)
    grid = sorted({(m.position, m.update) for life in lives for m in life.moments if what.key in m.values})
    walks = [list(_walk(life, what, grid)) for life in lives]  # (n, P) moments
    columns: list[list[float]] = []
    for place, moments in zip(grid, zip(*walks, strict=True), strict=True):
        column = [read(life, what, m, place) for life, m in zip(lives, moments, strict=True)]
        known = [value for value in column if value is not None]
        if len(known) < len(column):
            break
        columns.append(known)
    shown = len(columns)
    bands = np.array([mean_interval(column) for column in columns]).reshape(-1, 3)  # (P, 3)
    going = [walk for life, walk in zip(lives, walks, strict=True) if life.diverged is None] or walks
    x = {unit: np.array([[m.ledger[unit] for m in walk[:shown]] for walk in going]).mean(0) for unit in SPENT}
    positions = np.array([position for position, _ in grid[:shown]], np.int64)
    return Curve(arm.name, what, len(lives), positions, x, *bands.T)


def _walk(life: LearnerRecord, what: Measure, grid: list[tuple[int, int]]) -> Iterator[Moment]:
    """The latest moment of ``life`` at each place of ``grid``; every life is measured at the first place, its birth."""
    moments = [m for m in life.moments if what.key in m.values]
    places = [(m.position, m.update) for m in moments]
    for place in grid:
        yield moments[bisect_right(places, place) - 1]


def curves(arms: Mapping[str, ArmRecords], what: Measure) -> dict[str, Curve]:
    """The curve of every arm."""
    return {name: curve(arm, what) for name, arm in arms.items()}


def mean_of(values: Collection[float | None]) -> tuple[float, float, float] | None:
    """Mean and 95 % t-interval of an arm's values in a comparison, or None where a value is unknown."""
    known = [value for value in values if value is not None]
    return mean_interval(known) if known and len(known) == len(values) else None
