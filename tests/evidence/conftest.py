"""Made-up run folders, written once; tests that change one take a copy."""

import shutil
from pathlib import Path

import pytest

from tests.evidence.fake_run import write_run


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "made-up")


@pytest.fixture
def copy(made_up: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_up, tmp_path / "made-up"))
