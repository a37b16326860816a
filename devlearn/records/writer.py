"""Records: append-only tables of one job's visit to one stage, with one writer.

Everything that is concluded is computed from these files. Numbers are written so that reading them back gives the
same bits. Wall-clock seconds have a file of their own: the others are bit-identical however often a run was killed.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from torch import Tensor

from devlearn.records.schema import COLUMNS, TABLES


class Recorder:
    """The tables of one visit, in ``folder``. ``metrics`` are the columns that the stage declares."""

    def __init__(self, folder: Path, seeds: Sequence[int], stage: str, visit: int, metrics: Sequence[str] = ()) -> None:
        self.folder, self.seeds, self.stage, self.visit, self.metrics = folder, seeds, stage, visit, tuple(metrics)
        self._files: dict[str, IO[str]] = {}
        self._tables = {"train": ("seed", "update", *COLUMNS, *self.metrics), **TABLES}
        folder.mkdir(parents=True, exist_ok=True)

    def _rows(self, table: str, rows: list[list[Any]]) -> None:
        if table not in self._files:
            path = self.folder / f"{table}.csv"
            new = not path.exists() or path.stat().st_size == 0
            self._files[table] = path.open("a", newline="")
            if new:
                csv.writer(self._files[table], lineterminator="\n").writerow(self._tables[table])
        csv.writer(self._files[table], lineterminator="\n").writerows(rows)

    def train(self, update: Tensor, ledger: Mapping[str, Tensor], metrics: Mapping[str, Tensor], rows: Tensor) -> None:
        """One row for each learner in ``rows`` (N,) bool; a metric that is not given is left empty."""
        columns = [ledger[name].tolist() for name in COLUMNS]
        columns += [metrics[name].tolist() if name in metrics else [""] * len(rows) for name in self.metrics]
        at = update.tolist()
        self._rows("train", [[self.seeds[i], at[i], *(c[i] for c in columns)] for i in rows.nonzero()[:, 0].tolist()])

    def probe(self, update: Tensor, moment: str, probe: str, values: Mapping[str, Tensor], rows: Tensor) -> None:
        """One row for each learner in ``rows`` (N,) bool and each metric."""
        at, chosen = update.tolist(), rows.nonzero()[:, 0].tolist()
        lists = {metric: value.tolist() for metric, value in values.items()}
        self._rows(
            "probes",
            [
                [self.seeds[i], self.stage, self.visit, at[i], moment, probe, metric, values_[i]]
                for metric, values_ in lists.items()
                for i in chosen
            ],
        )

    def event(self, update: Tensor, event: str, detail: str, rows: Tensor) -> None:
        """One row for each learner in ``rows`` (N,) bool."""
        at, chosen = update.tolist(), rows.nonzero()[:, 0].tolist()
        self._rows("events", [[self.seeds[i], self.stage, self.visit, at[i], event, detail] for i in chosen])

    def seconds(self, update: int, seconds: float) -> None:
        self._rows("seconds", [[update, round(seconds, 3)]])

    def correct(self, probe: str, correct: Tensor) -> None:
        """Per-image verdicts (N, M) bool of a probe at the stage's end, one bit each."""
        bits = np.packbits(correct.cpu().numpy(), axis=1)
        count = np.array(correct.shape[1])
        np.savez(self._array(probe), seeds=np.array(self.seeds), correct=bits, count=count)

    def pictures(self, probe: str, seed: int, pictures: Mapping[str, Tensor]) -> None:
        """What a probe drew of the learner ``seed``, at birth or at the stage's end."""
        arrays: dict[str, Any] = {name: picture.detach().cpu().numpy() for name, picture in pictures.items()}
        np.savez_compressed(self._array(f"{probe}.pictures"), seed=np.array(seed), **arrays)

    def _array(self, name: str) -> Path:
        (self.folder / "arrays").mkdir(exist_ok=True)
        return self.folder / "arrays" / f"{name}.npz"

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()


def offsets(records: Path) -> dict[str, int]:
    """The size in bytes of every record file under a folder, by relative path."""
    return {
        str(path.relative_to(records)): path.stat().st_size for path in sorted(records.rglob("*")) if path.is_file()
    }


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
            raise ValueError(f"{path} is shorter than at its last checkpoint; delete this job's folder to live it anew")
        elif path.suffix == ".csv":
            with path.open("r+b") as file:
                file.truncate(kept[name])
    if missing := [name for name in kept if not (records / name).exists()]:
        raise ValueError(f"{records / missing[0]} is gone; delete this job's folder to live it anew")
