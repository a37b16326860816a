"""A made-up run folder with its page written. The writer of such folders lives with the tests of evidence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devlearn.report import svg
from tests.evidence.fake_run import write_run
from tests.report.fake_pictures import add_pictures
from tests.report.pages import write


@pytest.fixture(scope="session", autouse=True)
def coarse() -> Iterator[None]:
    """PNG files of a sixth of the dots: half of a page's time goes into them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svg, "DOTS", 50)
        yield


@pytest.fixture(scope="session")
def reported(coarse: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_run(tmp_path_factory.mktemp("reports") / "made-up")
    write(run)
    return run


@pytest.fixture(scope="session")
def drawn(coarse: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up run with pictures, thresholds, and its page."""
    run = tmp_path_factory.mktemp("reports") / "drawn"
    add_pictures(write_run(run, compare={"levels": [0.3, 0.6]}))
    write(run)
    return run


@pytest.fixture(scope="session")
def page(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")
