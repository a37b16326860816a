"""The control for any prior: keep every layer's weights, destroy their arrangement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.shared.weight_rewrite import rewrite_weights
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.shuffle", version=2)
@final
class Shuffle(Stage):
    """Permutes the entries of every weight and bias tensor, layer by layer or row by row, once.

    All moments of each layer's weights are kept exactly; what the learner knew is gone. Within rows, each unit also
    keeps the set of its own incoming weights (of a kernel: over all channels), and so their sum: units that are strong,
    or silent, stay so. A bias tensor is one row. Buffers (observation statistics) are left alone. A control, not a
    published method.
    """

    role = "control"
    units = ()
    stream_names = ("order",)
    control = "shuffle"

    within: Literal["layer", "row"] = Field(
        "layer", description="where entries change places: anywhere in a tensor, or among one unit's incoming weights"
    )

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: nn.Module) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own = cohort.parameters()
        rewrite_weights(cohort, {name: self._shuffled(name, weights, context) for name, weights in own.items()})
        yield {}

    def _shuffled(self, name: str, weights: Tensor, context: Context) -> Tensor:
        """A tensor (N, *shape) with its entries in another order."""
        streams = context.streams("order", name)
        if self.within == "row" and weights.dim() > 2:
            rows = weights.flatten(2)  # (N, U, D)
            order = torch.from_numpy(streams.random(*rows.shape[1:])).argsort(-1).to(rows.device)
            return rows.gather(2, order).view_as(weights)
        flat = weights.flatten(1)  # (N, D)
        order = torch.from_numpy(streams.permutation(flat.shape[1])).to(flat.device)
        return flat.gather(1, order).view_as(weights)
