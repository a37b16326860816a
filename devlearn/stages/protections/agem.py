"""A-GEM: no step may raise the loss on what is kept of earlier stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.stacking import column
from devlearn.stages.protections.memory import ImageMemory, rehearsed, shapes
from devlearn.stages.protections.protection import HEADS, Protecting, Surcharge, protection
from devlearn.stages.protections.rehearsal import OldLabels, Remembering
from devlearn.stages.protections.selection import at_random, refill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from devlearn.learners.guard import Guard
    from devlearn.stages.stage import Stage


@protection("agem")
@final
class AveragedGEM(ImageMemory):
    """A-GEM: takes from a gradient what would raise the loss on kept images of earlier stages.

    A gradient g becomes ``g - (g . r) / (r . r) r`` where ``g . r < 0``, and stays as it is otherwise. r is the
    gradient of the mean cross-entropy on ``batch`` old images, drawn anew at every update; the products are sums over
    a learner's weights. ``size`` images are kept as bytes, with their labels: when a stage ends, every class of every
    stage so far gets an equal share of them, at random.

    Source:
        Chaudhry et al. 2019, Efficient lifelong learning with A-GEM, eq. 11.

    Deviations:
        The products leave out weights that the stage's own loss does not reach, the read-outs of other tasks. Old
        images are drawn with replacement.
    """

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        labelled = rehearsed(stage)
        kept = self.nbytes(stage)
        if not earlier:
            return Surcharge(kept_bytes=kept, kept_images=self.size)
        shown, asked = self.drawn(labelled.batch_size), self._objective(stage, earlier)
        added = flops.update(brain, asked, shapes(labelled.source, shown))
        return Surcharge(shown, added, 0, kept, self.size)

    def guard(self, at: Protecting) -> Guard:
        return _Projecting(at, self)

    def end(self, at: Protecting) -> None:
        refill(at, at_random)

    def _objective(self, stage: Stage, earlier: tuple[str, ...]) -> OldLabels:
        return OldLabels(rehearsed(stage).source.sense_name, tuple(dict.fromkeys(earlier)))


class _Projecting(Remembering):
    def __init__(self, at: Protecting, own: AveragedGEM) -> None:
        super().__init__(at, False)
        self.own = own

    def corrected(self, weights: Mapping[str, nn.Parameter]) -> None:
        if not self.at.earlier:
            return
        asked = self.own._objective(self.at.stage, tuple(self.kept[HEADS]))
        own = {name: weight.grad for name, weight in weights.items() if weight.grad is not None}
        old, _ = self.at.cohort.gradients(asked, self.old(asked.heads, self.own.drawn(self.new))[0])
        for name, gradient in own.items():
            weights[name].grad = gradient
        project(own, old)


def project(gradients: Mapping[str, Tensor], old: Mapping[str, Tensor]) -> None:
    """Take from each learner's gradients (N, *shape), in place, what is against its old ones, where that is."""
    both = [(gradient, old[name]) for name, gradient in gradients.items() if name in old]
    against = torch.stack([(g * r).flatten(1).sum(1) for g, r in both]).sum(0)  # (N,)
    size = torch.stack([r.square().flatten(1).sum(1) for _, r in both]).sum(0)
    share = torch.where(against < 0, against / size, 0.0)
    for g, r in both:
        g.sub_(column(share, r) * r)
