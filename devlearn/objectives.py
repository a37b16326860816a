"""The losses of ONE learner, each a frozen description that is called with (brain, batch).

An objective returns its loss and metrics. It reduces trailing axes only, so the same code gives a scalar for one
learner and (N,) for a stacked cohort (``stacks``). Random numbers (masks, noise) enter as batch entries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from devlearn.brains import fed_back
from devlearn.brains.layers import feedback

Batch = dict[str, Tensor]
Result = tuple[Tensor, dict[str, Tensor]]
Objective = Callable[[Callable[..., Any], Any], tuple[Tensor, Mapping[str, Tensor]]]
Rule = Literal["backprop", "feedback_alignment"]


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy on labels. Batch: images (B, H, W), labels (B,). Metric: accuracy on the batch."""

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        logits = brain(batch["images"], self.sense, self.head)  # (B, K)
        labels = batch["labels"]
        loss = -F.log_softmax(logits, -1).gather(-1, labels.unsqueeze(-1)).squeeze(-1).mean(-1)
        return loss, {"accuracy": (logits.detach().argmax(-1) == labels).to(logits.dtype).mean(-1)}


@dataclass(frozen=True)
class OwnAnswers:
    """Cross-entropy on labels, plus that on answers of the learner's own: ``L + mean_b trust_b (-log p_b[answer_b])``.

    Batch: images (B, H, W), labels (B,); unlabelled (U, H, W) as they are shown, answers (U,) the classes that the
    learner itself gave them, trust (U,) what each is worth, 0 for those that are not believed. With the images as they
    are these are pseudo-labels (Lee 2013, eq. 15); with answers to light deformations and strong ones shown it is
    consistency (Sohn et al. 2020, eq. 4). Metric: accuracy on the labelled part.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        rows = batch["labels"].shape[-1]
        shown = torch.cat([batch["images"].to(batch["unlabelled"].dtype), batch["unlabelled"]], -3)
        logits = brain(shown, self.sense, self.head)  # (B + U, K)
        targets = torch.cat([batch["labels"], batch["answers"]], -1)
        losses = -F.log_softmax(logits, -1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        loss = losses[..., :rows].mean(-1) + (batch["trust"] * losses[..., rows:]).mean(-1)
        right = logits.detach()[..., :rows, :].argmax(-1) == batch["labels"]
        return loss, {"accuracy": right.to(logits.dtype).mean(-1)}


@dataclass(frozen=True)
class FeedbackAlignment:
    """Another objective, whose errors travel back by fixed random feedback in every layer behind the first.

    Loss and metrics are the other's. Source: Lillicrap et al. (2016), Random synaptic feedback weights support error
    backpropagation for deep learning. Their feedback is drawn uniformly, at a scale of its own; here as the weights.
    """

    other: Objective

    @property
    def stacks(self) -> bool:
        return getattr(self.other, "stacks", False)

    def __call__(self, brain: Any, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        with feedback():
            return self.other(brain, batch)


def learned_by(rule: Rule, objective: Objective) -> Objective:
    """The objective as the rule learns it."""
    return objective if rule == "backprop" else FeedbackAlignment(objective)


def check_rule(rule: Rule, brain: nn.Module) -> None:
    """Raises ValueError, with the mend, for a brain that can't learn by the rule."""
    if rule == "feedback_alignment" and not fed_back(name for name, _ in brain.named_buffers()):
        mend = "where needs.feedback is set, build the layers behind the first as Linear(.., fed_back=True)"
        raise ValueError(f"{type(brain).__name__} has no buffer 'feedback' for rule: feedback_alignment; {mend}")


def sample(log_p: Tensor, draws: Tensor) -> Tensor:
    """Classes (B, S) drawn from log-probabilities (B, K) by inverting their distribution at uniform draws (B, S)."""
    edges = log_p.exp().cumsum(-1)[..., :-1]  # (B, K - 1): the last class takes what rounding leaves
    return (draws.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)


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
        advantages = rewards - self._others(rewards) if self.baseline == "mean" else rewards
        loss = -(advantages * log_p.gather(-1, guesses)).mean((-2, -1))
        accuracy = (logits.detach().argmax(-1) == labels).to(logits.dtype).mean(-1)
        return loss, {"reward": rewards.mean((-2, -1)), "accuracy": accuracy}

    def _others(self, rewards: Tensor) -> Tensor:
        """The mean of all other rewards of the minibatch; 0 for a reward on its own."""
        others = max(rewards.shape[-2] * rewards.shape[-1] - 1, 1)
        return (rewards.sum((-2, -1), keepdim=True) - rewards) / others


def per_pixel(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Bernoulli cross-entropy and squared error, which has no gradient, of each pixel: (B, H * W) both.

    Logits are (B, H * W), targets (B, H, W) in bytes.
    """
    wanted = targets.flatten(-2).to(logits.dtype) / 255
    losses = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return losses, (torch.sigmoid(logits.detach()) - wanted).square()


@dataclass(frozen=True)
class Reconstruction:
    """Per-pixel Bernoulli cross-entropy of a target image. Batch: images (B, H, W) shown, targets (B, H, W) in bytes.

    With a corrupted image shown and the clean one as target this is the denoising autoencoder (Vincent et al. 2008);
    with a movie's next frame as target it is next-frame prediction. Metric: error, the mean squared error in 0..1.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        logits = brain(batch["images"], self.sense, self.head)  # (B, H * W)
        losses, squares = per_pixel(logits, batch["targets"])
        return losses.mean((-2, -1)), {"error": squares.mean((-2, -1))}


@dataclass(frozen=True)
class Inpainting:
    """Per-pixel Bernoulli cross-entropy where nothing was to be seen (masked patches: He et al. 2022).

    Batch: images (B, H, W) shown, targets (B, H, W) in bytes, hidden (B, H, W) bool: the pixels that count. Metric:
    error, the mean squared error of these pixels in 0..1.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        logits = brain(batch["images"], self.sense, self.head)  # (B, H * W)
        losses, squares = per_pixel(logits, batch["targets"])
        share = batch["hidden"].flatten(-2).to(logits.dtype)
        share = share / share.sum((-2, -1), keepdim=True).clamp(min=1)
        return (losses * share).sum((-2, -1)), {"error": (squares * share).sum((-2, -1))}


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
    return (F.softplus(logits) - logits * torch.sigmoid(logits)).sum(-1)


@dataclass(frozen=True)
class NTXent:
    """Which image is the other view of this one? Normalised temperature-scaled cross-entropy (Chen et al. 2020).

    Batch: images (B, H, W) and others (B, H, W), row by row two views of one thing, bytes or floats on one scale. All
    2B views are mapped to unit vectors; the softmax over the cosine similarities, divided by ``temperature``, of a view
    to the 2B - 1 others should pick its partner. Metric: accuracy, the share of views whose nearest other is its
    partner.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str
    temperature: float = 0.5

    def __call__(self, brain: Any, batch: Batch) -> Result:
        views = torch.cat([batch["images"], batch["others"]], -3)  # (2B, H, W)
        found = F.normalize(brain(views, self.sense, self.head), dim=-1)  # (2B, D)
        likeness = found @ found.transpose(-1, -2) / self.temperature  # (2B, 2B)
        count = likeness.shape[-1]
        likeness = likeness.masked_fill(torch.eye(count, dtype=torch.bool, device=likeness.device), -torch.inf)
        partner = torch.arange(count, device=likeness.device).roll(count // 2).expand(likeness.shape[:-1])
        loss = -F.log_softmax(likeness, -1).gather(-1, partner.unsqueeze(-1)).squeeze(-1).mean(-1)
        return loss, {"accuracy": (likeness.detach().argmax(-1) == partner).to(likeness.dtype).mean(-1)}


def categorical(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability of actions (B,) and entropy (B,) under logits (B, A)."""
    log_p = F.log_softmax(logits, -1)
    return log_p.gather(-1, actions.unsqueeze(-1)).squeeze(-1), -(log_p.exp() * log_p).sum(-1)


def gaussian(parameters: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-density of actions (B, A) and entropy (B,) under a diagonal Gaussian: means, log deviations (B, 2A)."""
    mean, log_std = parameters.chunk(2, -1)
    half_log_tau = 0.9189385332046727  # log(2 pi) / 2
    log_p = -0.5 * ((actions - mean) * (-log_std).exp()).square() - log_std - half_log_tau
    return log_p.sum(-1), (log_std + 0.5 + half_log_tau).sum(-1)


@dataclass(frozen=True)
class ClippedSurrogate:
    """PPO's loss (Schulman et al. 2017, eq. 9).

    Batch, (B, ...) each: observations, actions, log_p, advantages, returns, values. For a brain with memory they are
    sequences, (B, T, ...) each, with starts (B, T) and the hidden state before them, (B, H).
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

    def __call__(self, brain: Any, batch: Batch) -> Result:
        (policy, values), batch = self._outputs(brain, batch)
        log_p, entropy = (categorical if self.discrete else gaussian)(policy, batch["actions"])
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

    def _outputs(self, brain: Any, batch: Batch) -> tuple[tuple[Tensor, Tensor], Batch]:
        """The outputs of actor and critic, (B, ...) each, and the batch in the same rows: sequences are flattened."""
        heads = (self.actor, self.critic)
        if "hidden" not in batch:
            return brain(batch["observations"], self.sense, heads), batch
        outputs, _ = brain(batch["observations"], self.sense, heads, batch["hidden"], batch["starts"])
        axis = batch["starts"].dim() - 2
        rows = ("actions", "log_p", "advantages", "returns", "values")
        return outputs, {name: batch[name].flatten(axis, axis + 1) for name in rows}

    def _value_loss(self, values: Tensor, batch: Batch) -> Tensor:
        returns, old = batch["returns"], batch["values"]
        loss = (values - returns).square()
        if self.clip_values:
            near = old + (values - old).clamp(-self.clip, self.clip)
            loss = torch.maximum(loss, (near - returns).square())
        return 0.5 * loss.mean(-1)


@dataclass(frozen=True)
class MutualInformation:
    """Invariant information clustering (Ji et al. 2019, eq. 3 to 5): an image and its other view belong together.

    Batch: images (B, H, W), others (B, H, W), row by row two views of one thing. Each head has S sub-heads of K
    clusters, (B, S * K) logits. Of each sub-head the joint distribution P (K, K) of the two assignments is averaged
    over the batch and over the order of the views; the loss is minus its mutual information in nats, averaged over
    sub-heads and summed over heads. ``balance`` weighs the entropies: with more than 1, equal clusters count more.
    Metric: information, the first head's mutual information, averaged over its sub-heads.
    """

    stacks: ClassVar[bool] = True
    sense: str
    heads: tuple[str, ...]
    clusters: tuple[int, ...]
    balance: float = 1.0

    def __call__(self, brain: Any, batch: Batch) -> Result:
        seen = torch.cat([batch["images"], batch["others"]], -3)  # (2B, H, W)
        pairs = list(zip(brain(seen, self.sense, self.heads), self.clusters, strict=True))
        found = [information(joint(logits, size), self.balance).mean(-1) for logits, size in pairs]
        loss = -torch.stack(found).sum(0)
        with torch.no_grad():
            told = information(joint(*pairs[0])).mean(-1)
        return loss, {"information": told}


def joint(logits: Tensor, clusters: int) -> Tensor:
    """Logits (2B, S * K), the two views one after the other -> the joint distribution of each sub-head, (S, K, K)."""
    p = logits.unflatten(-1, (-1, clusters)).softmax(-1).transpose(-3, -2)  # (S, 2B, K)
    one, other = p.chunk(2, -2)
    both = one.mT @ other / one.shape[-2]
    return (both + both.mT) / 2


def information(both: Tensor, balance: float = 1.0) -> Tensor:
    """Mutual information in nats of joint distributions (..., K, K): (...). ``balance`` weighs the two entropies."""
    tiny = torch.finfo(both.dtype).tiny
    logs, rows, columns = (p.clamp(min=tiny).log() for p in (both, both.sum(-1, True), both.sum(-2, True)))
    return (both * (logs - balance * (rows + columns))).sum((-2, -1))
