"""Tables as files: CSV, Parquet, and curves for TensorBoard."""

import csv
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devlearn.records.layout import RunFolder
from devlearn.records.ownership import check_free, note_written
from devlearn.records.reader import RunRecords
from devlearn.records.results import Comparisons
from devlearn.report.export.tables import Table, tables

NEEDS = {"parquet": "pyarrow", "tensorboard": "tensorboard"}  # extras of the same name bring them


class MissingExtra(RuntimeError):
    """A format needs a package that is not installed; the message says how to install it."""


def export(run: RunRecords, compared: Comparisons | None, to: str, out: Path | None = None) -> list[Path]:
    """Write the tables of ``run`` into ``out`` (RUN/export by default) and return the files' paths.

    ``compared`` is the answer to its scenario's question; None where it has no probes.

    Raises:
        LookupError: no such format.
        MissingExtra: the format needs a package that is not installed.
        NotOurs: a file of somebody else's would be overwritten.
    """
    if to not in FORMATS:
        raise LookupError(f"no format {to!r}; there are: {', '.join(FORMATS)}")
    if to in NEEDS and importlib.util.find_spec(NEEDS[to]) is None:
        raise MissingExtra(f"--to {to} needs the package {NEEDS[to]}: pip install 'devlearn[{to}]'")
    found = tables(run, compared)
    folder = RunFolder(run.folder).export if out is None else out
    names = ["tensorboard"] if to == "tensorboard" else [f"{name}.{to}" for name in found]
    if not folder.resolve().is_relative_to(run.folder.resolve()):
        check_free(folder, names)
    folder.mkdir(parents=True, exist_ok=True)
    paths = FORMATS[to](found, folder)
    note_written(folder, names)
    return paths


def _csv(found: dict[str, Table], folder: Path) -> list[Path]:
    return [_write_csv(table, folder / f"{name}.csv") for name, table in found.items()]


def _write_csv(table: Table, path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in table.rows)
    return path


def _cell(value: Any) -> Any:
    """A list or a map that ``vary`` sets is JSON text, in every format."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def _parquet(found: dict[str, Table], folder: Path) -> list[Path]:
    from devlearn.report.export.parquet import write

    return [write(table, folder / f"{name}.parquet") for name, table in found.items()]


def _tensorboard(found: dict[str, Table], folder: Path) -> list[Path]:
    from devlearn.report.export.tensorboard import write

    return write(found, folder / "tensorboard")


FORMATS: dict[str, Callable[[dict[str, Table], Path], list[Path]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "tensorboard": _tensorboard,
}
