"""Uniform draws for one minibatch after another, taken in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from devlearn.stages.context import Context

BLOCK = 64  # minibatches whose draws are taken together


def uniform(context: Context, stream: str, shape: tuple[int, ...], done: int) -> Iterator[Tensor]:
    """Draws (N, *shape) in [0, 1) of a stream, for each minibatch after the first ``done``, endlessly."""
    drawn = None
    while True:
        block, place = divmod(done, BLOCK)
        if drawn is None or place == 0:
            numbers = context.streams(stream, counter=block).random(BLOCK, *shape)
            drawn = torch.from_numpy(numbers).to(context.device)  # (N, BLOCK, *shape)
        yield drawn[:, place]
        done += 1
