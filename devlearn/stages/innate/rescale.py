"""The control for the scale of weights: a newborn's, scaled."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.learners.stacking import column
from devlearn.stages.context import Context
from devlearn.stages.shared.weight_rewrite import OTHERS, Remake, reborn
from devlearn.stages.stage import stage


@stage("innate.rescale")
class Rescale(Remake):
    """Replaces every weight and bias tensor by a newborn's, scaled to the norm that the learner's tensor had, once.

    The newborn is drawn by the brain's own initialisation (Kaiming uniform, by default), so what is left of the
    learner's life is one number for each tensor. A tensor that is born as zeros stays zero.

    Deviations:
        None: it is a control of this project, not a published method.
    """

    control = "scale"
    draws = (OTHERS,)

    by: Literal["norm", "sd"] = Field(
        "norm", description="what is kept of each tensor: its Euclidean norm, or its entries' standard deviation"
    )

    def remade(self, cohort: Cohort, context: Context) -> dict[str, Tensor]:
        own, found = cohort.parameters(), {}
        for name, fresh in reborn(cohort, context).items():
            scale = self.size(own[name]) / self.size(fresh)  # (N,), endless where it is born as zeros
            found[name] = fresh * column(torch.where(scale.isinf(), 0.0, scale), fresh)
        return found

    def size(self, weights: Tensor) -> Tensor:
        """How large a tensor (N, *shape) is: (N,) float64."""
        flat = weights.flatten(1).double()
        spread = self.by == "sd" and flat.shape[1] > 1
        return flat.std(1) if spread else torch.linalg.vector_norm(flat, dim=1)
