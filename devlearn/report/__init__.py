"""What a run found, for people: report.html with its figures, and tables for the terminal. Draws evidence only."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devlearn.records.reader import RunRecords
    from devlearn.records.results import Results
    from devlearn.report.looks import Look


def write(
    run: "RunRecords",
    found: "Results",
    sections: Sequence[str] = (),
    out: Path | None = None,
    look: "Look" = "paper",
    side_by_side: bool = False,
) -> Path:
    """Write report.html and figures/ from what was found in a run into its folder, or into ``out``; the page's path.

    ``side_by_side``: the run is several as one, and the page has only the sections that are about all of them.
    ``look`` is how the files in figures/ look, one of paper, talk, dark.

    ``sections`` names further sections of the page, as ``package.module:Name``.

    Raises:
        NoPlugin: no such section, or it can't be imported.
        SectionError: a section can't stand on the page.
    """
    from devlearn.report.page import write as write_page  # matplotlib takes half a second: only when a page is wanted

    return write_page(run, found, sections, out, look, side_by_side)
