"""A run's tables as files: CSV, Parquet, for TensorBoard, MLflow and Weights & Biases, and in formats of plug-ins."""

import csv
import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devlearn import registry
from devlearn.records.layout import RunFolder
from devlearn.records.ownership import check_free, make_folder, note_written
from devlearn.records.reader import RunRecords
from devlearn.records.results import Comparisons
from devlearn.report.export.tables import Table, tables

Write = Callable[[Mapping[str, Table], Path], list[Path]]


@dataclass(frozen=True)
class Format:
    """How tables are written: ``write(tables, place)`` gives the paths of the files that it wrote.

    With ``folder`` the place is a folder of that name, which is the format's alone; without it ``place`` is the folder
    of all exports, and each table is a file NAME.FORMAT in it. ``package`` is imported by ``write``, and is not
    there until the extra of the format's name is installed. A second export replaces the first.
    """

    write: Write
    package: str = ""
    folder: str = ""

    @property
    def about(self) -> str:
        return next(iter((self.write.__doc__ or "").strip().splitlines()), "")


class MissingExtra(RuntimeError):
    """A format needs a package that is not installed; the message says how to install it."""


def export_format(name: str, package: str = "", folder: str = "") -> Callable[[Write], Write]:
    """Decorator: enter a function into the registry of formats (``devlearn.exports`` for installed packages)."""

    def enter(write: Write) -> Write:
        registry.register("exports", name)(Format(write, package, folder))
        return write

    return enter


def find_format(name: str) -> Format:
    """The format called ``name``; a plug-in may be a plain function of tables and a folder. Raises NoPlugin."""
    found = registry.get("exports", name)
    return found if isinstance(found, Format) else Format(found)


def export(run: RunRecords, compared: Comparisons | None, to: str, out: Path | None = None) -> list[Path]:
    """Write the tables of ``run`` into ``out`` (RUN/export by default) and return the files' paths.

    ``compared`` is the answer to its scenario's question; None where it has no probes.

    Raises:
        NoPlugin: no such format.
        MissingExtra: the format needs a package that is not installed.
        NotOurs: a file of somebody else's would be overwritten, or ``out`` can't be written into.
    """
    form = find_format(to)
    if form.package and importlib.util.find_spec(form.package) is None:
        raise MissingExtra(f"--to {to} needs the package {form.package}: pip install 'devlearn[{to}]'")
    found = tables(run, compared)
    folder = RunFolder(run.folder).export if out is None else out
    names = [form.folder] if form.folder else [f"{name}.{to}" for name in found]
    if not folder.resolve().is_relative_to(run.folder.resolve()):
        check_free(folder, names)
    make_folder(folder)
    paths = form.write(found, folder / form.folder if form.folder else folder)
    note_written(folder, names)
    return paths


FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.]|inf|nan)")


@export_format("csv")
def _csv(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """Comma-separated values, a file a table."""
    return [_write_csv(table, folder / f"{name}.csv") for name, table in found.items()]


def _write_csv(table: Table, path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _no_formula(_cell(value)) for key, value in row.items()} for row in table.rows)
    return path


def _no_formula(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula begins with an apostrophe, which it takes for text."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _cell(value: Any) -> Any:
    """A list or a map that ``vary`` sets is JSON text, in every format."""
    return json.dumps(value) if isinstance(value, list | dict) else value


@export_format("parquet", "pyarrow")
def _parquet(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """Apache Parquet, a file a table, with fixed types."""
    from devlearn.report.export.parquet import write

    return [write(table, folder / f"{name}.parquet") for name, table in found.items()]


@export_format("tensorboard", "tensorboard", "tensorboard")
def _tensorboard(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """Curves for TensorBoard, a folder for each arm and learner."""
    from devlearn.report.export.tensorboard import write

    return write(dict(found), folder)


@export_format("mlflow", "mlflow", "mlruns")
def _mlflow(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """A local MLflow store: an experiment, and a run for each learner."""
    from devlearn.report.export.mlflow import write

    return write(found, folder)


@export_format("wandb", "wandb", "wandb")
def _wandb(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """Runs for Weights & Biases, written offline: one for each learner; `wandb sync` sends them."""
    from devlearn.report.export.wandb import write

    return write(found, folder)
