"""Images out of focus: a Gaussian blur, as early eyes have it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from devlearn.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


CHUNK = 5_000
REACH = 3.0  # the kernel is cut off at this many standard deviations


def kernel(side: int, sd: float) -> Tensor:
    """Row i holds the weights with which pixels make the blurred pixel i: (side, side) float32, rows sum to one.

    A Gaussian of ``sd`` pixels, cut off at three. At the border the part of the kernel that lies on the image is
    normalised anew, so an even image stays as it is and nothing is mixed in from outside.
    """
    distance = torch.arange(side)[:, None] - torch.arange(side)
    weights = torch.exp(-0.5 * (distance / sd).square()) * (distance.abs() <= math.ceil(REACH * sd))
    return weights / weights.sum(1, keepdim=True)


def blurred(images: Tensor, sd: float) -> Tensor:
    """Images (M, H, W) uint8, or (M, H, W, C), each blurred along its columns and rows (K X K^T) and rounded."""
    if images.dim() == 4:
        return torch.stack([blurred(colour, sd) for colour in images.unbind(-1)], -1)
    down, across = (kernel(side, sd).to(images.device) for side in images.shape[1:])
    parts = [down @ (part.float() @ across.T) for part in images.split(CHUNK)]
    return torch.cat([part.round_().to(torch.uint8) for part in parts])
