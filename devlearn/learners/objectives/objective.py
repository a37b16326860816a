"""The type of an objective: the loss of ONE learner, a frozen description that is called with (brain, batch).

An objective returns its loss and metrics. It reduces trailing axes only, so the same code gives a scalar for one
learner and (N,) for a stacked cohort (``stacks``). Random numbers (masks, noise) enter as batch entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor


Batch: TypeAlias = "dict[str, Tensor]"
Result: TypeAlias = "tuple[Tensor, dict[str, Tensor]]"
Objective: TypeAlias = "Callable[[Callable[..., Any], Any], tuple[Tensor, Mapping[str, Tensor]]]"
