"""A worker: one process, one thread, one job.

``devlearn worker JOBDIR`` and the local executor both end in ``work``. It is idempotent: a job that is done stays
done, one that was cut off goes on from its checkpoint.
"""

import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path

from devlearn.records import flight
from devlearn.records.atomic import locked, read_json, remove_parts, write_json
from devlearn.records.bounded import bounded
from devlearn.records.layout import JobFolder
from devlearn.records.schema import Cores, JobState, JobStatus
from devlearn.records.seal import sealed
from devlearn.records.text import NO_MEMORY, printable, shortened, without_allocator, writable

Live = Callable[[Path], None]

ORPHANED = 113  # exit status of a worker whose supervisor died
HUNG = 114  # of one that ended itself because an environment did not return
PR_SET_PDEATHSIG = 1  # of Linux's prctl
ROOMIER = "lower `block`, which is how many learners a job trains at once, or what its stages take at once (batch)"
PATIENCE = 30.0  # seconds for the last worker of this folder to be gone, after its supervisor was killed


def live(folder: Path) -> None:
    """Live the job with the engine, on one thread."""
    import torch

    from devlearn.runs import engine, provenance
    from devlearn.tasks.envs.stepping import Allowance, allowed

    spec = read_json(JobFolder(folder).spec) or {}
    provenance.importable(*spec.get("path", ()))
    provenance.check_unchanged(JobFolder(folder), spec)
    torch.set_num_threads(1)
    may = Cores.read(JobFolder(folder).cores) or Cores()
    with allowed(Allowance(may.env_processes, may.forced)):
        engine.live(folder)


def work(folder: Path, live: Live = live) -> None:
    """Live or resume the job in ``folder`` and keep its state.json; never two workers in one folder at once.

    Raises:
        FolderLocked: another worker lives this job.
        Exception: whatever the job raised; its text is in state.json.
    """
    with locked(folder, f"the job in {folder}", PATIENCE):
        remove_parts(folder)
        before = JobState.read(JobFolder(folder).state)
        attempt = before.attempt + 1 if before else 1
        write_state(folder, "running", None, attempt)
        try:
            with bounded(JobFolder(folder).log), _environments_watched(folder, attempt):
                live(folder)
        except Exception as error:
            write_state(folder, "failed", _words(error, folder), attempt)
            raise
        write_state(folder, "done", None, attempt)


@contextmanager
def _environments_watched(folder: Path, attempt: int) -> Iterator[None]:
    """Every call into an environment is on record; one that does not return ends the process, with the reason why."""
    over, path, main = threading.Event(), JobFolder(folder).flight, threading.get_ident()

    def watch() -> None:
        patience = flight.Patience(path)
        while not over.wait(flight.TICK):
            if found := patience.exhausted():
                frame = None if found.relayed else sys._current_frames().get(main)
                at = f", in {frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})" if frame else ""
                write_state(folder, "failed", hanging(found, at), attempt)
                faulthandler.dump_traceback()
                os._exit(HUNG)

    with flight.recording(path):
        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            over.set()


def hanging(found: flight.Flight, at: str = "") -> str:
    """What is told of an environment that did not return."""
    took = f"{found.called} has not returned after {found.timeout:g} seconds{at}, so its process was ended"
    return f"{found}: {took}; mend the environment, or give it more time with step_timeout"


def write_state(folder: Path, status: JobStatus, error: str | None, attempt: int) -> None:
    """Replace the job's state.json. Of a job that is done it says what its records are; what was answered stays."""
    job = JobFolder(folder)
    before = JobState.read(job.state)
    records, compared = sealed(job) if status == "done" else {}, before.compared if before else ()
    bare = status == "done" and bool((read_json(job.spec) or {}).get("without_moments"))
    found = JobState(
        status=status, error=error, attempt=attempt, records=records, compared=compared, without_moments=bare
    )
    write_json(job.state, found.content())


def _words(error: Exception, folder: Path) -> str:
    """What to tell the user: the engine's own words, or kind and message of anything else, and the plug-in's line.

    The process ends with the error, so that its log has all of it.
    """
    from devlearn.runs import provenance
    from devlearn.runs.engine import JobFailed

    said = str(error) if isinstance(error, JobFailed) else f"{type(error).__name__}: {error}"
    text = shortened(printable(writable(without_allocator(said))))
    if NO_MEMORY in text or isinstance(error.__cause__ or error, MemoryError):
        text = f"{text}; {ROOMIER}"
    at = provenance.culprit(error, read_json(JobFolder(folder).spec))
    return f"{text} ({at})" if at and at not in text else text


def entry(folder: Path, live: Live) -> None:
    """Where a worker process of the local executor begins: output to log.txt, life tied to the supervisor's.

    It ends with its job, whatever threads an environment has left running.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_supervisor()
    try:
        _log_to(JobFolder(folder).log)
    except FileNotFoundError:  # its folder was moved away or deleted meanwhile: the supervisor misses it too, in words
        os._exit(1)
    status = 0
    try:
        work(folder, live)
    except BaseException:
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(status)


def _die_with_supervisor() -> None:
    """By the system, where it can: an environment that holds Python's lock stops every thread that could look."""
    held = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_alive_fd", None)
    if held is not None:  # while a worker holds it open, the fork server would outlive the supervisor
        os.close(held)
        forkserver._forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # the fork server is gone when the supervisor is
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(ORPHANED)

    threading.Thread(target=watch, daemon=True).start()


def _log_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.stdout, sys.stderr = (
        open(to, "w", buffering=1, closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        for to in (1, 2)
    )
    faulthandler.enable()
