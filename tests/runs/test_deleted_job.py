"""A job's folder that was deleted by hand: resume says what brings it back, and that does."""

import shutil
from pathlib import Path

import pytest

from devlearn.runs.folder import FolderMismatch
from devlearn.runs.prepare import load, reopen, write

TEXT = """
devlearn: 1
scenario: gone
seeds: 2
block: 1
brain: {kind: mlp, width: [8]}
stages:
  school: {kind: supervise, labels: 20, updates: 2}
arms: {a: [school]}
probes: {digits: {kind: accuracy, data: mnist.test}}
"""


def test_a_deleted_job_is_written_anew_by_the_command_that_resume_names(tmp_path: Path) -> None:
    file, out = tmp_path / "gone.yaml", tmp_path / "out"
    file.write_text(TEXT)
    write(load(file, command="devlearn run gone.yaml"), out)
    jobs = sorted(path.parent for path in out.glob("jobs/*/*/job.json"))
    before = [(job / "job.json").read_bytes() for job in jobs]
    shutil.rmtree(jobs[1])
    with pytest.raises(FolderMismatch, match=rf"seeds-1 is gone.*; run `devlearn run gone.yaml --out {out}` once more"):
        reopen(out)
    write(load(file, command="devlearn run gone.yaml"), out)
    assert [(job / "job.json").read_bytes() for job in jobs] == before
    reopen(out)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("devlearn run gone.yaml --out there --jobs 2", "`devlearn run gone.yaml --jobs 2 --out {out}`"),
        ("devlearn run gone.yaml --out=there", "`devlearn run gone.yaml --out {out}`"),
        ("devlearn run 'gone.yaml", "its scenario, with --out {out},"),
        ("", "its scenario, with --out {out},"),
    ],
)
def test_the_advice_is_for_the_folder_that_it_is_now(tmp_path: Path, command: str, told: str) -> None:
    file, out = tmp_path / "gone.yaml", tmp_path / "out"
    file.write_text(TEXT)
    write(load(file, command=command), out)
    shutil.rmtree(next(out.glob("jobs/*/*/")))
    with pytest.raises(FolderMismatch) as found:
        reopen(out)
    assert f"run {told.format(out=out)} once more" in str(found.value)
