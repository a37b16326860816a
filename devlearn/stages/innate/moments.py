"""The control for a distribution of weights: noise with the same mean and spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.shared.weight_rewrite import normal, rewrite_weights
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.moments")
@final
class Moments(Stage):
    """Replaces every weight and bias tensor by Gaussian noise with the same mean and standard deviation, once.

    Both are kept exactly: the draws are standardised within the tensor. What else the tensor's distribution had, its
    tails above all, is gone together with the arrangement; a shuffle keeps it. A tensor of one number is left alone. A
    control, not a published method.
    """

    role = "control"
    units = ()
    stream_names = ("noise",)
    control = "moments"

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: nn.Module) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own = cohort.parameters()
        rewrite_weights(cohort, {name: self._noise(name, weights, context) for name, weights in own.items()})
        yield {}

    def _noise(self, name: str, weights: Tensor, context: Context) -> Tensor:
        """Noise in place of a tensor (N, *shape)."""
        flat = weights.flatten(1).double()  # (N, D)
        if flat.shape[1] == 1:
            return weights
        noise = normal(context, "noise", name, flat, flat.shape[1])
        noise = (noise - noise.mean(1, keepdim=True)) / noise.std(1, keepdim=True)
        sd, mean = torch.std_mean(flat, 1, keepdim=True)
        return (mean + sd * noise).view_as(weights)
