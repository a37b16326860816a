"""Weights that are made anew, once: how they are written, and where new ones come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context

OTHERS = "birth"  # the stream of seeds for other learners, whose weights are taken


def rewrite_weights(cohort: Cohort, values: Mapping[str, Tensor]) -> None:
    """Write values by qualified name, (N, *shape) each; parameters that are not named, and buffers, are left alone."""
    parameters = cohort.parameters()
    for name, tensor in values.items():
        parameters[name].copy_(tensor)


def normal(context: Context, stream: str, name: str, like: Tensor, *shape: int) -> Tensor:
    """Standard normal draws of a stream, one block for each tensor: (N, *shape), float64 on the weights' device."""
    drawn = torch.from_numpy(context.streams(stream, name).normal(*shape))
    return drawn.to(like.device, torch.float64)


def newborn_weights(cohort: Cohort, context: Context) -> dict[str, Tensor]:
    """The parameters of as many other learners of this architecture as they are born, drawn from ``birth``."""
    seeds = context.streams(OTHERS).integers(2**62)
    return cohort.newborn([int(seed) for seed in seeds]).parameters()
