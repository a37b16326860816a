"""One number per learner: what a probe measured at the end, at birth, at an update, or over a stage's whole curve.

A learner that diverged counts with the probe's declared ``worst`` from then on; where none is declared its value is
None, and so is whatever would need it. So is that of a learner which could not be given what it takes from another arm.
Nothing is dropped. A measurement that is not finite counts as diverged too.
Where nothing is finite in either arm of a pair nothing was measured, and ``worst`` against ``worst`` is no answer.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from devlearn.evidence.analysis.budgets import budget
from devlearn.records.declared import unit_of
from devlearn.records.layout import JobFolder
from devlearn.records.reader import BIRTH, ArmRecords, EvidenceError, Key, LearnerRecord, Moment
from devlearn.records.results import At, Interval
from devlearn.records.schema import Better, JobState, ProbeEntry
from devlearn.records.seal import altered
from devlearn.records.tables import ANEW

ROUNDING = 1e-9  # of an area's share


@dataclass(frozen=True)
class Measure:
    """A metric of a probe, its better direction, the value of a diverged learner (or None), and its unit.

    Of a whole life instead: ``of_life`` gives {seed: value} of an arm's learners, made of what ``parts`` measure; None
    where there can't be any, NaN where something is unknown that it needs.
    """

    key: Key
    better: Better
    worst: float | None
    unit: str
    of_life: Callable[[ArmRecords], Mapping[int, float | None]] | None = None
    parts: tuple["Measure", ...] = ()

    @property
    def label(self) -> str:
        return f"{self.key[0]}.{self.key[1]}"

    @property
    def reads(self) -> tuple[Key, ...]:
        """The (probe, metric) on record that it is made of."""
        return tuple(dict.fromkeys(part.key for part in self.parts)) or (self.key,)

    @property
    def probes(self) -> tuple[str, ...]:
        """The names of their probes."""
        return tuple(dict.fromkeys(probe for probe, _ in self.reads))


def measure(probes: Mapping[str, ProbeEntry], name: str, metric: str | None = None) -> Measure:
    """The measure called ``name`` (``PROBE`` or ``PROBE.METRIC``; a probe's first metric is its default).

    Raises:
        EvidenceError: no such probe or metric; the message lists those that exist.
    """
    probe, _, dotted = name.partition(".")
    if probe not in probes:
        raise EvidenceError(f"no probe called {probe!r} is on record; there are: {', '.join(probes) or 'none'}")
    metrics = probes[probe].metrics
    metric = metric or dotted or next(iter(metrics))
    if metric not in metrics:
        raise EvidenceError(f"probe {probe!r} has no metric {metric!r}; it has: {', '.join(metrics)}")
    found, override = metrics[metric], probes[probe].own.get("worst")
    worst = override if isinstance(override, int | float) else found.worst
    return Measure((probe, metric), found.better, worst, unit_of(metric, found))


def measures(probes: Mapping[str, ProbeEntry]) -> tuple[Measure, ...]:
    """The default measure of every probe."""
    return tuple(measure(probes, name) for name in probes)


def values(arm: ArmRecords, what: Measure, at: At, until: int | None = None) -> dict[int, float | None]:
    """{seed: value} of the learners whose jobs are done, at: end, best, birth, area or an update of the last stage.

    An area is taken over updates 0 to ``until`` of the last stage, by default over its budget.

    Raises:
        EvidenceError: the arm was never measured there.
    """
    done = [life for life in arm.lives.values() if life.done]
    if what.of_life is not None:
        return _of_life(what, what.of_life(arm), at, done)
    last = len(arm.stages) - 1
    stop = budget(arm) if until is None else until
    if isinstance(at, int):
        _measured_at(arm, what, last, at, done)
    return {life.seed: _value(arm, life, what, at, last, stop) for life in done}


def _of_life(
    what: Measure, found: Mapping[int, float | None], at: At, done: list[LearnerRecord]
) -> dict[int, float | None]:
    """Each learner's value over its life; one that diverged anywhere in it counts with the worst."""
    if at != "end":
        raise EvidenceError(f"{what.label} is of a whole life and has no value at {at!r}; ask for it at the end")
    known: dict[int, float | None] = {}
    for life in done:
        value = found[life.seed]
        if value is not None and (life.diverged is not None or not math.isfinite(value)):
            value = what.worst
        known[life.seed] = None if life.unscored is not None else value
    return known


def _value(arm: ArmRecords, life: LearnerRecord, what: Measure, at: At, last: int, stop: int) -> float | None:
    if at == "birth":
        return value_at(arm, life, what, BIRTH, 0)
    if at == "end":
        return value_at(arm, life, what, last, None)
    if at == "best":
        return _best(arm, life, what)
    if at == "area":
        return _area(arm, life, what, last, stop)
    if isinstance(at, int):
        return value_at(arm, life, what, last, at)
    raise EvidenceError(f"can't compare at {at!r}; it is end, best, birth, area or an update")


def measured(arm: ArmRecords, what: Measure, at: At, until: int | None = None) -> bool:
    """Whether any learner's value, as ``values`` gives it, rests on a finite measurement, not on ``worst`` alone."""
    zero, one = (values(arm, replace(what, worst=worst), at, until) for worst in (0.0, 1.0))
    shares = [(one[seed] or 0.0) - (zero[seed] or 0.0) for seed in zero]  # how much of each value the worst makes up
    return any(share < 1 - ROUNDING for share in shares)


def has_best(arm: ArmRecords, what: Measure) -> bool:
    """Whether the best checkpoint of every learner that is done was measured."""
    done = [life for life in arm.lives.values() if life.done]
    return bool(done) and all(life.best is not None and what.key in life.best.values for life in done)


def _best(arm: ArmRecords, life: LearnerRecord, what: Measure) -> float | None:
    """The value at the learner's best checkpoint: one from before it diverged counts as it is."""
    if life.best is None or what.key not in life.best.values:
        mend = "a run keeps best checkpoints where its scenario declares compare.select"
        raise EvidenceError(f"{what.label} of arm {arm.name!r}, seed {life.seed}, is not on record at its best; {mend}")
    return read(life, what, life.best, (life.best.position, life.best.update))


def value_at(arm: ArmRecords, life: LearnerRecord, what: Measure, position: int, update: int | None) -> float | None:
    """The latest value of a learner at or before ``update`` of the stage at ``position`` (None: the stage's end)."""
    limit = (position, math.inf if update is None else update)
    past = [m for m in life.moments if what.key in m.values and (m.position, m.update) <= limit]
    if not past or (update is None and past[-1].position != position):
        place = arm.stages[position].name if position >= 0 else "birth"
        said = f"{what.label} of arm {arm.name!r}, seed {life.seed}, is not on record at {place!r}"
        raise EvidenceError(next(_lost(life, said), said))
    return read(life, what, past[-1], limit)


def _lost(life: LearnerRecord, said: str) -> Iterator[str]:
    """What to say of something missing where records of a job are not whole: that job is to be trained anew."""
    for folder in life.jobs:
        state = JobState.read(JobFolder(folder).state)
        for one in altered(JobFolder(folder), state) if state else ():
            if one.how != "added":
                yield f"{folder / one.file}: {one.how} since its job was done, and {said}; {ANEW}"


def read(life: LearnerRecord, what: Measure, moment: Moment, place: tuple[float, float]) -> float | None:
    """What the learner counts with at ``place`` (position, update), where ``moment`` is its latest measurement."""
    if life.unscored is not None and life.unscored <= place[0]:
        return None
    if life.diverged is not None and life.diverged <= place:
        return what.worst
    value = moment.values[what.key]
    return value if math.isfinite(value) else what.worst


def _measured_at(arm: ArmRecords, what: Measure, last: int, at: int, lives: list[LearnerRecord]) -> None:
    found = {m.update for life in lives for m in life.moments if m.position == last and what.key in m.values}
    held = max(found, default=0) < at <= budget(arm)  # everybody, before the budget was spent: their last values stay
    if lives and at not in found and not held:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise EvidenceError(f"{what.label} of arm {arm.name!r} was not measured at update {at}; there are: {there}")


def _area(arm: ArmRecords, life: LearnerRecord, what: Measure, last: int, stop: int) -> float | None:
    """The mean height of a learner's curve over updates 0 to ``stop`` of its last stage, by trapezoids.

    Without a way-point at 0 the stage begins at the value that the learner came with; a learner that was held before
    ``stop`` keeps its last value, or the worst where it diverged. A stage that goes on after ``stop`` is cut there, on
    the line between the moments around it.
    """
    seen = {m.update for m in life.moments if m.position == last and what.key in m.values}
    after = min((update for update in seen if update >= stop), default=stop)
    updates = sorted({0, after} | {update for update in seen if update < stop})
    known = [height for height in (value_at(arm, life, what, last, update) for update in updates) if height is not None]
    if len(known) < len(updates):
        return None
    if stop == 0:
        return known[0]
    grid = [*(update for update in updates if update < stop), stop]
    return float(np.trapezoid(np.interp(grid, updates, known), grid)) / stop


def finite(ends: tuple[float, float]) -> Interval:
    """An interval for JSON, which has no infinity: None for an infinite end."""
    low, high = (float(end) if math.isfinite(end) else None for end in ends)
    return low, high
