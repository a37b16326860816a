"""Dark experience replay: old images are shown again with what was answered to them when they were new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from pydantic import Field

from devlearn.lazy import F, torch
from devlearn.learners import flops
from devlearn.stages.protections.memory import ImageMemory, read_outs, rehearsed, shapes
from devlearn.stages.protections.protection import HEADS, Protecting, Surcharge, protection
from devlearn.stages.protections.rehearsal import Remembering, added_flops, cross_entropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from devlearn.learners.guard import Guard
    from devlearn.learners.objectives import Objective
    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.stage import Stage

LOGITS = "logits"  # (N, S, K): what was answered to the image of a slot when it was shown


@protection("derpp")
@final
class DarkReplay(ImageMemory):
    """Dark experience replay: shows kept images again, held to their labels and to what was answered to them.

    Adds to a minibatch's loss ``alpha * mean (z - z*)^2 + beta * cross-entropy``, each on its own draw of ``batch``
    old images. z are an image's logits now, z* those with which it was answered when it was shown, by the read-out of
    its stage; the mean is over images and logits. ``size`` images are kept in all, with labels and logits, by a
    reservoir over all that were shown so far; a later stage draws from its own images too.

    Source:
        Buzzega et al. 2020, Dark experience for general continual learning, eq. 6 (DER++).

    Deviations:
        Squared differences are averaged over logits, as in the paper's program; eq. 6 sums them. The logits are asked
        for by a forward pass of its own, before the update; its images and FLOPs are counted. Old images are drawn with
        replacement, and from the second protected stage on: the paper's program asks its memory from the second
        minibatch on. With ``beta: 0`` (DER) that is worth much (``benchmarks/dark_replay.py``).
    """

    alpha: float = Field(0.1, ge=0, description="of the mean squared difference to the logits that are kept")
    beta: float = Field(0.5, ge=0, description="of the cross-entropy of the labels that are kept")

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        labelled = rehearsed(stage)
        images = torch.empty(labelled.shapes["images"][0], device="meta")
        heads = read_outs(earlier, stage)
        answers = flops.outputs(brain, images, labelled.source.sense_name, tuple(dict.fromkeys(heads)))
        outputs = max(each.shape[-1] for each in answers)
        added = flops.forward(brain, images, labelled.source.sense_name, heads[-1])
        kept = self.nbytes(stage) + self.size * outputs * 4
        drawn = self.drawn(labelled.batch_size)
        shown = self._draws * drawn if earlier else 0
        if shown:
            more = {**shapes(labelled.source, shown), "old_logits": ((shown, outputs), torch.float32)}
            added += added_flops(brain, stage, self._objective(labelled.objective, stage, earlier, drawn), more)
        return Surcharge(labelled.batch_size + shown, added, 0, kept, self.size)

    def begin(self, at: Protecting) -> None:
        super().begin(at)
        outputs, cohort = rehearsed(at.stage).task.outputs, at.cohort
        before = at.kept.get(LOGITS, torch.zeros(cohort.n, self.size, 0, dtype=cohort.dtype, device=cohort.device))
        at.kept[LOGITS] = F.pad(before, (0, max(0, outputs - before.shape[-1])))

    def guard(self, at: Protecting) -> Guard:
        return _Dark(at, self)

    @property
    def _draws(self) -> int:
        """How many of its two terms there are."""
        return bool(self.alpha) + bool(self.beta)

    def _objective(self, new: Objective, stage: Stage, earlier: tuple[str, ...], drawn: int) -> DarkRehearsal:
        heads = tuple(dict.fromkeys(read_outs(earlier, stage)))
        rows = drawn if self.alpha else 0
        return DarkRehearsal(new, rehearsed(stage).source.sense_name, heads, rows, self.alpha, self.beta)


@dataclass(frozen=True)
class DarkRehearsal:
    """An objective plus two terms on old images; its metrics, and ``loss``, are the first one's alone.

    Batch: old_images (M, *shape), old_labels and old_owners (M,), old_logits (M, K). The first ``rows`` of them are
    held to their logits, the others to their labels.
    """

    stacks: ClassVar[bool] = True
    new: Objective
    sense: str
    heads: tuple[str, ...]
    rows: int
    alpha: float
    beta: float

    def __call__(self, brain: Any, batch: Batch) -> Result:
        loss, metrics = self.new(brain, batch)
        outputs, rows = brain(batch["old_images"], self.sense, self.heads), self.rows
        whole, owners = loss, batch["old_owners"]
        if self.alpha:
            first = [each[..., :rows, :] for each in outputs]
            whole = whole + self.alpha * distance(first, batch["old_logits"][..., :rows, :], owners[..., :rows])
        if self.beta:
            rest = [each[..., rows:, :] for each in outputs]
            whole = whole + self.beta * cross_entropy(rest, batch["old_labels"][..., rows:], owners[..., rows:])
        return whole, {"loss": loss, **metrics}


def distance(outputs: Sequence[Tensor], wanted: Tensor, owners: Tensor) -> Tensor:
    """Mean squared difference to logits (M, K), each by the read-out whose number it has; outputs (M, <= K) each."""
    found: Any = 0.0
    for number, logits in enumerate(outputs):
        each = (logits - wanted[..., : logits.shape[-1]]).square().mean(-1)
        found = found + torch.where(owners == number, each, 0.0)
    mean: Tensor = found.mean(-1)
    return mean


class _Dark(Remembering):
    def __init__(self, at: Protecting, own: DarkReplay) -> None:
        super().__init__(at, True)
        self.own, self.answers = own, torch.empty(0)

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        super().extended(objective, batch)
        asked = rehearsed(self.at.stage).objective
        with torch.no_grad():
            self.answers = self.at.cohort(batch["images"], asked.sense, asked.head)  # (N, B, K)
        if not (self.own._draws and self.at.earlier):
            return objective, batch
        drawn = self.own.drawn(self.new)
        longer = self.own._objective(objective, self.at.stage, tuple(self.kept[HEADS]), drawn)
        old, slots = self.old(longer.heads, self.own._draws * drawn)
        rows = torch.arange(len(slots), device=slots.device).unsqueeze(1)
        return longer, {**batch, **old, "old_logits": self.kept[LOGITS][rows, slots]}

    def remember(self) -> tuple[Tensor, Tensor, Tensor]:
        rows, slots, items = super().remember()
        self.kept[LOGITS][rows, slots, : self.answers.shape[-1]] = self.answers[rows, items]
        return rows, slots, items
