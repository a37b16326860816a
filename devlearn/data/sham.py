"""Images without structure, for sham phases: every pixel keeps its own distribution and knows nothing of the others."""

import torch
from torch import Tensor

from devlearn.streams import PINNED, generator


def unstructured(images: Tensor, name: str) -> Tensor:
    """Images (M, H, W): each pixel's M values in an order of its own, the same for every learner.

    All moments of each pixel over the images are kept exactly, and so is the mean image; what a pixel tells about
    another is gone. ``name`` keys the order.
    """
    pixels = images.flatten(1).cpu().numpy()  # (M, H * W)
    mixed = generator(PINNED, "sham", name).permuted(pixels, axis=0)
    return torch.from_numpy(mixed).to(images.device).view_as(images)
