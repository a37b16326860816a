"""Jobs handed over by submitit, to its local executor: one is preempted in the middle, and not a byte differs."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from devlearn.records.atomic import read_json
from devlearn.runs.executors import Supervisor, View
from devlearn.runs.executors.base import BadExecutor, made
from devlearn.runs.executors.local import Local
from devlearn.runs.executors.slurm import KEYS, Slurm
from devlearn.runs.pipeline import Options
from devlearn.testing import assert_ok, check_executor
from tests.cut import Over, long_enough
from tests.runs.engine.jobs import digest
from tests.runs.executors.test_ray import begun


class Queue(Slurm):
    """The same, handed over to processes of this machine."""

    cluster: ClassVar[str] = "local"


@pytest.fixture
def submitit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("submitit", reason="pip install 'devlearn[slurm]'")
    monkeypatch.setenv("DEVLEARN_CHECKPOINT_SECONDS", "0.1")
    yield


def test_it_keeps_the_laws_of_executors(submitit: None) -> None:
    assert_ok(check_executor(Queue))


def test_a_job_is_preempted_and_not_a_byte_differs(tmp_path: Path, submitit: None) -> None:
    long_enough(tmp_path, preempt)


def preempt(folder: Path, times: int) -> None:
    whole, cut = begun(folder, "whole", times), begun(folder, "cut", times)
    assert not Supervisor(whole.folder, whole.jobs, Local(2)).supervise().failed
    executor, preempted = Queue(2), []

    def watch(views: Sequence[View]) -> None:
        """Once both jobs are in the middle, one is preempted, as Slurm would tell it."""
        if not preempted and all(view.status == "running" and view.overall > 0.3 for view in views):
            first = cut.folder / cut.jobs[0].folder
            preempted.append(first)
            controller = executor.running[first]._process.pid
            children = Path(f"/proc/{controller}/task/{controller}/children").read_text(encoding="utf-8").split()
            os.kill(int(children[0]), signal.SIGUSR2)

    outcome = Supervisor(cut.folder, cut.jobs, executor, watch).supervise()
    assert len(outcome.done) == 2
    if not preempted:
        raise Over
    assert sorted(read_json(cut.folder / job.folder / "state.json")["attempt"] for job in cut.jobs) == [1, 2]
    assert "this job is preempted" in next((preempted[0] / "queue").glob("*_0_log.out")).read_text(encoding="utf-8")
    for job in cut.jobs:
        assert digest(cut.folder / job.folder) == digest(whole.folder / job.folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{timeout_min", "DEVLEARN_SLURM is no map of submitit's parameters, as {timeout_min: 600}: '{timeout_min'"),
        ("{timeout_min: soon}", "timeout_min"),
        ("{timeout_min: 600, partitions: long}", "partitions"),
    ],
)
def test_parameters_that_submitit_refuses_are_told(
    text: str, said: str, submitit: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS, text)
    with pytest.raises(BadExecutor) as found:
        made("queue", Queue, 2)
    assert said in str(found.value)


def test_without_submitit_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(
        BadExecutor, match=r"^--executor slurm needs the package submitit: pip install 'devlearn\[slurm\]'$"
    ):
        Options("slurm").made()
