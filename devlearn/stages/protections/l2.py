"""Weights are pulled back to what they were, all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.stages.protections.penalty import CENTRE, Penalty
from devlearn.stages.protections.protection import Protecting, protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from devlearn.stages.context import State


@protection("l2")
@final
class L2(Penalty):
    """Pulls all weights alike to what they were, at the last stage's end or at the start, or to zero.

    Adds ``strength * sum_k (w_k - c_k)^2`` to the loss, and keeps one number for each weight: c.

    ``last``: c are the weights at the last protected stage's end: the control for importances. ``start``: c are the
    weights with which the first protected stage began; it acts from then on, and keeps a network able to learn.
    ``zero``: c is 0, weight decay that is part of the loss; it acts from the first stage on.

    Source:
        Kirkpatrick et al. 2017 (L2, their control); Kumar et al. 2023, regenerative regularisation (start).

    Deviations:
        None.
    """

    tensors = 1

    strength: float = Field(0.01, ge=0, description="of the penalty")
    towards: Literal["last", "start", "zero"] = Field("last", description="what weights are pulled to")

    @property
    def pull(self) -> float:
        return self.strength

    def begin(self, at: Protecting) -> None:
        if self.towards != "last" and not at.earlier:
            for name, weight in at.cohort.parameters().items():
                at.kept[CENTRE + name] = weight.clone() if self.towards == "start" else torch.zeros_like(weight)

    def importance(self, at: Protecting) -> Mapping[str, Tensor]:
        return at.cohort.parameters() if self.towards == "last" else {}

    def remember(self, kept: State, name: str, matters: Tensor, weight: Tensor) -> None:
        kept[CENTRE + name] = weight.clone()
