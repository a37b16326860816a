"""Soft actor-critic: a policy of numbers between bounds, that is paid for what it wins and for staying random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import F
from devlearn.learners.objectives.factors import Factors
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor

LOG_STD = (-20.0, 2.0)  # the ends of the policy's log standard deviation


def squashed(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Gaussian numbers u (..., B, A), and the log-density (..., B) of tanh(u), in (-1, 1) each.

    ``mean``, ``log_std``, ``noise`` (..., B, A). The density of ``a = tanh u`` is that of u over
    ``da/du = 1 - tanh(u)^2``, whose logarithm is ``2 (log 2 - u - softplus(-2 u))`` without cancellation.

    Source: Haarnoja et al. (2018), arXiv:1801.01290, appendix C.
    """
    numbers = mean + log_std.exp() * noise
    gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
    slope = 2 * (math.log(2) - numbers - F.softplus(-2 * numbers))
    return numbers, (gaussian - slope).sum(-1)


@dataclass(frozen=True)
class SoftPolicy:
    """The policy's loss: ``temperature * log p - Q``, the mean over a minibatch.

    Its means are the first half of what ``actor`` answers, its log standard deviations what ``spread`` does, (B, A).
    Batch: observations (B, ...), noise (B, A), and the critics' part, which is no part of this network: values (B,) of
    what this policy does under that noise, slopes (B, A) of these values along what is done, tanh(u), and temperature
    (). The slopes are the chain rule's other half, so the gradient is that through the critics. Where a reflex acts,
    also reflex (B, A), which the means are added to, and ``gate`` may be the head that scales it. Metric: entropy, the
    mean of ``-log p``.
    """

    stacks: ClassVar[bool] = True
    sense: str
    actor: str
    spread: str
    gate: str | None = None

    def __call__(self, brain: Any, batch: Batch) -> Result:
        numbers, log_p = self.act(brain, batch["observations"], batch["noise"], batch.get("reflex"))
        done = numbers.tanh()
        along = (batch["slopes"] * (done - done.detach())).sum(-1)  # 0, with the slopes for a gradient
        loss = batch["temperature"].unsqueeze(-1) * log_p - batch["values"] - along
        return loss.mean(-1), {"entropy": -log_p.mean(-1).detach()}

    @property
    def heads(self) -> tuple[str, ...]:
        """What is asked of the brain."""
        return (self.actor, self.spread) if self.gate is None else (self.actor, self.spread, self.gate)

    def act(
        self, brain: Any, observations: Tensor, noise: Tensor, reflex: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Numbers (B, A) before tanh, and the log-density (B,) of what is done, for noise (B, A)."""
        output, log_std, *gate = brain(observations, self.sense, self.heads)
        if reflex is not None:
            output = Factors(numbers=noise.shape[-1]).moved(output, reflex, *gate)
        return squashed(output.chunk(2, -1)[0], log_std.clamp(*LOG_STD), noise)


def soft_targets(batch: Batch, values: Tensor, log_p: Tensor, temperature: Tensor) -> Tensor:
    """What the actions of a batch are worth: (..., B).

    ``rewards + discounts * (min(values) - temperature * log_p)`` where not terminated, ``rewards`` elsewhere.
    ``values`` (..., 2, B) are the twins' of the next observations and what the policy does there, with its log-density
    ``log_p`` (..., B); ``temperature`` (...). ``batch`` has rewards, discounts, terminated (..., B).
    """
    following = values.min(-2).values - temperature.unsqueeze(-1) * log_p
    following = following.masked_fill(batch["terminated"], 0.0)
    return batch["rewards"].to(following.dtype) + batch["discounts"].to(following.dtype) * following


def temperature_slope(log_p: Tensor, target: float) -> Tensor:
    """The gradient (...,) of ``-log_temperature * (log_p + target)`` along ``log_temperature``, for log p (..., B).

    ``target`` is the entropy that the policy is held to: the temperature rises where its own, ``-log_p``, is lower.
    """
    return -(log_p + target).mean(-1)
