"""Pictures on record: what probes drew of one learner at birth and at each stage's end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from devlearn.records.reader import BIRTH, ArmRecords, EvidenceError, RunRecords

ENDING = ".pictures.npz"
Array = NDArray[Any]


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


def pictures(run: RunRecords, arm: ArmRecords, seed: int) -> list[Picture]:
    """The pictures of one learner of an arm, in the order of life; none where it is not the one that was drawn.

    Raises:
        EvidenceError: a picture file can't be read.
    """
    jobs = {job["branch"]: run.folder / job["folder"] for job in run.resolved["jobs"] if seed in job["seeds"]}
    path = dict.fromkeys(stage["branch"] for stage in arm.stages)
    found = [picture for branch in path for picture in _of(jobs[branch], arm) if picture.seed == seed]
    return sorted(found, key=lambda picture: picture.position)


def drawn_seed(arm: ArmRecords) -> int:
    """The learner that was drawn of this arm: the first of its seeds."""
    return next(iter(arm.lives))


def _of(job: Path, arm: ArmRecords) -> Iterator[Picture]:
    for path in sorted((job / "records").glob(f"*/arrays/*{ENDING}")):
        visit = path.parents[1].name
        position = BIRTH if visit == "birth" else int(visit.split("-", 1)[0])
        stage = "birth" if position == BIRTH else arm.stages[position]["name"]
        times = 0 if position == BIRTH else arm.stages[position].get("visit", 0)
        arrays = dict(_read(path))
        probe, seed = path.name.removesuffix(ENDING), int(arrays.pop("seed"))
        yield Picture(position, stage, times, probe, seed, arrays, _measured(arm, seed, position, probe))


def _measured(arm: ArmRecords, seed: int, position: int, probe: str) -> dict[str, float]:
    """What ``probe`` measured of a learner at birth or at the end of a stage; nothing where that is not on record."""
    moments = arm.lives[seed].moments if seed in arm.lives else ()
    found = [m.values for m in moments if m.position == position and m.when in ("birth", "end")]
    return {metric: value for values in found for (name, metric), value in values.items() if name == probe}


def _read(path: Path) -> Iterator[tuple[str, Array]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield from ((name, file[name]) for name in file.files)
    except (OSError, ValueError, BadZipFile) as error:
        raise EvidenceError(f"{path}: not readable ({error}); delete this job's folder and run again") from error
