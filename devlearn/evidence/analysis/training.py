"""What training said on the way: a metric's mean and 95 % interval over an arm's learners, along its whole life."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from devlearn.evidence.statistics import Vector, mean_interval
from devlearn.records.layout import JobFolder
from devlearn.records.reader import ArmRecords, LearnerRecord, lines

SPANS = 100  # of the life, in which what was recorded is averaged: rollouts are many and each tells little


@dataclass(frozen=True)
class Course:
    """One metric of one arm. Vectors are (P,), one entry a span of the life; ``x`` is where it ends, in ``unit``.

    ``low`` and ``high`` are the pointwise 95 % t-interval of the mean over ``n`` learners.
    """

    arm: str
    metric: str
    unit: str
    n: int
    x: Vector
    mean: Vector
    low: Vector
    high: Vector


def courses(arm: ArmRecords, metrics: Sequence[str], unit: str = "env_steps") -> dict[str, Course]:
    """The course of each of ``metrics`` that all learners that are done have on record, by name.

    ``unit`` is a column of the ledger. A learner that has nothing on record in a span, as it was held, keeps what it
    had; spans before the first that all learners have are left out.
    """
    done = [life for life in arm.lives.values() if life.done]
    read = cache(_trained)  # each job's file once for all of its learners
    found = {}
    for metric in metrics:
        told = [list(_told(life, metric, unit, read)) for life in done]
        if told and all(told):
            found[metric] = _course(arm.name, metric, unit, told)
    return found


def trajectories(arm: ArmRecords, metric: str, unit: str = "env_steps") -> dict[int, tuple[Vector, Vector]]:
    """What every learner that is done has on record of a metric: (P,) of the unit and of values, by seed.

    Learners that have nothing of it are left out.
    """
    read = cache(_trained)
    told = {seed: list(_told(life, metric, unit, read)) for seed, life in arm.lives.items() if life.done}
    return {seed: (np.array(own)[:, 0], np.array(own)[:, 1]) for seed, own in told.items() if own}


Rows = Mapping[int, Sequence[Mapping[str, str]]]  # of train.csv, by seed


def _trained(job: Path) -> list[Rows]:
    """What every visit of a job has in train.csv, in the order of life."""
    visits: list[Rows] = []
    for visit in JobFolder(job).visits():
        rows: dict[int, list[Mapping[str, str]]] = defaultdict(list)
        for row in lines(visit.table("train")):
            rows[int(row["seed"])].append(row)
        visits.append(rows)
    return visits


def _told(
    life: LearnerRecord, metric: str, unit: str, read: Callable[[Path], list[Rows]]
) -> Iterator[tuple[float, float]]:
    """(unit, value) of every finite value of a learner, in the order of life."""
    for job in life.jobs:
        for rows in read(job):
            for row in rows.get(life.seed, ()):
                value = float(row.get(metric) or math.nan)
                if math.isfinite(value):
                    yield float(row[unit]), value


def _course(arm: str, metric: str, unit: str, told: Sequence[Sequence[tuple[float, float]]]) -> Course:
    end = max(x for own in told for x, _ in own)
    spans = min(SPANS, max(len({x for x, _ in own}) for own in told))
    table = np.full((len(told), spans), math.nan)
    for row, own in zip(table, told, strict=True):
        x, values = np.array(own).T
        place = np.minimum((x / (end or 1) * spans).astype(int), spans - 1)
        for span in range(spans):
            here = values[place == span]
            row[span] = here.mean() if len(here) else row[span - 1] if span else math.nan
    known = np.isfinite(table).all(0)
    bands = np.array([mean_interval(column) for column in table.T[known]]).reshape(-1, 3)
    x = end * np.arange(1, spans + 1) / spans
    return Course(arm, metric, unit, len(told), x[known], *bands.T)
