"""Doing as somebody else did."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import torch
from devlearn.learners.objectives.factors import Factors
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Imitation:
    """The negative log-likelihood of somebody's actions: cross-entropy of choices, that of a Gaussian for numbers.

    Batch: observations (B, *space), actions (B, ...) as ``factors`` has them. ``sense`` and ``actor`` are the brain's.
    Standard deviations below ``least_std`` count as that: whoever is copied exactly would else be infinitely likely.
    Metric: error, the mean over factors of 1 for a choice that is not the likeliest and of the squared difference for
    a number.
    """

    stacks: ClassVar[bool] = True
    sense: str
    actor: str
    factors: Factors
    least_std: float = 0.01

    def __call__(self, brain: Any, batch: Batch) -> Result:
        output = brain(batch["observations"], self.sense, self.actor)  # (B, outputs), twice as many with numbers
        if self.factors.numbers:
            means, log_std = output.chunk(2, -1)
            output = torch.cat([means, log_std.clamp(min=math.log(self.least_std))], -1)
        actions = batch["actions"]
        log_p, _ = self.factors.judge(output, actions if self.factors.discrete else actions.to(output.dtype))
        return -log_p.mean(-1), {"error": misses(self.factors, output.detach(), actions).mean(-1)}


def misses(factors: Factors, output: Tensor, actions: Tensor) -> Tensor:
    """How wrong the likeliest actions of an output (B, outputs) are, each, (B,).

    The mean over factors of 1 for a choice that is not the likeliest and of the squared difference for a number.
    """
    own, choices = factors.greedy(output), len(factors.choices)
    if not factors.shape:
        return (own != actions).to(output.dtype)
    wrong = (own[..., :choices] != actions[..., :choices]).to(output.dtype)
    squares = (own[..., choices:] - actions[..., choices:]).square().to(output.dtype)
    return torch.cat([wrong, squares], -1).mean(-1)
