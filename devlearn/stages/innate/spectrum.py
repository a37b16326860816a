"""The control for the gains of layers: the same singular values, in random directions."""

import torch
from torch import Tensor

from devlearn.stages.context import Context
from devlearn.stages.shared.weight_rewrite import RemakeEach, normal
from devlearn.stages.stage import stage


@stage("innate.spectrum")
class Spectrum(RemakeEach):
    """Replaces every weight matrix by ``Q S R^T``: its singular values ``S`` between random orthogonal ``Q`` and ``R``.

    Norm, rank and how much each layer can amplify are kept exactly; which inputs, and onto what, is gone. Kernels are
    taken as matrices (output channels x all that one of them sees). A bias is turned to a random direction and keeps
    its norm. Directions are drawn evenly (Haar): the QR decomposition of Gaussian noise with the signs of R's diagonal.

    Source:
        Mezzadri (2007), How to generate random matrices from the classical compact groups, for the draws.

    Deviations:
        None: it is a control of this project, not a published method.
    """

    control = "spectrum"
    draws = ("directions",)

    def anew(self, name: str, weights: Tensor, context: Context) -> Tensor:
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
    found: Tensor = q * signs.unsqueeze(1)
    return found
