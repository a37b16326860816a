"""The control for any prior: keep every layer's weights, destroy their arrangement."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from devlearn.stages.context import Context
from devlearn.stages.shared.weight_rewrite import RemakeEach
from devlearn.stages.stage import stage


@stage("innate.shuffle", version=2)
class Shuffle(RemakeEach):
    """Permutes the entries of every weight and bias tensor, layer by layer or row by row, once.

    All moments of each layer's weights are kept exactly; what the learner knew is gone. Within rows, each unit also
    keeps the set of its own incoming weights (of a kernel: over all channels), and so their sum: units that are strong,
    or silent, stay so. A bias tensor is one row. Buffers (observation statistics) are left alone.

    Deviations:
        None: it is a control of this project, not a published method.
    """

    control = "shuffle"
    draws = ("order",)

    within: Literal["layer", "row"] = Field(
        "layer", description="where entries change places: anywhere in a tensor, or among one unit's incoming weights"
    )

    def anew(self, name: str, weights: Tensor, context: Context) -> Tensor:
        streams = context.streams("order", name)
        if self.within == "row" and weights.dim() > 2:
            rows = weights.flatten(2)  # (N, U, D)
            order = torch.from_numpy(streams.random(*rows.shape[1:])).argsort(-1).to(rows.device)
            return rows.gather(2, order).view_as(weights)
        flat = weights.flatten(1)  # (N, D)
        order = torch.from_numpy(streams.permutation(flat.shape[1])).to(flat.device)
        return flat.gather(1, order).view_as(weights)
