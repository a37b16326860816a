"""The clipped surrogate of policy optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import torch
from devlearn.learners.objectives.factors import Factors, categorical, gaussian
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ClippedSurrogate:
    """PPO's loss (Schulman et al. 2017, eq. 9).

    Batch, (B, ...) each: observations, actions, log_p, advantages, returns, values. For a brain with memory they are
    sequences, (B, T, ...) each, with starts (B, T) and the hidden state before them, (B, H). Where not all actions are
    allowed, also masks (B, O) bool. Where a reflex acts, also reflex (B, O), which the actor's output is added to, and
    ``gate`` may be the head that scales it. ``factors`` say what an action is made of; without them it is one choice
    among all outputs of the actor (``discrete``), or Gaussian numbers.
    ``advantages`` are normalised over the minibatch when asked, the value loss is clipped around the old values when
    asked. Metrics: policy_loss, value_loss, entropy, approx_kl (the estimator of Schulman's note, k3), clip_fraction.
    """

    stacks: ClassVar[bool] = True
    sense: str
    actor: str
    critic: str
    discrete: bool
    clip: float = 0.2
    entropy: float = 0.0
    value: float = 0.5
    normalise_advantages: bool = True
    clip_values: bool = True
    factors: Factors | None = None
    gate: str | None = None

    def __call__(self, brain: Any, batch: Batch) -> Result:
        (policy, values, *gate), batch = self._outputs(brain, batch)
        if "reflex" in batch:
            assert self.factors is not None
            policy = self.factors.moved(policy, batch["reflex"], *gate)
        log_p, entropy = self._judge(policy, batch)
        log_ratio = log_p - batch["log_p"]
        ratio = log_ratio.exp()
        advantages = batch["advantages"]
        if self.normalise_advantages:
            deviation = advantages.std(-1, keepdim=True)
            advantages = (advantages - advantages.mean(-1, keepdim=True)) / (deviation + 1e-8)
        clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
        policy_loss = torch.maximum(-advantages * ratio, -advantages * clipped).mean(-1)
        value_loss = self._value_loss(values.squeeze(-1), batch)
        mean_entropy = entropy.mean(-1)
        loss = policy_loss - self.entropy * mean_entropy + self.value * value_loss
        with torch.no_grad():
            metrics = {
                "policy_loss": policy_loss,
                "value_loss": value_loss,
                "entropy": mean_entropy,
                "approx_kl": (ratio - 1 - log_ratio).mean(-1),
                "clip_fraction": ((ratio - 1).abs() > self.clip).to(ratio.dtype).mean(-1),
            }
        return loss, metrics

    def _outputs(self, brain: Any, batch: Batch) -> tuple[tuple[Tensor, ...], Batch]:
        """The outputs of actor, critic and gate, (B, ...) each, and the batch in the same rows: sequences are flat."""
        heads = (self.actor, self.critic) if self.gate is None else (self.actor, self.critic, self.gate)
        if "hidden" not in batch:
            return brain(batch["observations"], self.sense, heads), batch
        outputs, _ = brain(batch["observations"], self.sense, heads, batch["hidden"], batch["starts"])
        axis = batch["starts"].dim() - 2
        rows = batch.keys() - {"observations", "hidden", "starts"}
        return outputs, {name: batch[name].flatten(axis, axis + 1) for name in rows}

    def _judge(self, policy: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy, (B,) each, of the actions under the actor's output."""
        if self.factors is None:
            return (categorical if self.discrete else gaussian)(policy, batch["actions"])
        return self.factors.judge(policy, batch["actions"], batch.get("masks"))

    def _value_loss(self, values: Tensor, batch: Batch) -> Tensor:
        returns, old = batch["returns"], batch["values"]
        loss = (values - returns).square()
        if self.clip_values:
            near = old + (values - old).clamp(-self.clip, self.clip)
            loss = torch.maximum(loss, (near - returns).square())
        return 0.5 * loss.mean(-1)
