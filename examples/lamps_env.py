"""An environment in one file, registered with Gymnasium. In a scenario: ``env: "lamps_env:Lamps-v0"``."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

LAMPS, STEPS = 4, 8


class Lamps(gym.Env[np.ndarray, np.int64]):
    """Four lamps flicker, one of them is a little brighter; name it.

    ## Action Space
    `Discrete(4)`: the lamp that is named.

    ## Observation Space
    `Box(0, 1, (4,), float32)`: how bright each lamp looks at this moment.

    ## Starting State
    The brighter lamp is drawn evenly; all flicker from the first moment on.

    ## Reward
    1 for the brighter lamp, 0 for another.

    ## Episode End
    Truncated after 8 steps.
    """

    def __init__(self, flicker: float = 0.2) -> None:
        self.flicker = flicker
        self.observation_space = spaces.Box(0.0, 1.0, (LAMPS,), np.float32)
        self.action_space = spaces.Discrete(LAMPS)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)  # all randomness comes from self.np_random
        self.bright = int(self.np_random.integers(LAMPS))
        return self._look(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        return self._look(), float(action == self.bright), False, False, {}

    def _look(self) -> np.ndarray:
        light = 0.4 + 0.2 * (np.arange(LAMPS) == self.bright) + self.np_random.normal(0, self.flicker, LAMPS)
        return light.clip(0, 1).astype(np.float32)


gym.register("Lamps-v0", entry_point=Lamps, max_episode_steps=STEPS)
