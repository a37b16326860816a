"""One way in which all images of a task are seen: turned, out of focus, or their pixels in another order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from devlearn.lazy import F, torch
from devlearn.streams import PINNED, generator
from devlearn.tasks.data.blur import blurred

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 5_000  # images at a time


class View(BaseModel):
    """How the images of a task are seen: the same for every image, every learner and every seed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    permute: Annotated[int, Field(ge=1)] | None = Field(
        None, description="number of an order of the pixels, which all change places by it; colours stay together"
    )
    rotate: Annotated[float, Field(ge=-360, le=360)] = Field(
        0.0, description="degrees by which images are turned to the left, first; bilinear, 0 comes in from outside"
    )

    blur: Annotated[float, Field(ge=0, le=64)] = Field(
        0.0, description="sd in pixels of a Gaussian blur, after they are turned and before pixels change places"
    )

    @model_serializer(mode="wrap")
    def _brief(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``blur`` where there is none: views are older than that key."""
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if key != "blur" or value}

    def __call__(self, images: Tensor) -> Tensor:
        """Images (M, H, W) or (M, H, W, C) uint8 as they are seen."""
        seen = rotated(images, self.rotate) if self.rotate else images
        seen = blurred(seen, self.blur) if self.blur else seen
        return seen if self.permute is None else permuted(seen, self.permute)


def permuted(images: Tensor, number: int) -> Tensor:
    """Images (M, H, W) or (M, H, W, C) with their pixels in the order called ``number``."""
    height, width = images.shape[1:3]
    order = generator(PINNED, "permute", number).permutation(height * width)
    index = torch.from_numpy(np.asarray(order)).to(images.device)
    found: Tensor = images.flatten(1, 2).index_select(1, index).unflatten(1, (height, width))
    return found


def rotated(images: Tensor, degrees: float) -> Tensor:
    """Images (M, H, W) or (M, H, W, C) uint8, turned to the left about their middle and rounded."""
    if images.dim() == 4:
        return torch.stack([rotated(colour, degrees) for colour in images.unbind(-1)], -1)
    height, width = images.shape[1:]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # from where each pixel comes, in coordinates from -1 to 1 along both sides, down being positive
    turn = torch.tensor([[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]], device=images.device)
    parts = []
    for part in images.split(CHUNK):
        grid = F.affine_grid(turn.expand(len(part), 2, 3), [len(part), 1, height, width], align_corners=False)
        seen = F.grid_sample(part[:, None].float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        parts.append(seen[:, 0].round_().clamp_(0, 255).to(torch.uint8))
    return torch.cat(parts)
