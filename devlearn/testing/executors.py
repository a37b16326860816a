"""The contract test of an executor: real jobs, of which some fail, some are killed, and some never end."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from torch import nn

from devlearn.learners.brains import Needs
from devlearn.records.atomic import FolderLocked, locked, write_json
from devlearn.records.layout import RunFolder, job_name
from devlearn.records.schema import JobState
from devlearn.registry import UnknownName, get
from devlearn.runs.executors.base import BadExecutor, Executor, WorkerExit, made, signal_name
from devlearn.runs.plan import job_specs, plan
from devlearn.scenario import parse
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.laws import guarded

Act = Literal["finish", "raise", "die", "wait"]
WORKERS = 2
STOP_MEND = "start it with start_new_session=True, end the whole group with os.killpg, and wait until all are gone"
PATIENCE = 300.0  # seconds until a worker must have ended
GRACE = 30.0  # seconds that stopping, and a look without news, may take
TEARDOWN = 2.0  # seconds for the system to clear away a process that has been killed
TOY = """
devlearn: 1
scenario: executor-laws
seeds: 1
brain: {kind: mlp, width: [2]}
stages: {school: {kind: supervise, labels: 10, updates: 1, batch: 2}}
arms: {plain: [school]}
"""


class Actor(nn.Module):
    """A brain that never comes to be: the worker that builds it ``raise``s, ``die``s, or ``wait``s for ever.

    The process that waits is written into the file ``note``.
    """

    def __init__(self, needs: Needs, act: Act, note: str) -> None:
        super().__init__()
        if act == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if act == "raise":
            raise RuntimeError("this job fails")
        Path(note).write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(3600)


def check_executor(name: str | Callable[[int | None], Executor]) -> list[Finding]:
    """Try an executor, by name or class, against every law, with ``WORKERS`` workers and the jobs of a toy run."""
    try:
        make = get("executors", name) if isinstance(name, str) else name
    except (UnknownName, ImportError) as error:
        return [Finding("kind", False, str(error))]
    try:
        executor = made(name if isinstance(name, str) else name.__name__, make, WORKERS)
    except BadExecutor as error:
        return [Finding("made", False, str(error))]
    with tempfile.TemporaryDirectory() as folder:
        trial = _Trial(executor, Path(folder))
        laws: dict[str, Callable[[], Finding]] = {
            "workers": trial.workers,
            "patience": trial.patience,
            "ends": trial.ends,
            "idempotent": trial.idempotent,
            "slots": trial.slots,
            "stop": trial.stop,
        }
        try:
            findings = [guarded(name, law) for name, law in laws.items()]
            if findings[-1].ok:  # else what is wrong with its stop() has been said, and calling it again is no help
                executor.stop()
            return findings
        finally:
            trial.end_workers()


class _Trial:
    """One executor, and the folder of the jobs that it is given."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self.executor, self.run = executor, RunFolder(folder)
        self.given: list[Path] = []  # the folders of all jobs so far
        (self.spec,) = job_specs(plan(parse(TOY, "toy.yaml"))).values()

    def job(self, act: Act, name: str = "") -> Path:
        """The folder of a new job that will do what ``act`` says."""
        folder = self.run.job(job_name(f"{act}{name}", "seeds-0"))
        folder.root.mkdir(parents=True)
        self.given.append(folder.root)
        brain = {"kind": f"{__name__}:Actor", "act": act, "note": str(folder.root / "note")}
        write_json(folder.spec, self.spec if act == "finish" else {**self.spec, "brain": brain})
        return folder.root

    def ended(self, count: int, seconds: float = PATIENCE) -> list[WorkerExit]:
        """The next ``count`` workers that end; fewer where they take longer than ``seconds``."""
        found: list[WorkerExit] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            found += self.executor.poll(0.5)
        return found

    def workers(self) -> Finding:
        own, free = self.executor.workers, self.executor.free_slots()
        mend = f"made as Class({WORKERS}), both must be {WORKERS} before the first job"
        if (own, free) == (WORKERS, WORKERS):
            return Finding("workers", True, f"{own} workers at once")
        return Finding("workers", False, f"workers is {own} and free_slots() {free}; {mend}")

    def patience(self) -> Finding:
        begun = time.monotonic()
        news = list(self.executor.poll(0.2))
        seconds = time.monotonic() - begun
        if news:
            return Finding("patience", False, f"poll() tells of {news[0].folder}, which was never submitted")
        return Finding("patience", seconds < GRACE, f"poll(0.2) without a job returns after {seconds:.1f} s")

    def ends(self) -> Finding:
        """A job that is done, one that fails, one that is killed: each is told once, for what it is."""
        wanted = {self.job("die"): -signal.SIGKILL, self.job("raise"): 1, self.job("finish"): 0}
        found: list[WorkerExit] = []
        for folder in wanted:
            while self.executor.free_slots() < 1:
                found += self.ended(1)
            self.executor.submit(folder)
        found += self.ended(len(wanted) - len(found))
        wrong = [_amiss(folder, code, found) for folder, code in wanted.items()]
        said = "; ".join(filter(None, wrong))
        if not said and self.status("finish") != "done":
            said = f"the job beside them has state {self.status('finish')}: a worker that crashes may break no other"
        if not said and self.status("raise") != "failed":
            said = "a job that raised has no state 'failed'; let the worker run `devlearn worker FOLDER`"
        return Finding("ends", not said, said or "exit status, signal and state of three jobs are told, each once")

    def status(self, act: Act) -> str | None:
        state = JobState.read(self.run.job(job_name(act, "seeds-0")).state)
        return None if state is None else state.status

    def idempotent(self) -> Finding:
        folder = self.run.job(job_name("finish", "seeds-0"))
        before = {path: path.read_bytes() for path in folder.records.rglob("*.csv")}
        self.executor.submit(folder.root)
        found = self.ended(1)
        same = before == {path: path.read_bytes() for path in folder.records.rglob("*.csv")}
        if [(one.folder, one.code) for one in found] != [(folder.root, 0)] or not before or not same:
            return Finding("idempotent", False, f"a job that is done was submitted again, and came to {found}")
        return Finding("idempotent", True, "a job that is done is left as it is")

    def slots(self) -> Finding:
        waiting = [self.job("wait", str(number)) for number in range(WORKERS)]
        counts = []
        for folder in waiting:
            self.executor.submit(folder)
            counts.append(self.executor.free_slots())
        wanted = list(range(WORKERS - 1, -1, -1))
        if counts != wanted:
            return Finding("slots", False, f"while jobs run free_slots() is {counts}, not {wanted}")
        return Finding("slots", True, f"{WORKERS} running jobs leave no slot free")

    def stop(self) -> Finding:
        notes = [self.run.job(job_name(f"wait{number}", "seeds-0")).root / "note" for number in range(WORKERS)]
        deadline = time.monotonic() + PATIENCE
        while not all(note.exists() and note.stat().st_size for note in notes) and time.monotonic() < deadline:
            time.sleep(0.2)
        here = [int(note.read_text(encoding="utf-8")) for note in notes if note.exists()]
        if len(here) < WORKERS:
            return Finding("stop", False, f"{WORKERS - len(here)} of {WORKERS} submitted jobs never began")
        begun = time.monotonic()
        self.executor.stop()
        seconds = time.monotonic() - begun
        if left := _alive_after(here, TEARDOWN):
            mend = "it has to end the worker itself, not only what started it (nice, timeout, a shell): " + STOP_MEND
            return Finding("stop", False, f"{len(left)} workers outlive stop(); {mend}")
        if seconds > GRACE:
            return Finding("stop", False, f"stop() took {seconds:.0f} s; kill the workers instead of waiting for them")
        if self.executor.free_slots() != WORKERS or self.ended(1, 1.0):
            return Finding("stop", False, "after stop() all slots must be free and poll() must have no news")
        return Finding("stop", True, f"{WORKERS} workers were gone after {seconds:.1f} s")

    def end_workers(self) -> None:
        """Kill whoever still works on one of the jobs, and wait until they are gone: a broken executor leaves some."""
        deadline = time.monotonic() + GRACE
        while (left := [job for job in self.given if _worked_on(job)]) and time.monotonic() < deadline:
            holders = [(job / ".lock").read_text(encoding="utf-8") for job in left]
            for pid in filter(None, holders):  # a worker that has just come writes its number a moment after it
                with suppress(ProcessLookupError):  # it ended by itself in the meantime
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.05)


def _worked_on(job: Path) -> bool:
    """Whether a worker holds the lock of a job's folder."""
    try:
        with locked(job, ""):
            return False
    except FolderLocked:
        return True


def _alive_after(pids: Sequence[int], seconds: float) -> list[int]:
    """Those of some processes that are still there after ``seconds``; it is looked until none is."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _amiss(folder: Path, code: int, found: Sequence[WorkerExit]) -> str:
    """What is wrong with what was told of the worker of ``folder``; empty where nothing is."""
    own = [one.code for one in found if one.folder == folder]
    if len(own) != 1:
        return f"the end of {folder.parent.name} was told {len(own)} times"
    if (own[0] > 0) if code > 0 else (own[0] == code):
        return ""
    return f"{folder.parent.name} ended with {signal_name(code)}, and WorkerExit.code is {own[0]}"


def _lives(pid: int) -> bool:
    """Whether a process of this machine is there, and not only waiting to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
