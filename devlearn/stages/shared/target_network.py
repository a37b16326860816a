"""Target networks: copies of learners that follow them slowly, so that what is learned does not chase itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from devlearn.learners.cohort import Cohort


def target_network(cohort: Cohort, kept: Mapping[str, Tensor] | None) -> Cohort:
    """A cohort that answers as ``cohort`` does or, where some are ``kept``, with weights by name (N, *shape)."""
    target = cohort.clone()
    if kept is not None:
        target.load({**target.state(), **kept})
    return target


def follow(target: Cohort, cohort: Cohort, tau: float) -> None:
    """Move the weights of ``target`` to those of ``cohort`` by the share ``tau``: 1 copies them."""
    own = cohort.parameters()
    with torch.no_grad():
        for name, weights in target.parameters().items():
            weights.lerp_(own[name], tau)
