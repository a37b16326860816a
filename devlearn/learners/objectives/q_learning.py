"""Values of actions, learned from what they are followed by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import torch
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TemporalDifference:
    """The mean squared difference between the values of the actions that were done and their targets.

    Batch: observations (B, ...), actions (B,) int64, targets (B,). The head answers for all A actions, (B, A), or has
    one number, the value of what was seen and done together, and there are no actions in the batch. Of brains with
    memory it has sequences: observations (B, T, ...), starts (B, T), hidden (B, H), and actions and targets (B * T,).
    Metric: q_value, the mean value of what was done.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        if "hidden" in batch:
            seen = (batch["observations"], self.sense, self.head, batch["hidden"], batch["starts"])
            values = brain(*seen)[0]  # (B * T, A)
        else:
            values = brain(batch["observations"], self.sense, self.head)  # (B, A)
        if "actions" in batch:
            values = values.gather(-1, batch["actions"].unsqueeze(-1))
        done = values.squeeze(-1)  # (B,)
        return (done - batch["targets"]).square().mean(-1), {"q_value": done.mean(-1).detach()}


def q_targets(batch: Batch, values: Tensor, judged: Tensor | None = None) -> Tensor:
    """What the actions of a batch are worth: (..., B).

    ``rewards + discounts * values[best]`` where not terminated, and ``rewards`` elsewhere. ``values`` (..., B, A) are
    those of the next observations under the target network; the best action is that of the largest of them or, for
    double Q-learning, of ``judged`` (..., B, A), the values of the network that learns. ``batch`` has rewards,
    discounts, terminated (..., B) and perhaps masks (..., B, A) bool of the actions that are allowed next.

    Source: Mnih et al. (2015); van Hasselt, Guez and Silver (2016), arXiv:1509.06461, for two networks.
    """
    judged = values if judged is None else judged
    if "masks" in batch:
        judged = judged.masked_fill(~batch["masks"], -torch.inf)
    following = values.gather(-1, judged.argmax(-1, keepdim=True)).squeeze(-1)
    following = following.masked_fill(batch["terminated"], 0.0)
    return batch["rewards"].to(following.dtype) + batch["discounts"].to(following.dtype) * following
