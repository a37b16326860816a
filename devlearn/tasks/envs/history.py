"""The seeds of the episodes that copies are in, and their actions since: what replays them."""

from typing import Any

import numpy as np
from gymnasium import spaces

Array = np.ndarray[Any, Any]


class History:
    """Of K copies. ``seeds`` and ``lengths`` (K,) int64 are its owner's, and kept here; actions are of ``space``."""

    def __init__(self, seeds: Array, lengths: Array, space: spaces.Space[Any]) -> None:
        self.seeds, self.lengths = seeds, lengths
        stored = np.float32 if isinstance(space, spaces.Box) else np.int32
        self._actions: Array = np.zeros((len(seeds), 64, *(space.shape or ())), stored)  # (K, T, ...)

    def begin(self, seeds: Array, where: Array) -> None:
        """Episodes begin from their ``seeds`` (K,) in the copies that ``where`` (K,) marks."""
        self.seeds[where], self.lengths[where] = seeds[where], 0

    def remember(self, actions: Array) -> None:
        """All copies act: (K, ...)."""
        if self.lengths.max() >= self._actions.shape[1]:
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)], axis=1)
        self._actions[np.arange(len(self.lengths)), self.lengths] = actions
        self.lengths += 1

    def state(self) -> dict[str, Array]:
        """Copied: ``seeds`` and ``lengths`` (K,), ``actions`` (K, T, ...), 0 behind the last of each."""
        longest = int(self.lengths.max())
        actions = self._actions[:, :longest].copy()
        actions[np.arange(longest) >= self.lengths[:, None]] = 0
        return {"seeds": self.seeds.copy(), "lengths": self.lengths.copy(), "actions": actions}

    def load(self, state: dict[str, Array]) -> None:
        """Go on from what ``state`` returned."""
        longest = state["actions"].shape[1]
        capacity = max(64, 1 << longest.bit_length())
        self._actions = np.zeros((len(self.seeds), capacity, *self._actions.shape[2:]), self._actions.dtype)
        self._actions[:, :longest] = state["actions"]
        self.seeds[:], self.lengths[:] = state["seeds"], state["lengths"]
