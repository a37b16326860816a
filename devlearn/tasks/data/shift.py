"""Images out of the middle: each moved by a distance of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.streams import PINNED, generator

if TYPE_CHECKING:
    from torch import Tensor


def shifted(images: Tensor, most: int, name: str) -> Tensor:
    """Images (M, H, W) or (M, H, W, C), each moved by up to ``most`` pixels along each axis.

    What comes in from outside is 0. The moves are whole pixels, even over -most..most, and belong to the images: the
    same for every learner. ``name`` keys them.
    """
    count, height, width = images.shape[:3]
    moves = generator(PINNED, "shift", name, most).integers(0, 2 * most + 1, size=(2, count))
    down, across = torch.from_numpy(moves).to(images.device)  # (M,) each: the corner of what is seen
    framed = torch.nn.functional.pad(images, (*[0, 0] * (images.dim() - 3), most, most, most, most))
    rows = (down[:, None] + torch.arange(height, device=images.device))[:, :, None]
    columns = (across[:, None] + torch.arange(width, device=images.device))[:, None]
    found: Tensor = framed[torch.arange(count, device=images.device)[:, None, None], rows, columns]
    return found
