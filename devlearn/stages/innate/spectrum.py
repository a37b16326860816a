"""The control for the gains of layers: the same singular values, in random directions."""

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


@stage("innate.spectrum")
@final
class Spectrum(Stage):
    """Replaces every weight matrix by ``Q S R^T``: its singular values ``S`` between random orthogonal ``Q`` and ``R``.

    Norm, rank and how much each layer can amplify are kept exactly; which inputs, and onto what, is gone. Kernels are
    taken as matrices (output channels x all that one of them sees). A bias is turned to a random direction and keeps
    its norm. Directions are drawn evenly (Haar): the QR decomposition of Gaussian noise with the signs of R's diagonal.
    A control, not a published method.

    Source:
        Mezzadri (2007), How to generate random matrices from the classical compact groups, for the draws.

    Deviations:
        None known.
    """

    role = "control"
    units = ()
    stream_names = ("directions",)
    control = "spectrum"

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: nn.Module) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own = cohort.parameters()
        rewrite_weights(cohort, {name: self._turned(name, weights, context) for name, weights in own.items()})
        yield {}

    def _turned(self, name: str, weights: Tensor, context: Context) -> Tensor:
        """A tensor (N, *shape) with its singular values in random directions."""
        matrix = weights.flatten(2).double() if weights.dim() > 2 else weights.unsqueeze(1).double()  # (N, U, D)
        units, inputs = matrix.shape[1:]
        values = torch.linalg.svdvals(matrix.nan_to_num())  # (N, K): a diverged learner must not stop the others
        noise = normal(context, "directions", name, matrix, units + inputs, values.shape[1])
        left, right = directions(noise[:, :units]), directions(noise[:, units:])
        made = (left * values.unsqueeze(1)) @ right.transpose(1, 2)
        ill = ~matrix.isfinite().flatten(1).all(1)
        return torch.where(ill.view(-1, 1, 1), torch.nan, made).view_as(weights)


def directions(noise: Tensor) -> Tensor:
    """Orthonormal columns, evenly distributed, from Gaussian noise (N, D, K), K <= D."""
    q, r = torch.linalg.qr(noise)
    signs = torch.where(r.diagonal(dim1=1, dim2=2) < 0, -1.0, 1.0)
    columns: Tensor = q * signs.unsqueeze(1)
    return columns
