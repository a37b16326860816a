"""What may stand between an objective and the weights that follow it: asked by the cohort at every update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from devlearn.learners.objectives import Objective


class Guard:
    """Changes nothing. Subclass it to add to a minibatch and its loss, to gradients, or to weights."""

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        """What is minimised in place of an objective, and the minibatch (N, ..) that it reads."""
        return objective, batch

    def corrected(self, weights: Mapping[str, nn.Parameter]) -> None:
        """Gradients are there, ``weights[name].grad`` (N, *shape) or None: change them in place before the step.

        What clips a norm comes after it.
        """

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        """The step was taken, from gradients that are still there."""
