"""Images without structure, for sham phases: every number keeps its own distribution and knows nothing of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devlearn.lazy import torch
from devlearn.streams import PINNED, Streams, generator

if TYPE_CHECKING:
    from torch import Tensor


def unstructured(images: Tensor, name: str) -> Tensor:
    """Images (M, *shape): each number's M values in an order of its own, the same for every learner.

    All moments of each number over the images are kept exactly, and so is the mean image; what one tells about
    another is gone, the colours of a pixel too. ``name`` keys the order.
    """
    pixels = images.flatten(1).cpu().numpy()  # (M, D)
    mixed = generator(PINNED, "sham", name).permuted(pixels, axis=0)
    return torch.from_numpy(mixed).to(images.device).view_as(images)


def scattered(images: Tensor, streams: Streams) -> Tensor:
    """The same for images that each learner gathered: (N, M, *shape), each number's M values in an order of its own."""
    pixels = images.flatten(2).cpu().numpy()  # (N, M, D)
    mixed = [rng.permuted(own, axis=0) for rng, own in zip(streams.generators, pixels, strict=True)]
    return torch.from_numpy(np.stack(mixed)).to(images.device).view_as(images)
