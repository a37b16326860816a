"""Jobs run in the order of the graph, survive crashes, and a run folder has one supervisor."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import fakes
import pytest

from devlearn.records.atomic import write_json
from devlearn.records.bounded import LEFT_OUT, MOST
from devlearn.records.layout import JobFolder
from devlearn.records.schema import JobState, JobStatus
from devlearn.runs.executors import (
    ExecutorFailed,
    FolderLocked,
    JobInfo,
    Local,
    Outcome,
    Supervisor,
    View,
    WorkerExit,
    load_job,
    locked,
    read_json,
    work,
)
from devlearn.runs.executors.worker import write_state
from devlearn.runs.pipeline import complaints
from tests.commands import hears_ctrl_c


def supervise(
    run: Path,
    acts: dict[str, str],
    parents: dict[str, str] | None = None,
    workers: int = 2,
    givers: dict[str, str] | None = None,
) -> Outcome:
    jobs = [load_job(run, entry) for entry in fakes.make(run, acts, parents, givers)]
    return Supervisor(run, jobs, Local(workers, fakes.live)).supervise()


def names(jobs: tuple[JobInfo, ...]) -> list[str]:
    return [job.branch for job in jobs]


def test_children_follow_their_parents_and_siblings_run_beside(tmp_path: Path) -> None:
    outcome = supervise(tmp_path, {"a": ".", "b": ".", "c": ".", "d": "."}, {"b": "a", "c": "b", "d": "a"})
    assert names(outcome.done) == ["a", "b", "c", "d"]
    assert outcome.failed == () and outcome.not_run == ()
    assert "attempt 0" in (tmp_path / "jobs/a/seeds-0-3/log.txt").read_text()


def test_an_heir_waits_for_its_parent_and_for_who_gives(tmp_path: Path) -> None:
    outcome = supervise(
        tmp_path, {"giver": ".", "later": ".", "born": ".", "heir": "."}, {"later": "giver", "heir": "born"}, 2,
        {"heir": "later"},
    )  # fmt: skip
    assert names(outcome.done) == ["giver", "later", "born", "heir"]


def test_heirs_of_who_failed_are_given_up_and_it_is_said_why(tmp_path: Path) -> None:
    acts = {"giver": "!", "born": ".", "heir": ".", "below": ".", "fine": "."}
    outcome = supervise(tmp_path, acts, {"heir": "born", "below": "heir"}, givers={"heir": "giver"})
    assert sorted(names(outcome.done)) == ["born", "fine"]
    assert names(outcome.not_run) == ["heir", "below"] and fakes.attempts(tmp_path, "heir") == ""
    failed, heir, below = complaints(outcome)
    assert failed.startswith("failed: giver (seeds 0-3)")
    assert heir == "not run: heir (seeds 0-3): it takes the learners of jobs/giver/seeds-0-3, which failed"
    assert below == "not run: below (seeds 0-3): its parent jobs/heir/seeds-0-3 was not run"


def test_what_is_done_stays_done_where_who_gave_has_to_be_run_again_and_fails(tmp_path: Path) -> None:
    jobs = [
        load_job(tmp_path, entry)
        for entry in fakes.make(tmp_path, {"giver": "!", "heir": "."}, None, {"heir": "giver"})
    ]
    write_state(tmp_path / jobs[1].folder, "done", None, 1)
    outcome = Supervisor(tmp_path, jobs, Local(2, fakes.live)).supervise()
    assert (names(outcome.done), names(outcome.not_run)) == (["heir"], [])


def test_a_killed_job_is_retried_twice_and_breaks_no_other(tmp_path: Path) -> None:
    outcome = supervise(tmp_path, {"once": "k.", "always": "k", "below": ".", "fine": "."}, {"below": "always"})
    assert names(outcome.done) == ["once", "fine"]
    assert fakes.attempts(tmp_path, "once") == "k."
    assert fakes.attempts(tmp_path, "always") == "kkk"
    assert names(tuple(failure.job for failure in outcome.failed)) == ["always"]
    assert "always (seeds 0-3)" in outcome.failed[0].error and "SIGKILL" in outcome.failed[0].error
    assert names(outcome.not_run) == ["below"] and fakes.attempts(tmp_path, "below") == ""
    state = read_json(tmp_path / "jobs/always/seeds-0-3/state.json")
    assert state is not None and state["status"] == "failed"


def test_the_same_exception_twice_is_final_and_another_one_is_not(tmp_path: Path) -> None:
    outcome = supervise(tmp_path, {"same": "!", "differs": "?", "heals": "!."})
    assert fakes.attempts(tmp_path, "same") == "!!"
    assert fakes.attempts(tmp_path, "differs") == "???"
    assert names(outcome.done) == ["heals"]
    same, differs = (failure.error for failure in outcome.failed)
    assert same.startswith(f"ValueError: boom ({fakes.__file__}:") and differs.startswith("ValueError: boom2 (")
    assert same.endswith(f"its log: {tmp_path / 'jobs/same/seeds-0-3/log.txt'}")


def test_an_environment_that_ends_its_process_is_named_and_tried_as_often_as_it_helps(tmp_path: Path) -> None:
    outcome = supervise(tmp_path, {"same": "x", "other": "X", "hangs": "h", "heals": "x.", "fine": "."})
    tried = {name: fakes.attempts(tmp_path, name) for name in ("same", "other", "hangs", "heals")}
    assert tried == {"same": "xx", "other": "XXX", "hangs": "h", "heals": "x."}
    assert sorted(names(outcome.done)) == ["fine", "heals"]
    errors = {failure.job.branch: failure.error for failure in outcome.failed}
    place = "Maze-v0: seed 3, copy 1, episode 5, step"
    assert f"{place} 77: its process ended inside step() (exit status 4)" in errors["same"]
    assert f"{place} 79: " in errors["other"]
    assert errors["hangs"].startswith(
        f"{place} 77: step() has not returned after 1 seconds, in live ({fakes.__file__}:"
    )
    state = read_json(tmp_path / "jobs/hangs/seeds-0-3/state.json")
    assert state is not None and state["status"] == "failed" and place in state["error"]


def test_what_is_done_stays_done_and_what_failed_is_tried_again(tmp_path: Path) -> None:
    supervise(tmp_path, {"good": ".", "bad": "!!."})
    jobs = [load_job(tmp_path, {"folder": f"jobs/{name}/seeds-0-3"}) for name in ("good", "bad")]
    seen: list[View] = []
    outcome = Supervisor(tmp_path, jobs, Local(2, fakes.live), seen.extend).supervise()
    assert names(outcome.done) == ["good", "bad"]
    assert fakes.attempts(tmp_path, "good") == "."
    assert fakes.attempts(tmp_path, "bad") == "!!."
    assert seen[0].status == "done" and seen[0].share(1) == 1


def test_one_supervisor_a_folder(tmp_path: Path) -> None:
    with (
        locked(tmp_path, "runs/x"),
        pytest.raises(FolderLocked, match=f"runs/x is in use .*{os.getpid()}"),
        locked(tmp_path, "runs/x"),
    ):
        pass
    with locked(tmp_path, "runs/x"):
        pass


HOLD = """
import sys, time
from pathlib import Path
from devlearn.records.atomic import locked
with locked(Path(sys.argv[1]), "x"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holding(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    """A process that holds a folder for some seconds."""
    command = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_folder_that_is_being_let_go_of_is_waited_for(tmp_path: Path) -> None:
    process = holding(tmp_path, 1)
    with locked(tmp_path, "runs/x", patience=30):
        assert process.wait(10) == 0


def test_a_folder_that_is_held_on_to_is_refused_with_its_holder(tmp_path: Path) -> None:
    process = holding(tmp_path, 60)
    with pytest.raises(FolderLocked, match=f"process {process.pid}"), locked(tmp_path, "runs/x", patience=0.5):
        pass
    process.kill()
    process.wait()


def test_a_worker_by_hand_lives_a_job(tmp_path: Path) -> None:
    fakes.make(tmp_path, {"a": "."})
    work(tmp_path / "jobs/a/seeds-0-3", fakes.live)
    assert fakes.attempts(tmp_path, "a") == "."


SUPERVISE = """
import sys
from pathlib import Path
import fakes
from devlearn.runs.executors import Local, Supervisor, load_job
run = Path(sys.argv[1])
jobs = [load_job(run, entry) for entry in fakes.make(run, {"a": "z", "b": "z", "c": "."})]
try:
    Supervisor(run, jobs, Local(2, fakes.live)).supervise()
except KeyboardInterrupt:
    sys.exit(130)
"""


def _supervisor_with_two_sleepers(run: Path) -> tuple["subprocess.Popen[bytes]", list[int]]:
    """An unguarded user script that supervises, and the processes of its two workers."""
    script = run / "script.py"
    script.write_text(SUPERVISE)
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(run)], env={**os.environ, "PYTHONPATH": paths}, preexec_fn=hears_ctrl_c
    )
    tried = [run / f"jobs/{name}/seeds-0-3/tried" for name in "ab"]
    _until(lambda: all(path.exists() and path.read_text().endswith("\n") for path in tried), 60)
    return process, [int(path.read_text().strip()[1:]) for path in tried]


def _until(condition, seconds: float) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    """No such process, or one that only waits to be reaped."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if sys.platform == "linux"
            else os.kill(pid, 0)
        )
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_no_worker_outlives_its_supervisor(tmp_path: Path, how: signal.Signals) -> None:
    process, workers = _supervisor_with_two_sleepers(tmp_path)
    process.send_signal(how)
    assert process.wait(20) == (130 if how == signal.SIGINT else -signal.SIGKILL)
    for pid in workers:
        _until(lambda pid=pid: _gone(pid), 20)
    assert fakes.attempts(tmp_path, "c") == ""


class Broken(Local):
    """Raises where it is asked for news, and again where it is told to stop."""

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        raise OSError("no news")

    def stop(self) -> None:
        super().stop()
        raise OSError("no answer")


def test_an_executor_that_raises_is_told_to_stop_and_all_it_raised_is_told(tmp_path: Path) -> None:
    jobs = [load_job(tmp_path, entry) for entry in fakes.make(tmp_path, {"long": "z"})]
    executor = Broken(2, fakes.live)
    with pytest.raises(
        ExecutorFailed, match=r"(?s)Broken: poll\(\) raised OSError: no news .*stop\(\).* no answer"
    ) as raised:
        Supervisor(tmp_path, jobs, executor).supervise()
    assert raised.value.done == 0 and executor.running == {}


def cores(run: Path, name: str) -> int:
    found = read_json(run / f"jobs/{name}/seeds-0-3/cores.json")
    assert found is not None
    return int(found["env_processes"])


def test_cores_that_no_other_job_can_use_step_environments(tmp_path: Path) -> None:
    below = {"b": "a", "c": "a"}
    jobs = [load_job(tmp_path, entry) for entry in fakes.make(tmp_path, dict.fromkeys("abcde", "."), below)]
    executor = Local(2, fakes.live)
    executor.cores = 12
    Supervisor(tmp_path, jobs, executor).supervise()
    assert cores(tmp_path, "a") == 6  # its children wait for it, and two workers are all that there are
    alone = [job for job in jobs if job.branch == "e"]
    (tmp_path / "jobs/e/seeds-0-3/state.json").unlink()
    Supervisor(tmp_path, alone, executor).supervise()
    assert cores(tmp_path, "e") == 12
    (tmp_path / "jobs/e/seeds-0-3/state.json").unlink()
    Supervisor(tmp_path, alone, executor, env_workers=5).supervise()
    assert read_json(tmp_path / "jobs/e/seeds-0-3/cores.json") == {"env_processes": 5, "forced": True}


def test_whatever_becomes_of_a_job_the_answers_that_rest_on_it_stay_on_record(tmp_path: Path) -> None:
    """Also where it hangs or crashes, and those who write that know nothing of answers."""
    state = JobFolder(tmp_path).state
    write_json(state, JobState(status="done", attempt=1, compared=(4, 8)).content())
    statuses: tuple[JobStatus, ...] = ("running", "failed", "done")
    for status in statuses:
        write_state(tmp_path, status, None, 2)
        found = JobState.read(state)
        assert found is not None and (found.status, found.compared) == (status, (4, 8))


def test_the_log_of_a_job_is_bounded_whoever_starts_its_worker(tmp_path: Path) -> None:
    fakes.make(tmp_path, {"a": "."})
    folder = tmp_path / "jobs/a/seeds-0-3"

    def prints(folder: Path) -> None:
        with JobFolder(folder).log.open("ab") as log:
            log.write(b"begins" + b"." * MOST + b"ends")

    work(folder, prints)
    kept = JobFolder(folder).log.read_bytes()
    assert kept.startswith(b"begins") and kept.endswith(b"ends") and LEFT_OUT in kept and len(kept) < MOST
