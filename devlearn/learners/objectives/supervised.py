"""Cross-entropy on labels, and on answers of the learner's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import F, torch
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy on labels. Batch: images (B, H, W), labels (B,). Metric: accuracy on the batch.

    With starts (B, H) and hidden (B, memory) in it images are read row by row, and the answer is that to the last one.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        if "starts" in batch:
            seen = (batch["images"], self.sense, self.head, batch["hidden"], batch["starts"])
            logits = last_answers(brain(*seen)[0], batch["starts"])
        else:
            logits = brain(batch["images"], self.sense, self.head)  # (B, K)
        labels = batch["labels"]
        loss = -F.log_softmax(logits, -1).gather(-1, labels.unsqueeze(-1)).squeeze(-1).mean(-1)
        return loss, {"accuracy": (logits.detach().argmax(-1) == labels).to(logits.dtype).mean(-1)}


def last_answers(outputs: Tensor, starts: Tensor) -> Tensor:
    """What is answered to the last step of each sequence, (B, K), of outputs (B * T, K) to starts (B, T)."""
    answers: Tensor = outputs.unflatten(-2, starts.shape[-2:])[..., -1, :]
    return answers


@dataclass(frozen=True)
class OwnAnswers:
    """Cross-entropy on labels, plus that on answers of the learner's own: ``L + mean_b trust_b (-log p_b[answer_b])``.

    Batch: images (B, *shape), labels (B,); unlabelled (U, *shape) as they are shown, answers (U,) the classes that the
    learner itself gave them, trust (U,) what each is worth, 0 for those that are not believed. With the images as they
    are these are pseudo-labels (Lee 2013, eq. 15); with answers to light deformations and strong ones shown it is
    consistency (Sohn et al. 2020, eq. 4). Metric: accuracy on the labelled part.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        rows = batch["labels"].shape[-1]
        own, side = batch["unlabelled"], batch["labels"].dim() - 1  # the axis of images, whatever one's shape is
        shown = torch.cat([batch["images"].to(own.dtype), own], side)
        logits = brain(shown, self.sense, self.head)  # (B + U, K)
        targets = torch.cat([batch["labels"], batch["answers"]], -1)
        losses = -F.log_softmax(logits, -1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        loss = losses[..., :rows].mean(-1) + (batch["trust"] * losses[..., rows:]).mean(-1)
        right = logits.detach()[..., :rows, :].argmax(-1) == batch["labels"]
        return loss, {"accuracy": right.to(logits.dtype).mean(-1)}
