"""Methods and citation: a paragraph and a BibTeX entry to paste."""

from dataclasses import dataclass

from devlearn.evidence.text.methods import citation, methods
from devlearn.report.section import Page, section


@dataclass(frozen=True)
class Methods:
    """The paragraph, and the entry."""

    paragraph: str
    citation: str


@section("methods", title="Methods and citation", after="plan", folded=True)
def paragraph(page: Page) -> Methods:
    """How it was made and tested, as a paragraph for a paper, and how to cite the program."""
    return Methods(methods(page.run, page.found.comparisons.points), citation(page.run))
