"""Advantages of trajectories, cut where episodes end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Generalised advantage estimates, GAE(lambda): (T, N, E), as all tensors here; the ends are bool.

    ``values[t]`` is the value of the observation that step t acted on, ``next_values[t]`` of the one that it ended in:
    the final one where the episode ended, not the first of the next episode. A truncated episode goes on behind the
    cut, so its last value bootstraps; a terminated one is worth nothing from there. No sum runs across an end.
    Returns to fit values to are ``advantages + values``.

    Source: Schulman et al. (2016), equation 16, arXiv:1506.02438; Pardo et al. (2018) on truncation, arXiv:1712.00378.
    """
    deltas = rewards + gamma * next_values.masked_fill(terminated, 0.0) - values  # (T, N, E)
    carries = gamma * lam * (~(terminated | truncated)).to(deltas.dtype)
    estimates = torch.empty_like(deltas)
    following = torch.zeros_like(deltas[0])
    for t in range(len(deltas) - 1, -1, -1):
        following = deltas[t] + carries[t] * following
        estimates[t] = following
    return estimates
