"""Runs in steps, with toy budgets, their jobs lived in this process."""

from collections.abc import Iterator

import pytest

from devlearn.runs import executors as execute
from devlearn.runs.executors import read_json
from devlearn.runs.executors.base import Executor
from devlearn.runs.executors.supervisor import Outcome
from devlearn.runs.folder import Step
from devlearn.runs.pipeline import Face

HEAD = """
devlearn: 1
scenario: steps
seeds: 4
block: 4
brain: {kind: mlp, width: [8]}
stages:
  look: {kind: pretrain.denoise, updates: 2, batch: 4}
  school: {kind: supervise, labels: 20, updates: 3, batch: 4}
arms:
  plain: [school]
  looked: [look, school]
  same: [school]
probes:
  digits: {kind: accuracy, data: mnist.test, every: 3}
  valid: {kind: accuracy, data: mnist.valid}
"""
LOOKS = "compare: {probe: digits, smallest_effect: 0.001, pairs: [[looked, plain]], looks: [2, 3, 4]}\n"
TUNE = "tune: {over: {stages.school.lr: [0.3, 0.001], stages.school.batch: [4, 5]}, seeds: [7, 8], probe: valid}\n"


@pytest.fixture(scope="module")
def text() -> dict[str, str]:
    """The parts of a scenario file."""
    return {"head": HEAD, "looks": LOOKS, "tune": TUNE}


@pytest.fixture(scope="module")
def in_process() -> Iterator[list[tuple[str, int]]]:
    """Jobs are lived in this process; the list of (folder, number of jobs that were not done) of every step."""
    steps: list[tuple[str, int]] = []

    def supervise(step: Step, executor: Executor, face: Face, env_workers: int | None, what: str = "") -> Outcome:
        folders = [step.folder / job.folder for job in step.jobs]
        todo = [folder for folder in folders if (read_json(folder / "state.json") or {}).get("status") != "done"]
        steps.append((step.folder.name + what, len(todo)))
        for folder in todo:
            execute.work(folder)
        return Outcome(step.jobs, (), ())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("devlearn.runs.train._supervise", supervise)
        yield steps


@pytest.fixture
def inline(in_process: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """``in_process``, emptied for one test."""
    in_process.clear()
    return in_process
