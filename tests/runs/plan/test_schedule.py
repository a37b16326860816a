"""The order of jobs and the time of all, by hand; the disk that they take, against a run's own."""

from dataclasses import dataclass
from pathlib import Path

import pytest

import devlearn
from devlearn.runs.pipeline import load, plan
from devlearn.runs.plan.disk import disk
from devlearn.runs.plan.schedule import ahead, makespan

SCENARIO = """devlearn: 1
scenario: sizes
about: A question
seeds: 4
brain: {kind: mlp, width: [64]}
stages:
  look: {kind: pretrain.denoise, data: mnist.train, updates: 20, batch: 4}
  school: {kind: supervise, data: mnist.train, labels: 20, updates: 30}
  more: {kind: supervise, data: mnist.train, labels: 20, updates: 30}
arms: {one: [look, school], two: [look, more]}
probes: {digits: {kind: accuracy, data: mnist.test, every: 10}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[two, one]]}
"""


@dataclass(frozen=True)
class Job:
    folder: str
    seconds: float
    before: tuple[str, ...] = ()


JOBS = [Job("short", 1), Job("root", 2), Job("left", 3, ("root",)), Job("right", 4, ("root",)), Job("alone", 5)]


def test_what_is_ahead_is_the_longest_chain() -> None:
    assert ahead(JOBS) == {"short": 1, "root": 6, "left": 3, "right": 4, "alone": 5}


@pytest.mark.parametrize(
    ("workers", "seconds"),
    [
        (1, 15),  # one after the other
        (2, 8),  # root 0-2, alone 0-5; right 2-6; left 5-8, short 6-7
        (3, 6),  # the longest chain, root and right
        (9, 6),
    ],
)
def test_the_time_of_all_is_that_of_the_rule(workers: int, seconds: float) -> None:
    assert makespan(JOBS, workers) == seconds


def test_the_disk_is_about_what_a_run_leaves(tmp_path: Path) -> None:
    path = tmp_path / "sizes.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    planned = disk(plan(load(path, [])).own)
    devlearn.run(path, out=tmp_path / "out", report=False)
    ends = sum(file.stat().st_size for file in tmp_path.rglob("end.pt"))
    records = sum(file.stat().st_size for file in (tmp_path / "out").glob("jobs/*/*/records/**/*") if file.is_file())
    assert ends == pytest.approx(planned.ends + planned.between, rel=0.1) and planned.ends == 2 * planned.between
    assert records / 2 < planned.records < records * 2
