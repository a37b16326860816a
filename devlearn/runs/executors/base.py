"""The contract of an executor: it starts workers on some machine and tells when they ended."""

import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devlearn.records.text import shortened, writable

METHODS = ("free_slots", "submit", "poll", "stop")  # of an executor


@dataclass(frozen=True)
class WorkerExit:
    """A worker that ended. ``code`` is its exit status, or minus the signal that killed it."""

    folder: Path
    code: int


class Executor(Protocol):
    """Starts one worker per job folder. It knows nothing of plans, parents or retries.

    It is made as ``Class(workers)``, where None leaves the number to it. ``devlearn worker FOLDER`` is what a worker
    runs, wherever that is: it trains or resumes the job in ``folder``, keeps its state.json, and ends with status 0
    where the job is done. ``devlearn check executor NAME`` tries an executor against the laws.
    """

    workers: int  # how many may run at once; people are told

    def free_slots(self) -> int:
        """How many more workers may be started now."""
        ...

    def submit(self, folder: Path) -> None:
        """Start a worker that trains or resumes the job in ``folder``; never called without a free slot."""
        ...

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        """The workers that ended since the last call, each once; waits up to ``timeout`` seconds for one."""
        ...

    def stop(self) -> None:
        """End all workers now and wait until they are gone; each loses at most the segment that it is in."""
        ...


class BadExecutor(TypeError):
    """What was named is no executor; the message says what it lacks."""


def made(name: str, make: Callable[[int | None], Executor], workers: int | None) -> Executor:
    """An executor, from what the registry has under ``name``, with everything that will be asked of it later.

    Raises:
        BadExecutor: it is no class, can't be made, or has not all that the contract wants.
    """
    if not callable(make):
        raise BadExecutor(f"executor {name} is a {type(make).__name__}, {make!r}; name the class: module:Class")
    try:
        executor = make(workers)
    except BadExecutor:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        said = shortened(writable(f"{type(error).__name__}: {error}"), "the rest is left out")
        why = f"Class({workers}) raised {said} ({at.filename}:{at.lineno})"
        raise BadExecutor(f"executor {name} can't be made: {why}") from error
    methods = [method for method in METHODS if not callable(getattr(executor, method, None))]
    lacking = [*(f"{method}()" for method in methods), *([] if hasattr(executor, "workers") else ["workers"])]
    if lacking:
        check = f"see docs/how-to/executor.md, and try it with: devlearn check executor {name}"
        raise BadExecutor(f"{name} is no executor: it has no {', no '.join(lacking)}; {check}")
    return executor


def signal_name(code: int) -> str:
    """What an exit status says: ``killed by SIGKILL`` or ``exit status 1``."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
