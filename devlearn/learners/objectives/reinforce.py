"""Guesses judged right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from devlearn.lazy import F
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


def sample(log_p: Tensor, draws: Tensor) -> Tensor:
    """Classes (B, S) drawn from log-probabilities (B, K) by inverting their distribution at uniform draws (B, S)."""
    edges = log_p.exp().cumsum(-1)[..., :-1]  # (B, K - 1): the last class takes what rounding leaves
    return (draws.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)


def mean_of_others(rewards: Tensor) -> Tensor:
    """For each reward (B, S) the mean of all others of the minibatch; 0 for a reward on its own."""
    others = max(rewards.shape[-2] * rewards.shape[-1] - 1, 1)
    return (rewards.sum((-2, -1), keepdim=True) - rewards) / others


@dataclass(frozen=True)
class Reinforce:
    """Guesses from the softmax, judged right (1) or wrong (0): REINFORCE (Williams 1992).

    Batch: images (B, H, W), labels (B,), draws (B, S) uniform in [0, 1), one a guess. The labels judge guesses and do
    nothing else. In expectation over the draws the gradient is that of the accuracy of guessing, p_y, averaged over
    images: p_y times the cross-entropy's. ``baseline: mean`` takes from each reward the mean of all the *other* rewards
    of the minibatch, which does not depend on the guess: the expectation stays (Kool et al. 2019); the plain mean would
    shrink it by 1 - 1/(B S). Metrics: reward, the share of right guesses; accuracy of the likeliest class.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str
    baseline: Literal["none", "mean"] = "mean"

    def __call__(self, brain: Any, batch: Batch) -> Result:
        logits = brain(batch["images"], self.sense, self.head)  # (B, K)
        log_p, labels = F.log_softmax(logits, -1), batch["labels"]
        guesses = sample(log_p.detach(), batch["draws"])  # (B, S)
        rewards = (guesses == labels.unsqueeze(-1)).to(logits.dtype)
        advantages = rewards - mean_of_others(rewards) if self.baseline == "mean" else rewards
        loss = -(advantages * log_p.gather(-1, guesses)).mean((-2, -1))
        accuracy = (logits.detach().argmax(-1) == labels).to(logits.dtype).mean(-1)
        return loss, {"reward": rewards.mean((-2, -1)), "accuracy": accuracy}
