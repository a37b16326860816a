"""Best checkpoints: each learner's weights at its best value so far of the probe that ``compare.select`` names."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.records.schema import SelectEntry


class BestCheckpoints:
    """Weights and buffers of the N learners of a cohort, each at its best moment of one visit to a stage.

    Args:
        cohort: the learners.
        select: the probe and the metric that pick the moment, and whether higher or lower is better.

    Attributes:
        value: of the metric, (N,) float64; nan where a learner has not been seen yet.
        update: of the visit, (N,) int64.
        weights: {name: (N, *shape)}, as in ``cohort.state()``.
    """

    def __init__(self, cohort: Cohort, select: SelectEntry) -> None:
        self.select = select
        self.value = torch.full((cohort.n,), torch.nan, dtype=torch.float64)
        self.update = torch.zeros(cohort.n, dtype=torch.int64)
        self.weights = cohort.state()

    def see(self, cohort: Cohort, values: Mapping[str, Mapping[str, Tensor]], update: Tensor, who: Tensor) -> None:
        """Keep those of ``who`` (N,) bool that are better now than ever; of equal moments the earlier stays.

        ``values`` {probe: {metric: (N,)}} are what was measured now; without the probe that picks nothing is seen.
        """
        if self.select.probe not in values:
            return
        value = values[self.select.probe][self.select.metric]
        gain = value - self.value if self.select.better == "higher" else self.value - value
        rows = (who & ~value.isnan() & (self.value.isnan() | (gain > 0))).nonzero()[:, 0]
        self._keep(cohort, rows, value, update)

    def fill(self, cohort: Cohort, update: Tensor) -> None:
        """Keep those as they are now that were never seen alive: they have no better moment."""
        self._keep(cohort, self.value.isnan().nonzero()[:, 0], self.value, update)

    def _keep(self, cohort: Cohort, rows: Tensor, value: Tensor, update: Tensor) -> None:
        if not len(rows):
            return
        self.value[rows], self.update[rows] = value[rows], update[rows]
        there = rows.to(cohort.device)
        for name, tensor in cohort.take(there).items():
            self.weights[name][there] = tensor

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint: tensors and nested dicts of them."""
        return {"value": self.value, "update": self.update, "weights": self.weights}

    @classmethod
    def from_dict(cls, cohort: Cohort, select: SelectEntry, content: Mapping[str, Any]) -> "BestCheckpoints":
        """What ``to_dict`` gave."""
        best = cls(cohort, select)
        best.value, best.update = content["value"].cpu(), content["update"].cpu()
        best.weights = dict(content["weights"])
        return best
