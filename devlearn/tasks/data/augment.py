"""Other views of an image: small affine and elastic deformations, drawn for each image, as one batched program."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from devlearn.lazy import F, torch
from devlearn.streams import Streams

if TYPE_CHECKING:
    from torch import Tensor

GRID = 5  # control points of an elastic deformation, along each side
AFFINE = 6  # numbers of an affine deformation: angle, two log scales, shear, two shifts
CHUNK = 256  # images at a time: what is warped stays in the cache
Share = Annotated[float, Field(ge=0)]


class Views(BaseModel):
    """How much an image may be deformed. Angle, scale, shear and shift are uniform within plus and minus their bound.

    The elastic field is Gaussian noise on a 5 x 5 grid, interpolated smoothly over the image: a coarse version of the
    convolved noise of Simard, Steinkraus and Platt (2003).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    rotate: Share = Field(15.0, le=180, description="largest angle in degrees")
    scale: Share = Field(0.15, le=1.5, description="largest logarithm of the stretch, along each axis")
    shear: Share = Field(0.2, le=4, description="largest shear, pixels across for each pixel down")
    shift: Share = Field(2.0, le=28, description="largest shift in pixels, along each axis")
    elastic: Share = Field(
        0.8, le=14, description="standard deviation of the elastic displacement in pixels, at its nodes"
    )

    def draw(self, streams: Streams, *shape: int) -> Tensor:
        """Deformations for images (N, *shape): (N, *shape, 6 + 2 * 5 * 5) float32."""
        bounds = np.array([math.radians(self.rotate), self.scale, self.scale, self.shear, self.shift, self.shift])
        affine = (2 * streams.random(*shape, AFFINE) - 1) * bounds.astype(np.float32)
        if not self.elastic:
            return torch.from_numpy(affine)
        nodes = self.elastic * streams.normal(*shape, 2 * GRID * GRID)
        return torch.from_numpy(np.concatenate([affine, nodes], -1))


def warped(images: Tensor, how: Tensor) -> Tensor:
    """Images (..., H, W) or, in colour, (..., H, W, C), each deformed as ``how`` (..., 6 or 56) says.

    Bytes or floats become float32 on the same scale. Pixels are interpolated linearly; what comes in from outside is
    black.
    """
    if images.dim() - how.dim() == 2:  # (..., H, W, C)
        flat = images.flatten(0, -4).movedim(-1, 1)  # (M, C, H, W)
        drawn = zip(flat.split(CHUNK), how.flatten(0, -2).split(CHUNK), strict=True)
        done = torch.cat([_warped(part.float(), numbers.to(part.device)) for part, numbers in drawn])
        return done.movedim(1, -1).reshape(images.shape)
    shape = images.shape
    parts = zip(images.reshape(-1, 1, *shape[-2:]).split(CHUNK), how.flatten(0, -2).split(CHUNK), strict=True)
    return torch.cat([_warped(part.float(), numbers.to(part.device)) for part, numbers in parts]).view(shape)


def _warped(images: Tensor, how: Tensor) -> Tensor:
    """(B, C, H, W), (B, 6 or 56) -> (B, C, H, W)."""
    angle, across, down, shear, dx, dy = how[:, :AFFINE].unbind(1)
    height, width = images.shape[-2:]
    cos, sin = angle.cos(), angle.sin()
    wide, high = (-across).exp(), (-down).exp()  # sampling coordinates: the inverse of what the image does
    rows = (
        torch.stack([wide * cos, wide * (shear * cos - sin), -2 * dx / width], 1),
        torch.stack([high * sin, high * (shear * sin + cos), -2 * dy / height], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)  # (B, H, W, 2)
    if how.shape[1] > AFFINE:
        nodes = how[:, AFFINE:].view(-1, 2, GRID, GRID)
        field = _spread(height).to(nodes) @ nodes @ _spread(width).to(nodes).T  # (B, 2, H, W) pixels
        grid = grid + field.movedim(1, -1) * grid.new_tensor([2 / width, 2 / height])
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _spread(side: int) -> Tensor:
    """The weights of the nodes at each pixel: (side, GRID), Gaussian, rows sum to one."""
    pixels, nodes = (torch.arange(side) + 0.5) / side, torch.arange(GRID) / (GRID - 1)
    weights = torch.exp(-0.5 * ((pixels[:, None] - nodes) * (GRID - 1) / 0.7).square())
    return weights / weights.sum(1, keepdim=True)
