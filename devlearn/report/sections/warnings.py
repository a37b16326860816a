"""What a reader has to know before believing the verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.text.history import whether_registered
from devlearn.evidence.text.searched import how_searched
from devlearn.report.section import Page, section
from devlearn.report.warnings import Caution, cautions


@dataclass(frozen=True)
class Warnings:
    """The warnings of all points, each once; how settings were searched; whether the question was registered."""

    cautions: Sequence[Caution]
    searched: str
    registered: str


@section("warnings", title="Before you believe it", after="verdicts")
def warnings(page: Page) -> Warnings:
    """Every warning once, how the settings were searched, and whether the question was registered."""
    found = page.found.comparisons
    return Warnings(cautions(found.points), how_searched(page.run.resolved.searched), whether_registered(found))
