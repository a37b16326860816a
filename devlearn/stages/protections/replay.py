"""Replay: some images of earlier stages are shown again beside the new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.stages.protections.memory import ImageMemory, read_outs, rehearsed, shapes
from devlearn.stages.protections.protection import HEADS, Protecting, Surcharge, protection
from devlearn.stages.protections.rehearsal import OldLabels, Rehearsal, Remembering, added_flops
from devlearn.stages.protections.selection import at_random, herded, refill

if TYPE_CHECKING:
    from torch import nn

    from devlearn.learners.guard import Guard
    from devlearn.learners.objectives import Objective
    from devlearn.stages.stage import Stage


@protection("replay")
@final
class Replay(ImageMemory):
    """Replay: shows kept images of earlier stages again, with their labels, beside the new ones.

    Adds to a minibatch's loss ``weight`` times the mean cross-entropy of ``batch`` old images, each answered by the
    read-out of its own stage. ``size`` images are kept as bytes, with their labels; ``select`` says which:

    - ``reservoir``: of all that were shown so far, each is kept with the same probability, and one that was shown twice
      counts twice; a later stage draws from its own images too.
    - ``balanced``: when a stage ends, every class of every stage so far gets an equal share, at random.
    - ``herding``: the same shares, of the images whose mean is nearest to that of their class. Means are of the last
      hidden layer, scaled to length 1.

    Source:
        Ratcliff 1990; reservoir: Vitter 1985, algorithm R, and Chaudhry et al. 2019, On tiny episodic memories;
        herding: Rebuffi et al. 2017, iCaRL, algorithm 4.

    Deviations:
        Old images are drawn with replacement. iCaRL's loss and its classification by nearest means are not here. What
        herding's choice takes beyond one look at each image is not counted.
    """

    select: Literal["reservoir", "balanced", "herding"] = Field("reservoir", description="which ones are kept")
    weight: float = Field(1.0, ge=0, description="of the loss on old images, that on new ones having 1")

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        labelled, closing, held = rehearsed(stage), 0, 0
        if self.select == "herding":
            closing, held = _features(brain, stage)
        shown = self.drawn(labelled.batch_size) if self.weight and earlier else 0
        added = 0
        if shown:
            objective = self._objective(labelled.objective, stage, earlier)
            added = added_flops(brain, stage, objective, shapes(labelled.source, shown))
        kept = self.nbytes(stage)
        return Surcharge(shown, added, closing, kept, self.size, held)

    def guard(self, at: Protecting) -> Guard:
        return _Replaying(at, self)

    def end(self, at: Protecting) -> None:
        if self.select != "reservoir":
            refill(at, at_random if self.select == "balanced" else herded(at))

    def _objective(self, new: Objective, stage: Stage, earlier: tuple[str, ...]) -> Rehearsal:
        there = read_outs(earlier, stage) if self.select == "reservoir" else earlier
        heads = tuple(dict.fromkeys(there))
        return Rehearsal(new, OldLabels(rehearsed(stage).source.sense_name, heads), self.weight)


def _features(brain: nn.Module, stage: Stage) -> tuple[int, int]:
    """FLOPs and bytes of the features of all labelled images of a stage. Raises ValueError for a brain without any."""
    if not hasattr(brain, "features"):
        raise ValueError(f"herding reads features, and {type(brain).__name__} has none; take select: balanced")
    labelled, found = rehearsed(stage), []
    sense, shape = labelled.source.sense_name, (1, *labelled.source.shape)

    def program(device: str) -> None:
        model: Any = flops.blank(brain, device)
        found.append(model.features(torch.zeros(shape, dtype=torch.uint8, device=device), sense)[-1].shape[-1])

    with torch.no_grad():
        spent = flops.of(program)
    return labelled.num_labels * spent, 4 * labelled.num_labels * found[0]


class _Replaying(Remembering):
    def __init__(self, at: Protecting, own: Replay) -> None:
        super().__init__(at, own.select == "reservoir")
        self.own = own

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        super().extended(objective, batch)
        if not (self.own.weight and self.at.earlier):
            return objective, batch
        longer = self.own._objective(objective, self.at.stage, tuple(self.kept[HEADS]))
        return longer, {**batch, **self.old(longer.old.heads, self.own.drawn(self.new))[0]}
