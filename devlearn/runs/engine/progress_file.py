"""Progress of a job for whoever watches it: a small file, rewritten about once a second."""

import json
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from devlearn.runs.engine.job import Job


class Progress:
    """Writes ``progress.json`` into the job's folder."""

    def __init__(self, job: Job) -> None:
        self.path, self.stages = job.folder / "progress.json", [call.name for call in job.calls]
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
            {
                "stage": self.stages[position],
                "index": position,
                "stages": len(self.stages),
                "fraction": fraction,
                "overall": (position + fraction) / len(self.stages),
                "updates": updates,
                "metrics": {name: float(value.nanmean()) for name, value in metrics.items()},
                "diverged": int(diverged.sum()),
            }
        )

    def done(self) -> None:
        last = len(self.stages) - 1
        whole = {"fraction": 1.0, "overall": 1.0, "updates": 0, "metrics": {}, "diverged": 0}
        self._write({"stage": self.stages[last], "index": last, "stages": len(self.stages), **whole})

    def _write(self, content: dict[str, Any]) -> None:
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content))
        temporary.replace(self.path)
