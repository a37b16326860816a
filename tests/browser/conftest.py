"""The report of a real run in a real browser. Skipped, with what to install, where there is none."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
SCENARIO = Path(__file__).parent / "life.yaml"


def missing() -> str:
    """What there isn't, and how to get it; empty where all is there."""
    for module in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: make test-browser"
    return "" if shutil.which("chromium") else "no chromium: on Debian, apt-get install chromium"


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a real run, made by the command line."""
    if why := missing():
        pytest.skip(why)
    out = tmp_path_factory.mktemp("browser") / "run"
    command = [sys.executable, "-m", "devlearn", "run", str(SCENARIO), "--jobs", "1", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return out / "report.html"


@pytest.fixture(scope="session")
def chromium(report: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()
