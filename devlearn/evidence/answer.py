"""The answer to a question, typed, with the content of its file."""

import warnings
from typing import Any

from devlearn.evidence.text.reasons import render_note
from devlearn.records.results import Comparisons, document

OLD = (
    "run.compare() gives typed results: take answer.points[0].comparisons, or answer.document() for what "
    "comparison.json holds; subscripts end with 0.3"
)


class Answer(Comparisons):
    """Verdicts at every point of ``vary``, typed: ``answer.points[0].comparisons[0].verdict``.

    ``document()`` is the content of comparison.json; so are subscripts, for one minor release.
    """

    def document(self) -> Any:
        """What comparison.json holds: notes as sentences; a list with ``vary``."""
        return document(Comparisons(points=self.points), render_note)

    def __getitem__(self, key: str | int) -> Any:
        """A part of the document, as it was before results were typed."""
        warnings.warn(OLD, DeprecationWarning, stacklevel=2)
        return self.document()[key]
