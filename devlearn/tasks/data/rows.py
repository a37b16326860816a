"""Images read row by row: a task with a time axis, for brains with memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Sense, memory_bytes, memory_size
from devlearn.tasks.data.source import BadData

if TYPE_CHECKING:
    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.tasks.data.source import DataSource


def row_sense(source: DataSource) -> dict[str, Sense]:
    """The sense that one row of a data set's images enters by, by its name. Raises BadData for what has no rows."""
    if len(source.shape) < 2:
        raise BadData(
            f"rows are those of images, and what {source.key} shows has the shape {source.shape}; drop row_by_row"
        )
    return {f"rows_{source.sense_name}": Sense(spaces.Box(0, 255, row_shape(source)[1:], np.uint8))}


def row_shape(source: DataSource) -> tuple[int, int]:
    """An image as rows of numbers, (H, W); of a colour image three for each pixel."""
    return source.shape[0], source.numbers // source.shape[0]


def begun(images: Tensor, cohort: Cohort) -> dict[str, Tensor]:
    """What brings images (N, B, H, ...) before learners as H steps.

    images (N, B, H, W) in rows of numbers, starts (N, B, H), hidden (N, B, memory_size): every image is an
    episode, of which nothing is remembered when it begins.
    """
    starts = torch.zeros(images.shape[:3], dtype=torch.bool, device=images.device)
    starts[..., 0] = True
    hidden = torch.zeros(*images.shape[:2], cohort.memory_size, dtype=cohort.dtype, device=images.device)
    return {"images": images.flatten(3), "starts": starts, "hidden": hidden}


def check_reader(brain: nn.Module, images: int) -> None:
    """Raises ValueError, with the mend, for a brain that can't read so many images at once row by row."""
    if not memory_size(brain):
        raise ValueError("rows are read one after another, and this brain has no memory; give it memory: gru")
    memory_bytes(brain, images)
