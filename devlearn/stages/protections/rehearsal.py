"""Old images beside new ones: what is learned from them, and what lets them pass by a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import F, torch
from devlearn.learners import flops
from devlearn.learners.guard import Guard
from devlearn.stages.protections.memory import UPDATES, Draws, read_outs, rehearsed, reservoir, taken
from devlearn.stages.protections.protection import HEADS, Protecting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from devlearn.learners.flops import Shapes
    from devlearn.learners.objectives import Objective
    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.stage import Stage


def cross_entropy(outputs: Sequence[Tensor], labels: Tensor, owners: Tensor) -> Tensor:
    """Mean cross-entropy of labels (M,), each by the read-out, of ``outputs`` (M, K) each, whose number it has."""
    losses: Any = 0.0
    for number, logits in enumerate(outputs):
        own = owners == number
        asked = torch.where(own, labels, 0).unsqueeze(-1)
        each = -F.log_softmax(logits, -1).gather(-1, asked).squeeze(-1)
        losses = losses + torch.where(own, each, 0.0)
    found: Tensor = losses.mean(-1)
    return found


@dataclass(frozen=True)
class OldLabels:
    """Cross-entropy of old labels.

    Batch: old_images (M, *shape), old_labels (M,) and old_owners (M,), which are numbers in ``heads``.
    """

    stacks: ClassVar[bool] = True
    sense: str
    heads: tuple[str, ...]

    def __call__(self, brain: Any, batch: Batch) -> Result:
        outputs = brain(batch["old_images"], self.sense, self.heads)
        return cross_entropy(outputs, batch["old_labels"], batch["old_owners"]), {}


@dataclass(frozen=True)
class Rehearsal:
    """An objective plus ``weight`` times that of old labels. Its metrics, and ``loss``, are the first one's alone."""

    stacks: ClassVar[bool] = True
    new: Objective
    old: OldLabels
    weight: float

    def __call__(self, brain: Any, batch: Batch) -> Result:
        loss, metrics = self.new(brain, batch)
        return loss + self.weight * self.old(brain, batch)[0], {"loss": loss, **metrics}


def added_flops(brain: nn.Module, stage: Stage, objective: Objective, more: Shapes) -> int:
    """What an update on ``objective``, whose minibatch has ``more``, costs beyond one on a stage's own."""
    labelled = rehearsed(stage)
    whole = flops.update(brain, objective, {**labelled.shapes, **more})
    return whole - flops.update(brain, labelled.objective, labelled.shapes)


class Remembering(Guard):
    """Lets what is shown pass by a reservoir, and counts updates.

    Args:
        at: who learns what.
        online: whether there is a reservoir; else slots are filled at the stage's end.
    """

    def __init__(self, at: Protecting, online: bool) -> None:
        self.at, self.kept, self.online = at, at.kept, online
        earlier = tuple(at.kept.get(HEADS, ()))
        self.of_stage = read_outs(earlier, at.stage) if online else earlier  # whose images there may be
        self.draws, self.chances = (Draws(at.context, "protect", name) for name in ("old", "reservoir"))
        self.shown: dict[str, Tensor] = {}

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        self.shown = batch
        return objective, batch

    @property
    def new(self) -> int:
        """How many new images this update shows; a ``change`` may make them more or fewer."""
        return int(self.shown["labels"].shape[1])

    def old(self, heads: Sequence[str], count: int) -> tuple[dict[str, Tensor], Tensor]:
        """So many old images for this update, and their slots."""
        return taken(self.kept, self.draws.at(self.kept[UPDATES], count), heads, self.of_stage)

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        if self.online:
            self.remember()
        self.kept[UPDATES] += 1

    def remember(self) -> tuple[Tensor, Tensor, Tensor]:
        """What ``reservoir`` gives."""
        chances = self.chances.at(self.kept[UPDATES], self.new)
        return reservoir(self.kept, self.shown, self.at.earlier, chances)
