"""Progress of a job for whoever watches it: a small file, rewritten about once a second."""

import time
from collections.abc import Mapping

from torch import Tensor

from devlearn.records import schema as records
from devlearn.records.atomic import write_json
from devlearn.records.layout import JobFolder
from devlearn.runs.engine.job import Job


class Progress:
    """Writes ``progress.json`` into the job's folder."""

    def __init__(self, job: Job) -> None:
        self.path, self.stages = JobFolder(job.folder).progress, [call.name for call in job.calls]
        self.last = 0.0

    def tell(
        self, position: int, yields: int, planned: int, updates: int, metrics: Mapping[str, Tensor], diverged: Tensor
    ) -> None:
        """Say how far the stage at ``position`` is, at most once a second."""
        if (now := time.monotonic()) - self.last < 1.0:
            return
        self.last = now
        fraction = min(yields / max(planned, 1), 1.0)
        self._write(
            position,
            fraction,
            updates,
            {name: float(value.nanmean()) for name, value in metrics.items()},
            int(diverged.sum()),
        )

    def done(self) -> None:
        """Say that all stages have been lived."""
        self._write(len(self.stages) - 1, 1.0, 0, {}, 0)

    def _write(self, index: int, fraction: float, updates: int, metrics: Mapping[str, float], diverged: int) -> None:
        content = records.Progress(
            stage=self.stages[index],
            index=index,
            stages=len(self.stages),
            fraction=fraction,
            overall=(index + fraction) / len(self.stages),
            updates=updates,
            metrics=dict(metrics),
            diverged=diverged,
        )
        write_json(self.path, content.content())
