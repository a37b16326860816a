"""Best checkpoints: each learner's weights at its best value so far of the probe that ``compare.select`` names."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort


class BestCheckpoints:
    """Weights and buffers of the N learners of a cohort, each at its best moment of one visit to a stage.

    Attributes:
        value: of the probe, (N,) float64; nan where a learner has not been seen yet.
        update: of the visit, (N,) int64.
        weights: {name: (N, *shape)}, as in ``cohort.state()``.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.value = torch.full((cohort.n,), torch.nan, dtype=torch.float64)
        self.update = torch.zeros(cohort.n, dtype=torch.int64)
        self.weights = cohort.state()

    def see(self, cohort: Cohort, value: Tensor, update: Tensor, who: Tensor, better: str) -> None:
        """Keep those of ``who`` (N,) bool that are better now than ever; of equal moments the earlier stays."""
        gain = value - self.value if better == "higher" else self.value - value
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

    def state(self) -> dict[str, Any]:
        return {"value": self.value, "update": self.update, "weights": self.weights}

    @classmethod
    def load(cls, cohort: Cohort, state: Mapping[str, Any]) -> "BestCheckpoints":
        best = cls(cohort)
        best.value, best.update, best.weights = state["value"].cpu(), state["update"].cpu(), dict(state["weights"])
        return best
