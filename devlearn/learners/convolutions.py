"""Which updates of convolutions vmap runs on a CPU in place of a loop over learners: those of small minibatches.

Both give one result, but round differently. Where one becomes faster than the other was measured beforehand
(``benchmarks/convolutions.py``) and is not asked of the clock: records do not depend on how busy a machine is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from devlearn.learners.stacking import is_convolution, kind_of, shown

if TYPE_CHECKING:
    from torch import nn

    from devlearn.learners.objectives import Objective

FEW = 4  # learners, below which a loop is always faster
SMALL = 102_400  # numbers that a learner's first convolution makes of a minibatch, up to which vmap learns faster


def growth(model: nn.Module) -> float:
    """How many numbers the first convolution makes of each that it is shown, padding apart; 0 without one."""
    first: Any = next((part for part in model.modules() if is_convolution(part)), None)
    return 0.0 if first is None else first.out_channels / first.in_channels / math.prod(first.stride)


class Convolutions:
    """The choice for ``n`` learners like ``model``."""

    def __init__(self, model: nn.Module, n: int) -> None:
        self.n, self.growth = n, growth(model)
        self._accepted: dict[Any, bool] = {}  # by objective, whether vmap takes it

    def maps(self, objective: Objective, batch: Any, attempt: Callable[[], object]) -> bool:
        """Whether vmap runs an update: a function of the objective and of what the batch (N, ...) holds alone.

        Args:
            attempt: maps this very update, but for its backward pass; RuntimeError is taken for a refusal, and if it
                is something else, the loop will say so.
        """
        if self.n < FEW or not self.growth or shown(batch) / self.n * self.growth > SMALL:
            return False
        kind = kind_of(objective)
        if kind not in self._accepted:
            try:
                attempt()
            except RuntimeError:
                self._accepted[kind] = False
            else:
                self._accepted[kind] = True
        return self._accepted[kind]
