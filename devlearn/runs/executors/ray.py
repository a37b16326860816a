"""Workers as tasks of a Ray cluster, one core each; a task whose node is lost begins again on another one."""

import logging
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devlearn.records.atomic import locked
from devlearn.records.layout import JobFolder
from devlearn.records.schema import JobSpec
from devlearn.registry import register
from devlearn.runs.executors.attend import attend, environment
from devlearn.runs.executors.base import BadExecutor, WorkerExit

LOST = 10  # nodes that one job may lose before its end is told: spot machines come and go
GONE = 20.0  # seconds in which a cancelled worker has to be gone


@register("executors", "ray")
class Ray:
    """Executor of ``workers`` tasks of a Ray cluster; by default one for each of the cores that it has now.

    The cluster is the one at RAY_ADDRESS, else the one that runs on this machine; where there is none, Ray starts one
    here. All nodes see the run folder under the same path and have the same packages.

    Raises:
        BadExecutor: Ray isn't installed.
    """

    def __init__(self, workers: int | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise BadExecutor("--executor ray needs the package ray: pip install 'devlearn[ray]'") from error
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is started for you reports to nobody
        if not ray.is_initialized():
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
        self._ray: Any = ray
        self._task = self._ray.remote(max_retries=LOST)(attend)
        self.workers = workers or max(int(self._ray.cluster_resources().get("CPU", 1)), 1)
        self.running: dict[Path, Any] = {}

    def free_slots(self) -> int:
        return self.workers - len(self.running)

    def submit(self, folder: Path) -> None:
        spec = JobSpec.read(JobFolder(folder).spec)
        gpus = 1 if spec is not None and spec.device.startswith("cuda") else 0
        task = self._task.options(num_cpus=1, num_gpus=gpus, name=f"devlearn {folder.parent.name}/{folder.name}")
        self.running[folder] = task.remote(folder.absolute(), environment())

    def poll(self, timeout: float) -> Sequence[WorkerExit]:
        """The jobs that ended.

        Raises:
            RayError: a task could not even begin its job, as where its node has no devlearn; or the cluster is gone.
        """
        if not self.running:
            time.sleep(timeout)
            return []
        ready, _ = self._ray.wait(list(self.running.values()), num_returns=1, timeout=timeout)
        ended = [folder for folder, task in self.running.items() if task in ready]
        return [WorkerExit(folder, self._code(folder, self.running.pop(folder))) for folder in ended]

    def _code(self, folder: Path, task: Any) -> int:
        failed = self._ray.exceptions
        try:
            return int(self._ray.get(task))
        except (failed.NodeDiedError, failed.WorkerCrashedError, failed.OutOfMemoryError) as error:  # too often
            with JobFolder(folder).log.open("a", encoding="utf-8") as log:
                log.write(f"{str(error).splitlines()[0]}\n")
            return -signal.SIGKILL

    def stop(self) -> None:
        """Raises FolderLocked where a worker doesn't end."""
        tasks = list(self.running.values())
        for task in tasks:
            self._ray.cancel(task, force=True)
        if tasks:
            self._ray.wait(tasks, num_returns=len(tasks), timeout=GONE)
        for folder in self.running:
            with locked(folder, f"the job in {folder}", GONE):
                pass
        self.running.clear()
