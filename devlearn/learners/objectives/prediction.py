"""The observation that an action leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import F, torch
from devlearn.learners.objectives.objective import Batch, Result
from devlearn.learners.objectives.reconstruction import per_pixel

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Forecast:
    """Per-pixel Bernoulli cross-entropy of the observation that an action leads to.

    Batch: images (B, H, W) and targets (B, H, W) in bytes, before and after, actions (B,) int64. The head answers for
    all A actions at once, (B, A * H * W). Metric: error, the mean squared error in 0..1.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str
    actions: int

    def __call__(self, brain: Any, batch: Batch) -> Result:
        answers = brain(batch["images"], self.sense, self.head).unflatten(-1, (self.actions, -1))  # (B, A, H * W)
        done = batch["actions"][..., None, None].expand(*answers.shape[:-2], 1, answers.shape[-1])
        logits = answers.gather(-2, done).squeeze(-2)  # (B, H * W)
        losses, squares = per_pixel(logits, batch["targets"])
        return losses.mean((-2, -1)), {"error": squares.mean((-2, -1))}


def surprise(answers: Tensor, actions: int) -> Tensor:
    """The loss in nats that a forecast (..., A * P) itself expects of each action: the entropy of its guess, (..., A).

    Summed over the P pixels.
    """
    logits = answers.unflatten(-1, (actions, -1))
    result: Tensor = (F.softplus(logits) - logits * torch.sigmoid(logits)).sum(-1)
    return result
