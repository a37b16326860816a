"""What each learner has consumed, over its whole life.

Charged by the engine alone, from what a stage declares of one yield. The engine checks the updates that a yield took
against the declaration; images, labels and FLOPs are the stage's word, held by the laws' tests for our own stages.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from devlearn.records.schema import COLUMNS
from devlearn.stages.stage import Cost


class Ledger:
    """One row a learner; ``columns`` {name: (N,)} int64, label_bits float64."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.columns = {
            name: torch.zeros(n, dtype=torch.float64 if name == "label_bits" else torch.int64) for name in COLUMNS
        }

    def charge(self, cost: Cost, names: Sequence[str], who: Tensor) -> None:
        """Add the columns ``names`` of a cost (``ONCE`` or ``PER_YIELD``) to the learners ``who`` (N,) bool."""
        for name in names:
            column = self.columns[name]
            column += who.to(column.dtype) * getattr(cost, name)

    def state(self) -> dict[str, Tensor]:
        """A copy of the columns."""
        return {name: column.clone() for name, column in self.columns.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what ``state`` gave."""
        for name, column in self.columns.items():
            column.copy_(state[name])
