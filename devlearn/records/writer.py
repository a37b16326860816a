"""Records: append-only tables of one job's visit to one stage, with one writer.

Everything that is concluded is computed from these files. Numbers are written so that reading them back gives the
same bits. Wall-clock seconds have a file of their own: the others are bit-identical however often a run was killed.
"""

import csv
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from devlearn.records.atomic import replacing
from devlearn.records.layout import VisitFolder
from devlearn.records.schema import LEDGER, PLACE, SPENT, TABLES

MEND = "delete this job's folder and run it again"


class Column(Protocol):
    """One value for each learner, (N,): a numpy array, or whatever else gives its values as plain ones."""

    def tolist(self) -> list[Any]: ...


class Recorder:
    """The tables of one visit, in ``folder`` (JOB/records/VISIT). ``metrics`` are the columns that the stage declares.

    Raises:
        FileNotFoundError: the job's folder is gone; it is not made anew, or what it held would be mixed with this.
    """

    def __init__(self, folder: Path, seeds: Sequence[int], stage: str, visit: int, metrics: Sequence[str] = ()) -> None:
        self.folder, self.seeds, self.stage, self.visit, self.metrics = folder, seeds, stage, visit, tuple(metrics)
        self._place = VisitFolder(folder)
        self._files: dict[str, IO[str]] = {}
        self._tables: dict[str, Iterable[str]] = {**TABLES}
        for each in (folder.parent, folder):
            each.mkdir(exist_ok=True)

    def _rows(self, table: str, rows: list[list[Any]]) -> None:
        if table not in self._files:
            path = self._place.table(table)
            new = not path.exists() or path.stat().st_size == 0
            self._files[table] = path.open("a", newline="", encoding="utf-8")
            if new:
                csv.writer(self._files[table], lineterminator="\n").writerow(self._tables[table])
        csv.writer(self._files[table], lineterminator="\n").writerows(rows)

    def train(self, update: Column, ledger: Mapping[str, Column], metrics: Mapping[str, Column], rows: Column) -> None:
        """One row for each learner in ``rows`` (N,) bool; a metric that is not given is left empty.

        The ledger has columns of what a caregiver said from the first such stage of a life on.
        """
        spent = [name for name in SPENT if name in LEDGER or name in ledger]
        self._tables["train"] = (*PLACE, *spent, *self.metrics)
        chosen = _chosen(rows)
        columns = [update.tolist(), *(ledger[name].tolist() for name in spent)]
        columns += [metrics[name].tolist() if name in metrics else [""] * len(self.seeds) for name in self.metrics]
        self._rows("train", [[self.seeds[i], *(column[i] for column in columns)] for i in chosen])

    def probe(self, update: Column, moment: str, probe: str, values: Mapping[str, Column], rows: Column) -> None:
        """One row for each learner in ``rows`` (N,) bool and each metric."""
        at, chosen = update.tolist(), _chosen(rows)
        lists = {metric: value.tolist() for metric, value in values.items()}
        self._rows(
            "probes",
            [
                [self.seeds[i], self.stage, self.visit, at[i], moment, probe, metric, values_[i]]
                for metric, values_ in lists.items()
                for i in chosen
            ],
        )

    def event(self, update: Column, event: str, detail: str, rows: Column) -> None:
        """One row for each learner in ``rows`` (N,) bool."""
        at = update.tolist()
        self._rows("events", [[self.seeds[i], self.stage, self.visit, at[i], event, detail] for i in _chosen(rows)])

    def seconds(self, update: int, seconds: float) -> None:
        """The job's wall-clock seconds so far."""
        self._rows("seconds", [[update, round(seconds, 3)]])

    def correct(self, probe: str, correct: NDArray[np.bool_]) -> None:
        """Per-image verdicts (N, M) bool of a probe at the stage's end, one bit each."""
        bits, count = np.packbits(correct, axis=1), np.array(correct.shape[1])
        path = self._place.correct(probe)
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as file:
            np.savez(file, seeds=np.array(self.seeds), correct=bits, count=count)

    def pictures(self, probe: str, seed: int, pictures: Mapping[str, NDArray[Any]]) -> None:
        """What a probe drew of the learner ``seed``, at birth or at the stage's end."""
        path = self._place.pictures(probe)
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as file:
            np.savez_compressed(file, seed=np.array(seed), **pictures)  # type: ignore[arg-type]

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> None:
        """Bring everything to the disk: what ``marks`` then counts outlives this process, and a loss of power."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Flush and close all tables."""
        for file in self._files.values():
            file.close()
        self._files.clear()


def _chosen(rows: Column) -> list[int]:
    """The places of the learners in ``rows`` (N,) bool."""
    return [i for i, chosen in enumerate(rows.tolist()) if chosen]


def offsets(records: Path) -> dict[str, int]:
    """The size in bytes of every record file under a folder, by relative path."""
    return {
        str(path.relative_to(records)): path.stat().st_size for path in sorted(records.rglob("*")) if path.is_file()
    }


def digests(records: Path, kept: Mapping[str, int]) -> dict[str, str]:
    """The sha256 of the first bytes of every record file, as many as ``kept`` says; none of a file that is shorter."""
    found = {}
    for name, size in kept.items():
        path = records / name
        if path.is_file() and path.stat().st_size >= size:
            with path.open("rb") as file:
                found[name] = hashlib.sha256(file.read(size)).hexdigest()
    return found


def truncate(records: Path, kept: Mapping[str, int]) -> None:
    """Take a folder of records back to an earlier moment's ``offsets``; what came after is dropped.

    Raises ValueError where a file is shorter than it was: then somebody has changed the records.
    """
    for path in sorted(records.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(records))
        if name not in kept:
            path.unlink()
        elif path.stat().st_size < kept[name]:
            raise ValueError(
                f"{path} is shorter than at its last checkpoint; delete this job's folder and run it again"
            )
        elif path.suffix == ".csv":
            with path.open("r+b") as file:
                file.truncate(kept[name])
    if missing := [name for name in kept if not (records / name).exists()]:
        raise ValueError(f"{records / missing[0]} is gone; {MEND}")
