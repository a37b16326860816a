"""What a run found, for people: report.html with its figures, and tables for the terminal. Draws evidence only."""

from pathlib import Path


def write(run: Path) -> Path:
    """Write RUN/report.html and RUN/figures/ from the run's records; the path of the page."""
    from devlearn.report.page import write as write_page  # matplotlib takes half a second: only when a page is wanted

    return write_page(run)
