"""Weights are made smaller and noisier, so that a network can go on learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.guard import Guard
from devlearn.stages.fields import Count
from devlearn.stages.protections.protection import Protecting, Protection, protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

DONE = "done"


@protection("shrink_perturb")
@final
class ShrinkPerturb(Protection):
    """Makes all weights smaller and noisier, when a stage begins or steadily.

    Replaces every weight w, biases and read-outs too, by ``shrink * w + noise * z``, with z standard normal and drawn
    anew for each. By default that is once, when the second protected stage begins, and each after it; with ``every`` it
    is after so many updates, again and again, from the first protected stage on. It keeps nothing.

    Source:
        Ash and Adams 2020, On warm-starting neural network training, section 4 (between data sets); Dohare et al. 2024,
        Loss of plasticity in deep continual learning (a little of it at every update).

    Deviations:
        None.
    """

    shrink: float = Field(0.4, ge=0, le=1, description="what every weight is multiplied by")
    noise: float = Field(0.01, ge=0, description="standard deviation of what is added to every weight")
    every: Count | None = Field(None, description="updates between two times; empty: when a stage begins")

    def begin(self, at: Protecting) -> None:
        at.kept[DONE] = 0
        if at.earlier and self.every is None:
            self.apply(at, dict(at.cohort.parameters()))

    def guard(self, at: Protecting) -> Guard:
        return Guard() if self.every is None else _Steadily(self, at)

    def apply(self, at: Protecting, weights: Mapping[str, Any]) -> None:
        """Change ``weights`` (N, *shape) in place."""
        if self.shrink == 1 and not self.noise:
            return
        sizes = [weight[0].numel() for weight in weights.values()]
        drawn = torch.from_numpy(at.context.streams("protect", counter=at.kept[DONE]).normal(sum(sizes)))
        with torch.no_grad():
            for weight, noise in zip(weights.values(), drawn.to(at.cohort.device).split(sizes, 1), strict=True):
                weight.mul_(self.shrink).add_(noise.view_as(weight), alpha=self.noise)


class _Steadily(Guard):
    def __init__(self, own: ShrinkPerturb, at: Protecting) -> None:
        self.own, self.at = own, at

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        self.at.kept[DONE] += 1
        assert self.own.every is not None
        if self.at.kept[DONE] % self.own.every == 0:
            self.own.apply(self.at, weights)
