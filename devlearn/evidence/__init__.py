"""From records to verdicts and sentences: numpy, scipy and the standard library; loads nothing and writes nothing.

evaluate(run) -> Results                  what the scenario asks, compared and analysed: terminal, page, export take it
compare([run, ..]) -> Comparisons         the declared comparison, or another; of several runs
render_text(comparisons) -> sentences     render_curves(analyses), render_note(note)
document(result) -> JSON                  the content of its file
"""

from collections.abc import Collection, Sequence
from typing import Any

from devlearn.evidence.analysis.compare import compare
from devlearn.evidence.analysis.curve_analyses import analyse
from devlearn.evidence.analysis.curves import Curve, curves
from devlearn.evidence.analysis.side_by_side import side_by_side
from devlearn.evidence.analysis.values import Measure, measure, measures, values
from devlearn.evidence.text.comparison import claim, limits
from devlearn.evidence.text.curves import conclusion, render_curves
from devlearn.evidence.text.points import setting
from devlearn.evidence.text.reasons import render_note
from devlearn.evidence.text.summary import headline, render_text
from devlearn.evidence.text.warnings import (
    accepted_failures,
    few_seeds,
    missing_controls,
    not_inherited,
    undecidable,
    unscored_matches,
    worst_above_chance,
)
from devlearn.records import results
from devlearn.records.reader import ArmRecords, EvidenceError, LearnerRecord, Moment, Point, RunRecords, load
from devlearn.records.results import Analyses, Comparison, Comparisons, Results

__all__ = [
    "Analyses",
    "ArmRecords",
    "Comparison",
    "Comparisons",
    "Curve",
    "EvidenceError",
    "LearnerRecord",
    "Measure",
    "Moment",
    "Point",
    "Results",
    "RunRecords",
    "accepted_failures",
    "analyse",
    "claim",
    "compare",
    "conclusion",
    "curves",
    "document",
    "evaluate",
    "evaluate_several",
    "few_seeds",
    "headline",
    "limits",
    "load",
    "measure",
    "measures",
    "missing_controls",
    "not_inherited",
    "render_curves",
    "render_note",
    "render_text",
    "setting",
    "undecidable",
    "unscored_matches",
    "values",
    "worst_above_chance",
]


def evaluate(run: RunRecords) -> Results:
    """What the scenario of a run asks, compared, and what its curves say beyond that.

    Raises:
        EvidenceError: the run has no probes, or what is asked is not on record.
    """
    return Results(comparisons=compare([run]), analyses=analyse(run))


def evaluate_several(runs: Sequence[RunRecords], seeds: Collection[int] | None = None) -> tuple[RunRecords, Results]:
    """Several runs as one, and what they say beside each other: for the page that shows them side by side.

    Raises:
        EvidenceError: they can't be compared, or one has not lived some of the ``seeds``.
    """
    both = side_by_side(runs, seeds)
    return both, Results(comparisons=compare(runs, seeds=seeds), analyses=analyse(both))


def document(found: Comparisons | Comparison | Analyses) -> Any:
    """A result as JSON, with its notes as sentences: the content of its file."""
    return results.document(found, render_note)
