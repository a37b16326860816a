"""Workers on this machine: processes of a fork server that has imported torch already."""

import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from devlearn.registry import register
from devlearn.runs.executors.base import BadExecutor, WorkerExit
from devlearn.runs.executors.worker import Live, entry, live

FILES = 64  # that a process has to be allowed to open
RESTARTS = 3  # of a fork server that dies while a worker is asked of it
PRELOAD = ["devlearn.runs.preload"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Tensors of some MiB come and go at every update: keep their memory, in large pages (glibc; no effect elsewhere).
KEEP_MEMORY = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
}
# The fork server begins as ``python -c``, which would take a file in the current folder for a library of that name. Any
# value will do; by this one the preload knows that it is ours, and takes it away: what workers start is not concerned.
SAFE_PATH = {"PYTHONSAFEPATH": "devlearn"}
ENVIRONMENT = ONE_THREAD | KEEP_MEMORY | SAFE_PATH


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _worker_environment() -> Iterator[None]:
    """One thread per process and memory that is kept, for what is started inside."""
    before = {key: os.environ.get(key) for key in ENVIRONMENT}
    os.environ.update(ENVIRONMENT | {key: value for key, value in before.items() if value and key in SAFE_PATH})
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """What is started inside ignores Ctrl-C, which reaches every process of a terminal's group."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _no_main() -> Iterator[None]:
    """Hide ``__main__`` from multiprocessing, which would run the user's script again in every worker."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def warm_up() -> None:
    """Start the fork server, which imports torch (seconds) while the caller goes on.

    Raises:
        BadExecutor: the folder for temporary files has too long a path for the socket that it listens at, or a process
            may open hardly any files.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= allowed < FILES:
        raise BadExecutor(f"a process may open {allowed} files here, and workers need {FILES}: ulimit -n 1024")
    multiprocessing.set_forkserver_preload(PRELOAD)
    try:
        with _worker_environment(), _no_main(), _ctrl_c_ignored():
            forkserver.ensure_running()
    except OSError as error:
        if error.errno is None:  # Python's own, which has no number: AF_UNIX path too long
            where = tempfile.gettempdir()
            raise BadExecutor(
                f"workers can't be asked for in {where} ({error}); set TMPDIR to a shorter path"
            ) from error
        raise


@contextmanager
def warming() -> Iterator[None]:
    """``warm_up``, beside what is done inside; where that fails, a fork server that it started is not left importing.

    It would end by itself, but seconds later, and until then whoever reads our output would wait for it.
    """
    before = _server()
    warm_up()
    try:
        yield
    except BaseException:
        server = _server()
        if server is not None and server != before:
            os.kill(server, signal.SIGTERM)
        raise


def _server() -> int | None:
    """The fork server's process, if one was started (multiprocessing has no public name for it)."""
    found: int | None = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
    return found


@register("executors", "local")
class Local:
    """Executor of ``workers`` processes on this machine, one thread each; by default one per core.

    ``cores``: of this machine; those that no worker needs may step environments.
    """

    def __init__(self, workers: int | None = None, live: Live = live) -> None:
        self.cores, self.live = cores(), live
        self.workers = workers or self.cores
        self.running: dict[Path, ForkServerProcess] = {}

    def free_slots(self) -> int:
        return self.workers - len(self.running)

    def submit(self, folder: Path) -> None:
        for more in reversed(range(RESTARTS)):
            warm_up()
            process = multiprocessing.get_context("forkserver").Process(
                target=entry, args=(folder.absolute(), self.live), name=f"devlearn {folder.name}"
            )
            try:
                with _no_main():
                    process.start()
            except (EOFError, ConnectionError, FileNotFoundError):  # the fork server died under our hands
                if not more:
                    raise
                continue
            break
        self.running[folder] = process

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        connection.wait([process.sentinel for process in self.running.values()], timeout)
        ended = [(folder, process) for folder, process in self.running.items() if not process.is_alive()]
        for folder, _ in ended:
            del self.running[folder]
        return [
            WorkerExit(folder, process.exitcode if process.exitcode is not None else 1) for folder, process in ended
        ]

    def kill(self, folder: Path) -> None:
        """End one worker now; ``poll`` tells of it. The supervisor asks for it where one hangs."""
        self.running[folder].kill()

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()
        self.running.clear()
