"""Images without structure, for sham phases: every pixel keeps its own distribution and knows nothing of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devlearn.lazy import torch
from devlearn.streams import PINNED, Streams, generator

if TYPE_CHECKING:
    from torch import Tensor


def unstructured(images: Tensor, name: str) -> Tensor:
    """Images (M, H, W): each pixel's M values in an order of its own, the same for every learner.

    All moments of each pixel over the images are kept exactly, and so is the mean image; what a pixel tells about
    another is gone. ``name`` keys the order.
    """
    pixels = images.flatten(1).cpu().numpy()  # (M, H * W)
    mixed = generator(PINNED, "sham", name).permuted(pixels, axis=0)
    return torch.from_numpy(mixed).to(images.device).view_as(images)


def scattered(images: Tensor, streams: Streams) -> Tensor:
    """The same for images that each learner gathered: (N, M, H, W), each pixel's M values in an order of its own."""
    pixels = images.flatten(2).cpu().numpy()  # (N, M, H * W)
    mixed = [rng.permuted(own, axis=0) for rng, own in zip(streams.generators, pixels, strict=True)]
    return torch.from_numpy(np.stack(mixed)).to(images.device).view_as(images)
