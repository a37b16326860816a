"""Progress of a job for whoever watches it: a small file, rewritten about once a second."""

import time
from collections.abc import Mapping

from torch import Tensor

from devlearn.records import schema as records
from devlearn.records.atomic import write_json
from devlearn.records.layout import JobFolder
from devlearn.runs.engine.job import Job, StageVisit
from devlearn.tasks.envs.step_process import StepProcess


class Progress:
    """Writes ``progress.json`` into the job's folder."""

    def __init__(self, job: Job) -> None:
        self.path, self.visits = JobFolder(job.folder).progress, job.visits
        self.last = 0.0

    def tell(
        self,
        visit: StageVisit,
        yields: int,
        planned: int,
        updates: int,
        metrics: Mapping[str, Tensor],
        diverged: Tensor,
    ) -> None:
        """Say how far a visit is, at most once a second. ``metrics`` {name: (N,)}, ``diverged`` (N,) bool."""
        if (now := time.monotonic()) - self.last < 1.0:
            return
        self.last = now
        fraction = min(yields / max(planned, 1), 1.0)
        self._write(
            self.visits.index(visit),
            fraction,
            updates,
            {name: float(value.double().nanmean()) for name, value in metrics.items()},
            int(diverged.sum()),
        )

    def done(self) -> None:
        """Say that all stages have been lived."""
        self._write(len(self.visits) - 1, 1.0, 0, {}, 0)

    def _write(self, index: int, fraction: float, updates: int, metrics: Mapping[str, float], diverged: int) -> None:
        content = records.Progress(
            stage=self.visits[index].name,
            index=index,
            stages=len(self.visits),
            fraction=fraction,
            overall=(index + fraction) / len(self.visits),
            updates=updates,
            metrics=dict(metrics),
            diverged=diverged,
            env_processes=StepProcess.busy() + 1,
        )
        write_json(self.path, content.content())
