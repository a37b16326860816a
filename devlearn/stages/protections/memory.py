"""A memory of labelled images in slots: who fills them, how they are drawn from, and what is learned from them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import F, torch
from devlearn.learners import flops
from devlearn.learners.guard import Guard
from devlearn.stages.protections.protection import HEADS, Protecting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from devlearn.learners.flops import Shapes
    from devlearn.learners.objectives import Objective
    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.stages.stage import Stage

IMAGES, LABELS, STAGES = "images", "labels", "stages"  # of slots: (N, S, *shape) uint8, (N, S) and (N, S) int16
FILLED, SEEN = "filled", "seen"  # (N,) int64: how many slots are filled, from the first on; images that passed by
UPDATES = "updates"  # of this stage so far: what keys the draws
BLOCK = 64  # updates whose draws are made at once


# ---- what is kept --------------------------------------------------------------------------------------------------


def begin(at: Protecting, size: int) -> None:
    """Make empty slots, where there are none yet, and count a stage's updates from 0."""
    labelled, n, device = rehearsed(at.stage), at.cohort.n, at.cohort.device
    at.kept[UPDATES] = 0
    if IMAGES not in at.kept:
        at.kept[IMAGES] = torch.zeros(n, size, *labelled.source.shape, dtype=torch.uint8, device=device)
        at.kept.update({name: torch.zeros(n, size, dtype=torch.int16, device=device) for name in (LABELS, STAGES)})
        at.kept.update({name: torch.zeros(n, dtype=torch.int64, device=device) for name in (FILLED, SEEN)})


def nbytes(labelled: LabelledBatches, size: int) -> int:
    """What so many slots hold, for one learner."""
    return size * (labelled.source.numbers + 2 + 2) + 2 * 8


def rehearsed(stage: Stage) -> LabelledBatches:
    """The labelled images of a stage that was not refused."""
    labelled = stage.rehearsed()
    assert labelled is not None
    return labelled


def refusal(kind: str, stage: Stage) -> str:
    """Why a stage has no images that could be kept, with the mend; empty where it has."""
    if stage.rehearsed() is None:
        return f"{kind} keeps labelled images, and {stage.kind} has none with these keys; take si, l2 or ewc"
    return ""


def unlike(kind: str, stage: Stage, before: Stage, size: tuple[int, int]) -> str:
    """Why images of an earlier stage don't fit into this one's memory, with the mend; empty where they do."""
    own, earlier = rehearsed(stage).source, rehearsed(before).source
    if own.sense_name != earlier.sense_name:
        both = f"of {own.name}, {own.shape}, and of {earlier.name}, {earlier.shape}, before"
        return f"{kind} keeps images of one sense, and these are {both}; protect stages of one data set, or take si"
    if size[0] != size[1]:
        return f"{kind} keeps {size[0]:,} here and {size[1]:,} in a stage before; give them one size"
    return ""


def read_outs(earlier: Sequence[str], stage: Stage) -> tuple[str, ...]:
    """The read-out of each protected stage, the last one's being that of ``stage``."""
    return (*earlier, rehearsed(stage).task.read_out)


# ---- drawing from it -----------------------------------------------------------------------------------------------


class Draws:
    """Uniform numbers in [0, 1) for every update of a stage, (N, width): the same ones after a resume."""

    def __init__(self, context: Context, name: str, width: int) -> None:
        self.context, self.name, self.width = context, name, width
        self.number, self.block = -1, torch.empty(0)

    def at(self, update: int) -> Tensor:
        number, row = divmod(update, BLOCK)
        if number != self.number:
            drawn = self.context.streams("protect", self.name, counter=number).random(BLOCK, self.width)
            self.number, self.block = number, torch.from_numpy(drawn).to(self.context.device)
        return self.block[:, row]


def taken(kept: State, u: Tensor, heads: Sequence[str], of_stage: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
    """Images drawn uniformly, with replacement, by u (N, M): a minibatch for ``Rehearsal``, and their slots (N, M).

    ``of_stage`` is the read-out of each protected stage, in order.
    """
    slots = (u.double() * kept[FILLED].unsqueeze(1)).long()
    rows = torch.arange(len(slots), device=slots.device).unsqueeze(1)
    place = torch.tensor([heads.index(name) for name in of_stage], device=slots.device)
    owners = place[kept[STAGES][rows, slots].long()]
    labels = kept[LABELS][rows, slots].long()
    return {"old_images": kept[IMAGES][rows, slots], "old_labels": labels, "old_owners": owners}, slots


def shapes(labelled: LabelledBatches, count: int) -> Shapes:
    """Of one learner's minibatch of ``count`` old images."""
    numbers = ((count,), torch.int64)
    return {
        "old_images": ((count, *labelled.source.shape), torch.uint8),
        "old_labels": numbers,
        "old_owners": numbers,
    }


# ---- filling it ----------------------------------------------------------------------------------------------------


def reservoir(kept: State, batch: Mapping[str, Tensor], stage: int, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Let images (N, B, *shape) pass by a reservoir, by u (N, B); which learner, slot and image met: (X,) each.

    Vitter's algorithm R: the t-th image takes a free slot, or else takes the place of a random one with probability
    S / t, so that at any time each image that passed by is kept with the same probability. Of two images that take
    one slot in a minibatch the later one stays.
    """
    labels, size = batch["labels"], kept[LABELS].shape[1]
    (n, count), device = labels.shape, labels.device
    order = torch.arange(count, device=device).expand(n, -1)
    number = kept[SEEN].unsqueeze(1) + order  # images that passed by before each
    slots = torch.where(number < size, number, (u.double() * (number + 1)).long())
    last = torch.full((n, size + 1), -1, dtype=torch.int64, device=device)  # the last column is of those not kept
    last.scatter_reduce_(1, slots.clamp(max=size), order, "amax")
    rows, slot = (last[:, :size] >= 0).nonzero(as_tuple=True)
    item = last[rows, slot]
    kept[IMAGES][rows, slot] = as_bytes(batch["images"][rows, item])
    kept[LABELS][rows, slot] = labels[rows, item].to(torch.int16)
    kept[STAGES][rows, slot] = stage
    kept[SEEN] += count
    torch.clamp(kept[SEEN], max=size, out=kept[FILLED])
    return rows, slot, item


def as_bytes(images: Tensor) -> Tensor:
    """Images as they are kept: those that were deformed are rounded."""
    return images if images.dtype == torch.uint8 else images.round().clamp(0, 255).to(torch.uint8)


# ---- learning from it ----------------------------------------------------------------------------------------------


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
    """Cross-entropy of old labels. Batch: old_images (M, *shape), old_labels and old_owners (M,): numbers in ``heads``."""

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
        width: how many old images an update draws.
    """

    def __init__(self, at: Protecting, online: bool, width: int) -> None:
        self.at, self.kept, self.online = at, at.kept, online
        self.of_stage = read_outs(at.kept.get(HEADS, ()), at.stage)
        self.draws = Draws(at.context, "old", width)
        self.chances = Draws(at.context, "reservoir", rehearsed(at.stage).batch_size)
        self.shown: dict[str, Tensor] = {}

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        self.shown = batch
        return objective, batch

    def old(self, heads: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Old images for this update, and their slots."""
        return taken(self.kept, self.draws.at(self.kept[UPDATES]), heads, self.of_stage)

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        if self.online:
            self.remember()
        self.kept[UPDATES] += 1

    def remember(self) -> tuple[Tensor, Tensor, Tensor]:
        """What ``reservoir`` gives."""
        return reservoir(self.kept, self.shown, self.at.earlier, self.chances.at(self.kept[UPDATES]))
