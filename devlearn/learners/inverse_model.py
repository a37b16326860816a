"""What was done between two observations, told from them: a network for ONE learner, and what it is taught by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from devlearn.learners.brains.layers import Normaliser
from devlearn.learners.curiosity import CLIP, tower
from devlearn.learners.objectives import Factors, misses


class InverseModel(nn.Module):
    """The actor's output (B, outputs) that would have led from what was seen before to what was seen after.

    Both are rows of numbers (B, D), whitened by running moments. With numbers among the actions twice as many outputs,
    as of a Gaussian head of unit variance. ``hidden`` units in each of two layers.
    """

    stacks = True

    def __init__(self, inputs: int, factors: Factors, hidden: int) -> None:
        super().__init__()
        self.factors = factors
        self.normaliser = Normaliser(inputs, CLIP)
        self.layers = tower(2 * inputs, hidden, hidden, factors.outputs)

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        seen = torch.cat([self.normaliser(before), self.normaliser(after)], -1)
        output: Tensor = self.layers(seen)
        return torch.cat([output, torch.zeros_like(output)], -1) if self.factors.numbers else output


class Telling:
    """The objective: the mean over steps of ``-log p(action | before, after)``.

    Batch: before and after (B, D), actions (B, ...) as ``factors`` have them. Metric: error, as of ``misses``.
    """

    stacks = True

    def __init__(self, factors: Factors) -> None:
        self.factors = factors

    def __call__(self, model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        output, actions = model(batch["before"], batch["after"]), batch["actions"]
        log_p, _ = self.factors.judge(output, actions if self.factors.discrete else actions.to(output.dtype))
        return -log_p.mean(-1), {"error": misses(self.factors, output.detach(), actions).mean(-1)}
