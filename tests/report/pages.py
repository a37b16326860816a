"""The page of a run folder, and what figures read of its comparison."""

from pathlib import Path

from devlearn import report
from devlearn.evidence import compare, evaluate, render_note
from devlearn.records.reader import Json, load
from devlearn.records.results import At, document


def write(folder: Path) -> Path:
    """Write the report of a run folder."""
    run = load(folder)
    return report.write(run, evaluate(run))


def bodies(folder: Path, probe: str | None = None, at: At | None = None) -> list[Json]:
    """The comparison at every point as plain values, units included."""
    return [document(point, render_note, units=True) for point in compare([load(folder)], probe, at).points]
