"""The type of an objective: the loss of ONE learner, a frozen description that is called with (brain, batch).

An objective returns its loss and metrics. It reduces trailing axes only, so the same code gives a scalar for one
learner and (N,) for a stacked cohort (``stacks``). Random numbers (masks, noise) enter as batch entries.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Batch = dict[str, Tensor]
Result = tuple[Tensor, dict[str, Tensor]]
Objective = Callable[[Callable[..., Any], Any], tuple[Tensor, Mapping[str, Tensor]]]
