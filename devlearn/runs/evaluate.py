"""After the last job: what was found in the records of a run, kept in its folder and on a page."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devlearn.records.layout import RunFolder

if TYPE_CHECKING:
    from devlearn.records.reader import RunRecords
    from devlearn.records.results import Results


@dataclass(frozen=True)
class Evaluated:
    """The records of a run and what was found in them."""

    run: "RunRecords"
    found: "Results"


def evaluate(folder: Path) -> Evaluated:
    """Compare a run as its scenario asks, analyse its curves, and keep both in comparison.json and analyses.json.

    Raises:
        EvidenceError: the folder holds no run, or one whose records were changed.
    """
    from devlearn import evidence
    from devlearn.records import reader, results

    run = reader.load(folder)
    found = evidence.evaluate(run)
    results.note_seen(run)
    results.write_comparison(RunFolder(folder), found.comparisons, evidence.render_note)
    results.write_analyses(RunFolder(folder), found.analyses, evidence.render_note)
    return Evaluated(run, found)


def report(results: Evaluated) -> Path:
    """Write report.html and return its path."""
    from devlearn.report import write as write_page

    return write_page(results.run, results.found)
