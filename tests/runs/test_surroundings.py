"""Where a run is made: the commit of the working folder, and whether it holds all that was run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from devlearn.runs.surroundings import CHANGED, commit, processor


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_commit_and_what_is_not_in_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert commit(tmp_path) == ""
    git("init", "-q")
    assert commit(tmp_path) == ""
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "a")
    head = git("rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("2")
    assert commit(tmp_path) == head
    (tmp_path / "a").write_text("3")
    assert commit(tmp_path) == head + CHANGED


def test_a_processor_has_a_name() -> None:
    assert processor().strip()
