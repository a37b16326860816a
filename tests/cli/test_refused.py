"""What a command is asked for twice, or can't be given here: words, exit code 2."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devlearn.cli import main
from tests.commands import said

MAIN = (sys.executable, "-c", "from devlearn.cli import main; main()")


def test_a_run_or_a_seed_that_is_named_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("same").symlink_to("run")
    for command in ("compare", "report"):
        assert "is named twice; name each run once" in said(command, "run", "same", code=2)
        assert "a seed stands in '1,2,1' twice" in said(command, "run", "--seeds", "1,2,1", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("env", "CartPole-v1", "--wrapper", "Foo"),
        ("env", "CartPole-v1", "--wrapper", "{id: FrameStackObservation, stak_size: 4}"),
        ("brain", "mlp", "--key", "wdth=[3]"),
    ],
)
def test_what_is_misspelt_is_no_broken_law(arguments: tuple[str, ...]) -> None:
    assert "FAIL  keys" in said("check", *arguments, code=2)


def test_no_time_is_no_time() -> None:
    assert "--seconds nan is no time" in said("check", "env", "CartPole-v1", "--seconds", "nan", code=2)


def run(folder: Path, before: str, **variables: str) -> str:
    """What a run prints that is refused."""
    command = f"{before}; exec {' '.join(map(repr, MAIN))} run first_steps --out {folder / 'run'}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, **variables}, timeout=120
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


def test_too_few_files_are_told(tmp_path: Path) -> None:
    assert "a process may open 40 files here, and workers need 64: ulimit -n 1024" in run(tmp_path, "ulimit -n 40")
    assert "raise the limit, as by ulimit -n" in main.refused(OSError(errno.EMFILE, "Too many open files"), "list")


def test_a_temporary_folder_with_too_long_a_path_is_told(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 130)
    long.mkdir()
    assert "set TMPDIR to a shorter path" in run(tmp_path, ":", TMPDIR=str(long))
