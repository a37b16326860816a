"""Weights that matter to earlier stages are pulled back to what they were: a quadratic penalty, weight by weight."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from devlearn.lazy import torch
from devlearn.learners.guard import Guard
from devlearn.stages.protections.protection import Protecting, Protection, Surcharge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from devlearn.learners.flops import Shapes
    from devlearn.learners.objectives import Objective
    from devlearn.stages.context import State
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.stages.stage import Stage

IMPORTANCE, CENTRE = "importance:", "centre:"


class Penalty(Protection):
    """Adds ``strength * sum_k importance_k (w_k - centre_k)^2`` to every loss, by its gradient in closed form.

    A weight that no loss of the stage reaches is left alone, as the read-outs of other tasks are.

    Attributes:
        scale: of the strength: 1, or 1/2 where the paper writes it so.
        tensors: how many numbers are kept for each weight.
    """

    scale: ClassVar[float] = 1.0
    tensors: ClassVar[int] = 2

    @property
    @abstractmethod
    def pull(self) -> float:
        """The strength."""

    @abstractmethod
    def importance(self, at: Protecting) -> Mapping[str, Tensor]:
        """How much each weight (N, *shape) matters to the stage that is over, by qualified name."""

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        return Surcharge(kept_bytes=self.tensors * _bytes(brain))

    def guard(self, at: Protecting) -> Guard:
        return PenaltyGuard(at.kept, 2 * self.scale * self.pull)

    def end(self, at: Protecting) -> None:
        weights = at.cohort.parameters()
        for name, matters in self.importance(at).items():
            self.remember(at.kept, name, matters, weights[name])

    def remember(self, kept: State, name: str, matters: Tensor, weight: Tensor) -> None:
        """Add up importances, each with its own weights as centre: the sum of quadratics is one quadratic.

        Its centre is the mean of the stages' weights, by importance; without any it is the last.
        """
        before = kept.get(IMPORTANCE + name, torch.zeros_like(weight))
        centre, total = kept.get(CENTRE + name, weight), before + matters
        share = torch.where(total > 0, matters / total, 1.0)
        kept[IMPORTANCE + name], kept[CENTRE + name] = total, centre + share * (weight - centre)


class PenaltyGuard(Guard):
    """Adds ``factor * importance * (w - centre)`` to gradients; without importances all weights matter alike."""

    def __init__(self, kept: State, factor: float) -> None:
        self.kept, self.factor = kept, factor

    def corrected(self, weights: Mapping[str, nn.Parameter]) -> None:
        if not self.factor:
            return
        for name, weight in weights.items():
            if weight.grad is not None and CENTRE + name in self.kept:
                away, matters = weight.detach() - self.kept[CENTRE + name], self.kept.get(IMPORTANCE + name)
                if matters is None:
                    weight.grad.add_(away, alpha=self.factor)
                else:
                    weight.grad.addcmul_(matters, away, value=self.factor)


def _bytes(brain: nn.Module) -> int:
    """Of all weights of a learner."""
    return sum(4 * weight.numel() for weight in brain.parameters())


def mean_gradients(
    at: Protecting,
    labelled: LabelledBatches,
    objective: Objective,
    samples: int,
    batch: int,
    of: Callable[[Tensor], Tensor],
    answered: Callable[[dict[str, Tensor], int], dict[str, Tensor]],
) -> dict[str, Tensor]:
    """The mean of ``of(gradient)`` over ``samples`` labelled images of a stage, {name: (N, *shape)}.

    ``batch`` images share a gradient; ``answered`` makes the minibatch, by its number, that the objective reads.
    """
    total: dict[str, Tensor] = {}
    count, drawn = shared(labelled, samples, batch)[0], replace(labelled, batch=batch)
    for number, images in zip(range(count), drawn.minibatches(at.context, 0, "protect"), strict=False):
        found, _ = at.cohort.gradients(objective, answered(images, number))
        for name, gradient in found.items():
            each = of(gradient) / count
            total[name] = each if name not in total else total[name].add_(each)
    return total


def shared(labelled: LabelledBatches, samples: int, batch: int) -> tuple[int, Shapes]:
    """How many gradients ``mean_gradients`` takes, and the shapes and dtypes of the minibatch of each."""
    drawn = replace(labelled, batch=batch)
    return math.ceil(min(samples, labelled.num_labels) / drawn.batch_size), drawn.shapes
