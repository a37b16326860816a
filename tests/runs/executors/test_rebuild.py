"""An end state that others still need and that is gone or damaged is made anew, to the same records."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import devlearn
from devlearn.records.layout import JobFolder, RunFolder
from tests.runs.engine.jobs import digest

SCENARIO = """devlearn: 1
scenario: branching
about: A question
seeds: 2
brain: {kind: mlp, width: [4]}
stages:
  look: {kind: pretrain.denoise, data: mnist.train, updates: 3, batch: 4}
  school: {kind: supervise, data: mnist.train, labels: 20, updates: 3}
  more: {kind: supervise, data: mnist.train, labels: 20, updates: 3}
arms: {one: [look, school], two: [look, more]}
probes: {digits: {kind: accuracy, data: mnist.valid}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[two, one]]}
"""


def gone(end: Path) -> None:
    end.unlink()


def emptied(end: Path) -> None:
    end.write_bytes(b"")


def flipped(end: Path) -> None:
    content = bytearray(end.read_bytes())
    content[len(content) // 2] ^= 1
    end.write_bytes(bytes(content))


def without_checksum(end: Path) -> None:
    end.with_suffix(".sha256").unlink()


@pytest.mark.parametrize("harm", [gone, emptied, flipped, without_checksum])
def test_resume_rebuilds_what_others_build_upon(
    tmp_path: Path, harm: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "branching.yaml").write_text(SCENARIO, encoding="utf-8")
    run = devlearn.run(tmp_path / "branching.yaml", out=tmp_path / "out", report=False)
    jobs = {job.name.partition("-")[0]: job for job in (tmp_path / "out" / "jobs").iterdir()}
    before = {name: digest(next(job.iterdir())) for name, job in jobs.items()}
    parent = next(jobs["look"].iterdir())
    harm(JobFolder(parent).end)
    shutil.rmtree(jobs["more"])  # a child is to be trained again
    again = devlearn.run(tmp_path / "branching.yaml", out=tmp_path / "out", report=False)
    assert again.compare() == run.compare()
    assert {name: digest(next(job.iterdir())) for name, job in jobs.items()} == before
    assert "gone or damaged, and others build upon it" in capfd.readouterr().err


def test_what_nobody_needs_any_more_is_not_missed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "branching.yaml").write_text(SCENARIO, encoding="utf-8")
    devlearn.run(tmp_path / "branching.yaml", out=tmp_path / "out", report=False)
    for job in RunFolder(tmp_path / "out").root.glob("jobs/*/*"):
        JobFolder(job).end.unlink()
    devlearn.run(tmp_path / "branching.yaml", out=tmp_path / "out", report=False)
    assert "trained anew" not in capfd.readouterr().err
