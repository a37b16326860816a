"""Experience without reward: what was seen, what was done, and what it led to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from devlearn.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

if TYPE_CHECKING:
    from devlearn.tasks.envs import VectorEnv

Act: TypeAlias = "Callable[[Tensor, int], Tensor]"
End: TypeAlias = "Callable[[np.ndarray[Any, Any]], None]"


def collect_transitions(
    world: VectorEnv, act: Act, length: int, device: torch.device, end: End = lambda ended: None
) -> dict[str, Tensor]:
    """Live ``length`` steps in every copy: images and targets (N, T * E, ...), actions (N, T * E), one row a step.

    ``act(observation, t)`` chooses (N, E) actions for (N, E, ...) observations; ``end`` is told after each step whose
    episode it ended, (N, E) bool. A row's target is what its step ended in: where an episode ended, its last
    observation and not the first of the next.
    """
    seen: list[Any] = []
    for t in range(length):
        before = torch.from_numpy(np.array(world.observation)).to(device)
        actions = act(before, t)
        step = world.step(actions.cpu().numpy())
        end(step.terminated | step.truncated)
        seen.append((before, torch.from_numpy(np.array(step.final)).to(device), actions))
    images, targets, actions = (torch.stack(part, 1).flatten(1, 2) for part in zip(*seen, strict=True))
    return {"images": images, "targets": targets, "actions": actions}
