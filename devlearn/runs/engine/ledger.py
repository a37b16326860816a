"""What each learner has consumed, over its whole life.

Charged by the engine alone, from what a stage declares of one yield. The engine checks the updates that a yield took
against the declaration; images, labels and FLOPs are the stage's word, held by the laws' tests for our own stages.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from devlearn.records.schema import COLUMNS
from devlearn.runs.plan.cost_model import ONCE, PER_YIELD
from devlearn.stages.stage import Cost


class Ledger:
    """One row a learner; ``columns`` {name: (N,)} int64, label_bits float64."""

    def __init__(self, n: int) -> None:
        self.columns = {
            name: torch.zeros(n, dtype=torch.float64 if name == "label_bits" else torch.int64) for name in COLUMNS
        }

    def buy(self, work: Cost, living: Tensor) -> None:
        """Charge what is paid once when a stage begins, to the learners (N,) that live it."""
        self._charge(work, living, ONCE)

    def spend(self, work: Cost, living: Tensor) -> None:
        """Charge one yield to the learners (N,) that live it."""
        self._charge(work, living, PER_YIELD)

    def _charge(self, work: Cost, living: Tensor, names: tuple[str, ...]) -> None:
        for name in names:
            column = self.columns[name]
            column += living.to(column.dtype) * getattr(work, name)

    def state(self) -> dict[str, Tensor]:
        return {name: column.clone() for name, column in self.columns.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        for name, column in self.columns.items():
            column.copy_(state[name])
