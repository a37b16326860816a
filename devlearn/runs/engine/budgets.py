"""When a learner has used up its budget."""

import torch
from torch import Tensor

from devlearn.runs.engine.ledger import Ledger


def used_up(total: tuple[str, float] | None, yields: int, planned: int, ledger: Ledger) -> Tensor:
    """Who has used up the budget of a visit, (N,) bool.

    All learners at once, after the ``planned`` number of ``yields`` that the stage's budget comes to. With an arm's
    ``total`` [unit, size] each for itself, once its whole life has consumed so much: who passed a gate early has more
    left.
    """
    if total is None:
        return torch.full((ledger.n,), yields >= planned)
    unit, size = total
    return ledger.columns[unit] >= size
