"""Synaptic intelligence: weights that did much of the work are held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.stages.protections.penalty import CENTRE, IMPORTANCE, Penalty, PenaltyGuard
from devlearn.stages.protections.protection import Protecting, Surcharge, protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from devlearn.stages.context import State
    from devlearn.stages.stage import Stage

PATH, START = "path:", "start:"


@protection("si")
@final
class SynapticIntelligence(Penalty):
    """Synaptic intelligence: holds weights that did much of the learning, by a penalty on moving them.

    Adds ``strength * sum_k O_k (w_k - w*_k)^2`` to the loss; w* are the weights at the last stage's end. O adds up over
    stages: ``path_k / (D_k^2 + damping)``. path is the sum over updates of ``-g_k * (change of w_k)``, where g is the
    gradient of the stage's own loss, without the penalty; D is how far a weight came from the stage's start to its
    end. O may be negative. It works for every stage that learns by gradients, and keeps two numbers for each weight:
    O and w*.

    Source:
        Zenke et al. 2017, eq. 4 and 5.

    Deviations:
        None from the paper; its program takes 0 where O is negative.
    """

    tensors = 2

    strength: float = Field(0.1, ge=0, description="of the penalty: c")
    damping: float = Field(0.1, gt=0, description="of the importance of weights that hardly moved: xi")

    @property
    def pull(self) -> float:
        return self.strength

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        own = super().cost(stage, brain, earlier)
        return replace(own, memory=own.kept_bytes)

    def begin(self, at: Protecting) -> None:
        for name, weight in at.cohort.parameters().items():
            at.kept[PATH + name], at.kept[START + name] = torch.zeros_like(weight), weight.clone()

    def guard(self, at: Protecting) -> PathGuard:
        return PathGuard(at.kept, 2 * self.strength)

    def importance(self, at: Protecting) -> Mapping[str, Tensor]:
        found = {}
        for name, weight in at.cohort.parameters().items():
            moved = weight - at.kept.pop(START + name)
            found[name] = at.kept.pop(PATH + name) / (moved**2 + self.damping)
        return found

    def remember(self, kept: State, name: str, matters: Tensor, weight: Tensor) -> None:
        before = kept.get(IMPORTANCE + name, torch.zeros_like(weight))
        kept[IMPORTANCE + name], kept[CENTRE + name] = before + matters, weight.clone()


class PathGuard(PenaltyGuard):
    """Adds up minus gradient times movement besides."""

    def __init__(self, kept: State, factor: float) -> None:
        super().__init__(kept, factor)
        self.before: dict[str, tuple[Tensor, Tensor]] = {}

    def corrected(self, weights: Mapping[str, nn.Parameter]) -> None:
        reached = {name: weight for name, weight in weights.items() if weight.grad is not None}
        self.before = {name: (weight.detach().clone(), weight.grad.clone()) for name, weight in reached.items()}  # type: ignore[union-attr]
        super().corrected(weights)

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        for name, (before, gradient) in self.before.items():
            self.kept[PATH + name].addcmul_(gradient, weights[name].detach() - before, value=-1)
