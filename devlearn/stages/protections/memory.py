"""A memory of labelled images in slots: how it is filled online, and how it is drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from devlearn.lazy import torch
from devlearn.stages.protections.protection import Protecting, Protection, unrehearsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from devlearn.learners.flops import Shapes
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.stages.stage import Stage
    from devlearn.tasks.data import DataSource

IMAGES, LABELS, STAGES = "images", "labels", "stages"  # of slots: (N, S, *shape) uint8, (N, S) and (N, S) int16
FILLED, SEEN = "filled", "seen"  # (N,) int64: how many slots are filled, from the first on; images that passed by
UPDATES = "updates"  # of this stage so far: what keys the draws
BLOCK = 64  # updates whose draws are made at once


# ---- what is kept --------------------------------------------------------------------------------------------------


def rehearsed(stage: Stage) -> LabelledBatches:
    """The labelled images of a stage that was not refused."""
    labelled = stage.rehearsed()
    assert labelled is not None
    return labelled


def read_outs(earlier: Sequence[str], stage: Stage) -> tuple[str, ...]:
    """The read-out of each protected stage, the last one's being that of ``stage``."""
    return (*earlier, rehearsed(stage).task.read_out)


class ImageMemory(Protection):
    """A protection that keeps images of earlier stages, in slots.

    Its guard is a ``rehearsal.Remembering``.
    """

    size: int = Field(500, ge=1, description="images kept in all")
    batch: int | None = Field(
        None, ge=1, description="old images of a draw, at every update; empty: as many as new ones"
    )

    def refusal(self, stage: Stage) -> str:
        if stage.rehearsed() is None:
            return f"{self.kind} keeps labelled images, and {unrehearsed(stage)}; take si, l2 or ewc"
        return ""

    def unlike(self, stage: Stage, before: Stage) -> str:
        own, earlier = rehearsed(stage).source, rehearsed(before).source
        if own.sense_name != earlier.sense_name:
            both = f"of {own.name}, {own.shape}, and of {earlier.name}, {earlier.shape}, before"
            return f"{self.kind} keeps images of one sense, and these are {both}; protect one data set, or take si"
        assert isinstance(before.protect, ImageMemory)
        if self.size != before.protect.size:
            return f"{self.kind} keeps {self.size:,} here and {before.protect.size:,} before; give them one size"
        return ""

    def begin(self, at: Protecting) -> None:
        labelled, n, device = rehearsed(at.stage), at.cohort.n, at.cohort.device
        at.kept[UPDATES] = 0
        if IMAGES not in at.kept:
            slots = (n, self.size)
            at.kept[IMAGES] = torch.zeros(*slots, *labelled.source.shape, dtype=torch.uint8, device=device)
            at.kept.update({name: torch.zeros(slots, dtype=torch.int16, device=device) for name in (LABELS, STAGES)})
            at.kept.update({name: torch.zeros(n, dtype=torch.int64, device=device) for name in (FILLED, SEEN)})

    def nbytes(self, stage: Stage) -> int:
        """What the slots hold, for one learner."""
        return self.size * (rehearsed(stage).source.numbers + 2 + 2) + 2 * 8

    def drawn(self, new: int) -> int:
        """How many old images a draw has beside so many new ones."""
        return self.batch or new


# ---- drawing from it -----------------------------------------------------------------------------------------------


class Draws:
    """Uniform numbers in [0, 1) for every update of a stage, (N, width): the same ones after a resume."""

    def __init__(self, context: Context, *names: str) -> None:
        self.context, self.names = context, names
        self.held, self.block = (-1, 0), torch.empty(0)

    def at(self, update: int, width: int) -> Tensor:
        number, row = divmod(update, BLOCK)
        if (number, width) != self.held:
            drawn = self.context.streams(*self.names, counter=number).random(BLOCK, width)
            self.held, self.block = (number, width), torch.from_numpy(drawn).to(self.context.device)
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


def shapes(source: DataSource, count: int) -> Shapes:
    """Of one learner's minibatch of ``count`` old images."""
    numbers = ((count,), torch.int64)
    return {
        "old_images": ((count, *source.shape), torch.uint8),
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
