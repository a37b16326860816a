"""How to reproduce: the command, seeds, versions and machine, and the scenario's file."""

from dataclasses import dataclass

from devlearn.records.layout import RunFolder
from devlearn.report.section import Page, section


@dataclass(frozen=True)
class Origin:
    """The text of the scenario's file; empty where the run has none."""

    scenario: str


@section("reproduce", title="How to reproduce", after="plan")
def reproduce(page: Page) -> Origin:
    """The command, seeds, versions and machine, and the scenario's file."""
    path = RunFolder(page.run.folder).scenario
    return Origin(path.read_text(encoding="utf-8") if path.exists() else "")
