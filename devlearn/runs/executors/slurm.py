"""Workers as jobs of a Slurm cluster, handed over by submitit: one that is preempted or out of time is requeued."""

import logging
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from devlearn.records.atomic import locked
from devlearn.records.layout import JobFolder
from devlearn.registry import register
from devlearn.runs.executors.attend import attend, environment
from devlearn.runs.executors.base import BadExecutor, WorkerExit

KEYS = "DEVLEARN_SLURM"  # the variable with submitit's parameters, a YAML map
USUAL = {"name": "devlearn", "timeout_min": 240, "cpus_per_task": 1, "slurm_additional_parameters": {"requeue": True}}
WORKERS = 100  # jobs in Slurm's queue at once
TIMEOUTS = 1000  # how often a job may run out of time: it goes on where it was
LOOK = 0.5  # seconds between two looks at result files
GONE = 60.0  # seconds in which a cancelled job has to be gone: Slurm waits 30 before it kills


class Attended:
    """What a Slurm job does. submitit calls it, and asks it for itself where the job is requeued."""

    def __call__(self, folder: Path, variables: Mapping[str, str]) -> int:
        return attend(folder, variables)

    def checkpoint(self, folder: Path, variables: Mapping[str, str]) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, folder, variables)


@register("executors", "slurm")
class Slurm:
    """Executor of ``workers`` Slurm jobs, waiting or running, of one core and four hours each.

    DEVLEARN_SLURM holds other parameters of submitit's, as ``{slurm_partition: long, timeout_min: 600, mem_gb: 8}``.
    All nodes see the run folder and the Python environment under the same paths.

    Raises:
        BadExecutor: submitit isn't installed, this machine has no Slurm, or submitit has no such parameter.
    """

    cluster: ClassVar[str] = "slurm"

    def __init__(self, workers: int | None = None) -> None:
        try:
            import submitit
        except ImportError as error:
            raise BadExecutor("--executor slurm needs the package submitit: pip install 'devlearn[slurm]'") from error
        logging.getLogger("submitit").setLevel(logging.ERROR)  # of a cluster without accounting it warns at every look
        self._submitit: Any = submitit
        self._keys = {**USUAL, **_given()}
        with tempfile.TemporaryDirectory() as folder:
            try:
                self._queue(Path(folder))
            except Exception as error:  # of submitit's: each parameter has checks of its own
                raise BadExecutor(f"--executor {self.cluster}: {error} ({KEYS}: {self._keys})") from error
        self.workers = workers or WORKERS
        self.running: dict[Path, Any] = {}

    def _queue(self, folder: Path) -> Any:
        """submitit's executor, whose files are in ``folder``."""
        queue = self._submitit.AutoExecutor(folder, self.cluster, slurm_max_num_timeout=TIMEOUTS)
        queue.update_parameters(**self._keys)
        return queue

    def free_slots(self) -> int:
        return self.workers - len(self.running)

    def submit(self, folder: Path) -> None:
        queue = self._queue(JobFolder(folder.absolute()).queue)
        self.running[folder] = queue.submit(Attended(), folder.absolute(), environment())

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        """Raises what a job raised that could not even begin, as where its node doesn't see the run folder."""
        deadline = time.monotonic() + timeout
        while not (ended := [folder for folder, job in self.running.items() if job.done()]):
            if (left := deadline - time.monotonic()) <= 0:
                break
            time.sleep(min(LOOK, left))
        return [WorkerExit(folder, self._code(folder, self.running.pop(folder))) for folder in ended]

    def _code(self, folder: Path, job: Any) -> int:
        failed = self._submitit.core.utils
        try:
            return int(job.result())
        except failed.FailedJobError:
            raise
        except failed.UncompletedJobError as error:  # cancelled by somebody, or lost with its node
            with JobFolder(folder).log.open("a", encoding="utf-8") as log:
                log.write(f"the queue's job {job.job_id} ended without a word: {str(error).splitlines()[0]}\n")
            return -signal.SIGKILL

    def stop(self) -> None:
        """Raises FolderLocked where a worker doesn't end."""
        for job in self.running.values():
            job.cancel()
        deadline = time.monotonic() + GONE
        for folder, job in self.running.items():
            while not job.done(force_check=True) and time.monotonic() < deadline:
                time.sleep(LOOK)
            with locked(folder, f"the job in {folder}", max(deadline - time.monotonic(), 0.0)):
                pass
        self.running.clear()


def _given() -> dict[str, Any]:
    """The parameters in the environment. Raises BadExecutor where they are no map."""
    text = os.environ.get(KEYS, "{}")
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # a day that does not exist, a number of 5,000 digits
        found = None
    if not isinstance(found, dict):
        raise BadExecutor(f"{KEYS} is no map of submitit's parameters, as {{timeout_min: 600}}: {text!r}")
    return found
