"""The control for the scale of weights: a newborn's, scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.stacking import column
from devlearn.stages.shared.weight_rewrite import OTHERS, newborn_weights, rewrite_weights
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.rescale")
@final
class Rescale(Stage):
    """Replaces every weight and bias tensor by a newborn's, scaled to the norm that the learner's tensor had, once.

    The newborn is drawn by the brain's own initialisation (Kaiming uniform, by default), so what is left of the
    learner's life is one number for each tensor. A tensor that is born as zeros stays zero. A control, not a published
    method.
    """

    role = "control"
    units = ()
    stream_names = (OTHERS,)
    control = "scale"

    by: Literal["norm", "sd"] = Field(
        "norm", description="what is kept of each tensor: its Euclidean norm, or its entries' standard deviation"
    )

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: nn.Module) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own, rescaled = cohort.parameters(), {}
        for name, fresh in newborn_weights(cohort, context).items():
            scale = self._size(own[name]) / self._size(fresh)  # (N,), endless where it is born as zeros
            rescaled[name] = fresh * column(torch.where(scale.isinf(), 0.0, scale), fresh)
        rewrite_weights(cohort, rescaled)
        yield {}

    def _size(self, weights: Tensor) -> Tensor:
        """How large a tensor (N, *shape) is: (N,) float64."""
        flat = weights.flatten(1).double()
        spread = self.by == "sd" and flat.shape[1] > 1
        return flat.std(1) if spread else torch.linalg.vector_norm(flat, dim=1)
