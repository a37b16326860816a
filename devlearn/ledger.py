"""What each learner has consumed, over its whole life.

Charged by the engine alone, from what a stage declares of one yield. The engine checks the updates that a yield took
against the declaration; images, labels and FLOPs are the stage's word, held by the laws' tests for our own stages.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from devlearn.stage import Stage, Work

COLUMNS = ("labels", "label_bits", "images", "env_steps", "updates", "flops")
ONCE = ("labels", "label_bits")


def yields(stage: Stage, work: Work) -> int:
    """The number of yields that a stage's declared budget comes to; one for a stage that acts once."""
    budget = stage.budget()
    if budget is None:
        return 1
    unit, size = budget
    return math.ceil(size / getattr(work, unit))


class Ledger:
    """One row a learner; ``columns`` {name: (N,)} int64, label_bits float64."""

    def __init__(self, n: int) -> None:
        self.columns = {
            name: torch.zeros(n, dtype=torch.float64 if name == "label_bits" else torch.int64) for name in COLUMNS
        }

    def buy(self, work: Work, living: Tensor) -> None:
        """Charge what is paid once when a stage begins, to the learners (N,) that live it."""
        self._charge(work, living, ONCE)

    def spend(self, work: Work, living: Tensor) -> None:
        """Charge one yield to the learners (N,) that live it."""
        self._charge(work, living, tuple(name for name in COLUMNS if name not in ONCE))

    def _charge(self, work: Work, living: Tensor, names: tuple[str, ...]) -> None:
        for name in names:
            column = self.columns[name]
            column += living.to(column.dtype) * getattr(work, name)

    def state(self) -> dict[str, Tensor]:
        return {name: column.clone() for name, column in self.columns.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        for name, column in self.columns.items():
            column.copy_(state[name])
