"""An environment."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Ring(gym.Env[np.ndarray, np.int64]):
    """A ring of cells with food in one of them, which is smelt from either side.

    ## Action Space
    `Discrete(2)`: one cell to the left, one to the right.

    ## Observation Space
    `Box(0, 1, (2,), float32)`: the smell one cell to the left and one to the right, 1 / (1 + distance).

    ## Reward
    1 at the food, -0.01 for every step.

    ## Episode End
    Terminated at the food, truncated after 32 steps.
    """

    def __init__(self, cells: int = 12) -> None:
        self.cells = cells
        self.observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.food = 0, int(self.np_random.integers(1, self.cells))
        return self._smell(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.place = (self.place + (1 if action == 1 else -1)) % self.cells
        found = self.place == self.food
        return self._smell(), float(found) - 0.01, found, False, {}

    def _smell(self) -> np.ndarray:
        away = np.array([self.place - 1 - self.food, self.place + 1 - self.food]) % self.cells
        return (1 / (1 + np.minimum(away, self.cells - away))).astype(np.float32)


gym.register("example/Ring-v0", entry_point=Ring, max_episode_steps=32)
