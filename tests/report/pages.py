"""The page of a run folder, and what figures read of its comparison."""

from pathlib import Path

from devlearn import report
from devlearn.evidence import compare, evaluate
from devlearn.records.reader import load
from devlearn.records.results import At, Comparison
from devlearn.report.page import render
from devlearn.report.section import sections


def write(folder: Path, *asked: str) -> Path:
    """Write the report of a run folder, with further sections."""
    run = load(folder)
    return report.write(run, evaluate(run), asked)


def part(folder: Path, *names: str) -> str:
    """The text of a run's page with these of its sections alone: every figure takes its time."""
    run = load(folder)
    return render(run, evaluate(run), [one for one in sections() if one.name in names]).text


def points(folder: Path, probe: str | None = None, at: At | None = None) -> tuple[Comparison, ...]:
    """The comparison at every point."""
    return compare([load(folder)], probe, at).points
