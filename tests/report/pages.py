"""The page of a run folder, and what figures read of its comparison."""

from pathlib import Path

from devlearn import report
from devlearn.evidence import compare, evaluate
from devlearn.records.reader import load
from devlearn.records.results import At, Comparison


def write(folder: Path, *sections: str) -> Path:
    """Write the report of a run folder, with further sections."""
    run = load(folder)
    return report.write(run, evaluate(run), sections)


def points(folder: Path, probe: str | None = None, at: At | None = None) -> tuple[Comparison, ...]:
    """The comparison at every point."""
    return compare([load(folder)], probe, at).points
