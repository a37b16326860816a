"""The laws of executors: the one that ships keeps them, and each way to break them is found."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from multiprocessing.context import ForkServerProcess
from typing import ClassVar

import pytest

from devlearn.runs.executors import Local, WorkerExit
from devlearn.testing import Finding, assert_ok, check_executor, executors
from tests.shipped import shipped

NEEDS = {"ray": lambda: find_spec("ray"), "slurm": lambda: shutil.which("sbatch")}


@pytest.mark.parametrize("name", shipped("executors"))
def test_a_registered_executor_keeps_the_laws(name: str) -> None:
    if name in NEEDS and not NEEDS[name]():
        pytest.skip(f"this machine has no {name}")
    assert_ok(check_executor(name))


class Faulty(Local):
    """``Local`` but for one fault, which the subclasses bring."""


class Boundless(Faulty):
    def free_slots(self) -> int:
        return self.workers


class Forgetful(Faulty):
    """Every end is success."""

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        return [WorkerExit(found.folder, 0) for found in super().poll(timeout)]


class Repeating(Faulty):
    """Tells of every end twice."""

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        return [found for found in super().poll(timeout) for _ in range(2)]


class Careless(Faulty):
    """Leaves its workers alone when it is told to stop."""

    kept: ClassVar[list[ForkServerProcess]] = []

    def stop(self) -> None:
        self.kept.extend(self.running.values())
        self.running.clear()


class Hasty(Faulty):
    """Kills its workers, and leaves it to the system to clear them away."""

    def stop(self) -> None:
        for process in self.running.values():
            threading.Timer(0.3, process.kill).start()
        self.running.clear()


def broken(findings: list[Finding]) -> list[str]:
    return [finding.name for finding in findings if not finding.ok]


def test_slots_without_end_are_found() -> None:
    assert "slots" in broken(check_executor(Boundless))


def test_workers_that_are_left_behind_are_found_and_ended() -> None:
    (stop,) = [finding for finding in check_executor(Careless) if not finding.ok]
    assert stop.name == "stop" and "2 workers outlive stop()" in stop.message and "os.killpg" in stop.message
    assert len(Careless.kept) == 2 and not any(process.is_alive() for process in Careless.kept)


def test_killed_workers_may_take_a_moment_to_be_gone() -> None:
    assert_ok(check_executor(Hasty))


@pytest.mark.parametrize(("cls", "said"), [(Forgetful, "killed by SIGKILL"), (Repeating, "was told 2 times")])
def test_a_wrong_word_of_an_end_is_found(cls: type[Local], said: str) -> None:
    (ends,) = [finding for finding in check_executor(cls) if finding.name == "ends"]
    assert not ends.ok and said in ends.message


def test_an_unknown_executor_is_named() -> None:
    (found,) = check_executor("lokal")
    assert found.name == "kind" and "did you mean 'local'?" in found.message


def test_one_that_cannot_be_made_is_a_finding() -> None:
    (found,) = check_executor(lambda workers: Local(int("x")))
    assert (found.name, found.ok) == ("made", False) and "invalid literal for int" in found.message


def test_what_is_no_executor_is_a_finding_that_says_what_it_lacks() -> None:
    (found,) = check_executor("fractions:Fraction")
    assert (found.name, found.ok) == ("made", False)
    assert "it has no free_slots(), no submit(), no poll(), no stop(), no workers" in found.message
    (found,) = check_executor("string:digits")
    assert (found.name, found.ok) == ("made", False) and "is a str, '0123456789'" in found.message


def test_a_process_that_is_gone_does_not_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not executors._lives(process.pid) and executors._lives(1)
