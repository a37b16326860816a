"""Running means and variances, merged batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def merge_moments(mean: Tensor, var: Tensor, count: Tensor, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Merge a batch (..., B, D) into running moments (..., D), count (..., 1).

    Chan, Golub, LeVeque (1979), the parallel form of Welford's update.
    """
    size = batch.shape[-2]
    batch_mean = batch.mean(-2)
    batch_var = batch.var(-2, correction=0)
    total = count + size
    delta = batch_mean - mean
    merged = (var * count + batch_var * size + delta**2 * count * size / total) / total
    return mean + delta * size / total, merged, total
