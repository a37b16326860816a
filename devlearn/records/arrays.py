"""Arrays on record: which images a learner got right, and what probes drew of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devlearn.records.layout import BIRTH, JobFolder, VisitFolder
from devlearn.records.npz import read_arrays
from devlearn.records.reader import ArmRecords, EvidenceError, LearnerRecord
from devlearn.records.tables import ANEW

Array = NDArray[Any]

MOST = 2**30  # bytes of one file's arrays


@dataclass(frozen=True)
class Picture:
    """What ``probe`` drew of learner ``seed`` after the stage at ``position`` (``BIRTH`` before the first).

    ``arrays`` by name: ``fields`` (U, H, W) uint8; ``frames`` (T, H, W) or (T, H, W, 3) uint8 with ``steps`` (T,) and
    ``rewards`` (T,); or ``trace`` (L, D). ``values`` is what the probe measured of this learner then, by metric.
    """

    position: int
    stage: str
    visit: int
    probe: str
    seed: int
    arrays: Mapping[str, Array]
    values: Mapping[str, float]


def pictures(arm: ArmRecords, seed: int) -> list[Picture]:
    """The pictures of one learner of an arm, in the order of life; none where it is not the one that was drawn.

    Raises:
        EvidenceError: a picture file can't be read.
    """
    life = arm.lives[seed]
    found = []
    for visit in _visits(life):
        for probe, path in visit.drawn():
            arrays = _read(path, "seed")
            if arrays.pop("seed").tolist() == seed:
                values = _measured(life, visit.position, probe)
                found.append(Picture(visit.position, visit.stage, visit.visit, probe, seed, arrays, values))
    return found


def drawn_seed(arm: ArmRecords) -> int:
    """The learner that was drawn of this arm: the first of its seeds."""
    return next(iter(arm.lives))


def correct(arm: ArmRecords, probe: str) -> dict[int, NDArray[np.bool_]] | None:
    """{seed: (M,) whether each image was right} at the end of the arm's life; None where it isn't on record for all.

    Only the learners whose jobs are done are looked up.

    Raises:
        EvidenceError: a file can't be read, or has no row for a learner.
    """
    found = {}
    for life in arm.lives.values():
        if life.done:
            visit = next((visit for visit in _visits(life) if visit.position == len(arm.stages) - 1), None)
            if visit is None or not visit.correct(probe).exists():
                return None
            found[life.seed] = _row(visit.correct(probe), life.seed)
    return found


def _visits(life: LearnerRecord) -> list[VisitFolder]:
    """The record folders of a learner, in the order of life."""
    return [visit for job in life.jobs for visit in JobFolder(job).visits()]


def _row(path: Path, seed: int) -> NDArray[np.bool_]:
    """One learner's verdicts (M,)."""
    arrays = _read(path, "seeds", "correct", "count")
    at, bits = np.flatnonzero(arrays["seeds"] == seed), arrays["correct"]
    if len(at) != 1:
        raise EvidenceError(f"{path} has no row for seed {seed}; {ANEW}")
    if arrays["count"].shape or bits.dtype != np.uint8 or bits.ndim != 2 or len(bits) != len(arrays["seeds"]):
        raise EvidenceError(f"{path}: its arrays do not fit together; {ANEW}")
    return np.unpackbits(bits[at[0]], count=int(arrays["count"])).astype(bool)


def _measured(life: LearnerRecord, position: int, probe: str) -> dict[str, float]:
    """What ``probe`` measured of a learner at birth or at the end of a stage; nothing where that is not on record."""
    when = "birth" if position == BIRTH else "end"
    found = (moment.values for moment in life.moments if moment.position == position and moment.when == when)
    return {metric: value for values in found for (name, metric), value in values.items() if name == probe}


def _read(path: Path, *needed: str) -> dict[str, Array]:
    """The arrays of a record file, the ``needed`` ones among them."""
    try:
        arrays = read_arrays(path, MOST)
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path}: not readable ({error}); {ANEW}") from error
    if lacking := [name for name in needed if name not in arrays]:
        raise EvidenceError(f"{path}: it has no {', no '.join(lacking)}; {ANEW}")
    return arrays
