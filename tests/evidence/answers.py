"""What evidence answers, as the content of its files; each answer remembers the results that it was made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devlearn import evidence
from devlearn.evidence import Analyses, Comparisons, RunRecords, document, render_curves, render_note, render_text
from devlearn.records import results
from devlearn.records.layout import RunFolder
from devlearn.records.reader import load
from devlearn.records.results import At, Model, write_analyses, write_comparison

Content = dict[str, Any]


class One(Content):
    """The content of comparison.json."""

    found: Comparisons


class Many(list[Content]):
    """The content of comparison.json with ``vary``."""

    found: Comparisons


class Curves(Content):
    """The content of analyses.json."""

    found: Analyses


Answer = One | Many


def content(part: Model) -> Content:
    """Any part of a result as it stands in its file."""
    found: Content = results.document(part, render_note)
    return found


def compare(folders: Sequence[Path], probe: str | None = None, at: At | None = None) -> Answer:
    """The comparison of these run folders."""
    found = evidence.compare([load(folder) for folder in folders], probe, at)
    content = document(found)
    answer: Answer = Many(content) if isinstance(content, list) else One(content)
    answer.found = found
    return answer


def only(answer: Answer) -> One:
    """The answer of a run that varies nothing."""
    assert isinstance(answer, One)
    return answer


def entries(answer: Content | list[Content]) -> list[Content]:
    """The answer at every point."""
    return list(answer) if isinstance(answer, list) else [answer]


def words(answer: Answer) -> list[str]:
    """The answer in sentences."""
    return render_text(answer.found)


def analyse(run: RunRecords) -> Curves:
    """What the curves of a run say."""
    found = evidence.analyse(run)
    answer = Curves(document(found))
    answer.found = found
    return answer


def analysis_words(answer: Curves) -> list[str]:
    """The same in sentences."""
    return render_curves(answer.found)


def save(folder: Path) -> Answer:
    """Write comparison.json."""
    answer = compare([folder])
    write_comparison(RunFolder(folder), answer.found, render_note)
    return answer


def save_analyses(folder: Path) -> Curves:
    """Write analyses.json."""
    answer = analyse(load(folder))
    write_analyses(RunFolder(folder), answer.found, render_note)
    return answer
