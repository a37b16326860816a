"""What is learned from what a caregiver says of a guess, and of a picture in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from devlearn.lazy import F, torch
from devlearn.learners.objectives.objective import Batch, Result
from devlearn.learners.objectives.reinforce import mean_of_others

if TYPE_CHECKING:
    from torch import Tensor

FeedbackRule = Literal["likelihood", "reinforce", "coach", "tamer"]


def partial_label(log_p: Tensor, possible: Tensor) -> Tensor:
    """``-log`` of the probability that log_p (B, K) gives to each set of answers (B, S, K) bool: (B, S)."""
    return -log_p.unsqueeze(-2).masked_fill(~possible, -torch.inf).logsumexp(-1)


@dataclass(frozen=True)
class Feedback:
    """Guesses about images that a caregiver has answered, by one of four rules.

    Batch: images (B, *shape), guesses (B, S), right (B, S) 1 or 0, possible (B, S, K) bool the answers that are left,
    heard (B, S) 1 or 0. With logits z and p = softmax(z) the loss of a guess a that was judged r is

    - ``likelihood``: ``-log sum_k p_k`` over the answers k that are left; the cross-entropy where one is;
    - ``reinforce``: ``-(r - baseline) log p_a`` (Williams 1992), the baseline as in ``Reinforce``;
    - ``coach``: ``-(2 r - 1) log p_a``: the feedback, 1 or -1, is the advantage (MacGlashan et al. 2017);
    - ``tamer``: ``(z_a - r)^2``: logits foretell the judgement (Knox and Stone 2009).

    What was not heard counts 0 in the mean. ``naming`` adds its loss, ``weight`` times.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str
    rule: FeedbackRule
    baseline: Literal["none", "mean"] = "mean"
    naming: Naming | None = None
    weight: float = 1.0

    def __call__(self, brain: Any, batch: Batch) -> Result:
        if self.naming is None:
            return self._guesses(brain(batch["images"], self.sense, self.head), batch), {}
        logits, meaning = brain(batch["images"], self.sense, (self.head, self.naming.head))
        words, metrics = self.naming.of(brain, meaning, batch)
        return self._guesses(logits, batch) + self.weight * words, metrics

    def _guesses(self, logits: Tensor, batch: Batch) -> Tensor:
        guesses, right = batch["guesses"], batch["right"].to(logits.dtype)
        if self.rule == "tamer":
            losses = (logits.gather(-1, guesses) - right) ** 2
        elif self.rule == "likelihood":
            losses = partial_label(F.log_softmax(logits, -1), batch["possible"])
        else:
            rewards = right - mean_of_others(right) if self.baseline == "mean" else right
            advantages = 2 * right - 1 if self.rule == "coach" else rewards
            losses = -advantages * F.log_softmax(logits, -1).gather(-1, guesses)
        return (batch["heard"].to(logits.dtype) * losses).mean((-2, -1))


@dataclass(frozen=True)
class Naming:
    """Which words belong to a picture: pictures and words have meanings (D,) by one head, and like ones are near.

    Batch: images (B, *shape), text (V, 1) the vocabulary, words (B, A) the word of each attribute, counted within it,
    spoken (B, A) 1 or 0. ``sizes`` are the words of each attribute; they make the vocabulary one after another. A word
    is as likely as the softmax, over the words of its attribute, of ``m(image) m(word) / sqrt(D)`` (as Radford et al.
    2021, from pictures to words). Metric: comprehension, the share of words that are the likeliest.
    """

    stacks: ClassVar[bool] = True
    sense: str
    speech: str
    head: str
    sizes: tuple[int, ...]

    def __call__(self, brain: Any, batch: Batch) -> Result:
        return self.of(brain, brain(batch["images"], self.sense, self.head), batch)

    def of(self, brain: Any, meaning: Tensor, batch: Batch) -> Result:
        """The loss of words for the meanings (B, D) of images, and its metrics."""
        scores = self.scores(meaning, brain(batch["text"], self.speech, self.head))
        words, spoken = batch["words"], batch["spoken"].to(meaning.dtype)
        told = [F.log_softmax(own, -1).gather(-1, words[..., [i]]) for i, own in enumerate(scores)]
        return -(spoken * torch.cat(told, -1)).mean((-2, -1)), {"comprehension": self.understood(scores, words)}

    def scores(self, pictures: Tensor, words: Tensor) -> tuple[Tensor, ...]:
        """What (B, D) have in common with (V, D), by attribute: (B, V_a) each."""
        found = pictures @ words.transpose(-1, -2) / pictures.shape[-1] ** 0.5
        parts: tuple[Tensor, ...] = found.split(self.sizes, -1)
        return parts

    def understood(self, scores: tuple[Tensor, ...], words: Tensor) -> Tensor:
        """The share of words (B, A) that are the likeliest of their attribute."""
        likeliest = torch.stack([own.detach().argmax(-1) for own in scores], -1)
        return (likeliest == words).to(scores[0].dtype).mean((-2, -1))
