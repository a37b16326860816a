"""The contract of an executor: it starts workers on some machine and tells when they ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class WorkerExit:
    """A worker that ended. ``code`` is its exit status, or minus the signal that killed it."""

    folder: Path
    code: int


class Executor(Protocol):
    """Starts one worker per job folder. It knows nothing of plans, parents or retries."""

    def free_slots(self) -> int:
        """How many more workers may be started now."""
        ...

    def submit(self, folder: Path) -> None:
        """Start a worker that lives or resumes the job in ``folder``."""
        ...

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        """The workers that ended; waits up to ``timeout`` seconds for one."""
        ...

    def stop(self) -> None:
        """End all workers now; each loses at most the segment that it is in."""
        ...
