"""KeyCorridor: a key at one end, a door at the other, and nothing on the way that says so."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment, random_bits

LEFT, RIGHT, TAKE, OPEN = range(4)
KEY, LEARNER, DOOR = range(3)  # rows of what is seen
FLOOR, WHITE = 40, 255
SHORTEST = 5  # cells up to the door


class KeyCorridor(BatchEnv):
    """
    ## Description
    Hard exploration: a corridor with a key at its left end and a locked door at its right end. The learner begins in
    the middle; it is rewarded only for going to the key, taking it, going all the way to the door and opening it. With
    the defaults uniformly random actions do so in one episode of 2.4 million, so without an exploration bonus there is
    nothing to learn from.

    ## Action Space
    ``Discrete(4)``: 0 and 1 move by a cell to the left and to the right, where the corridor does not end; 2 takes the
    key where it lies; 3 opens the door, from the last cell and with the key.

    ## Observation Space
    ``Box(0, 255, (3, length), uint8)``: black, but for the key's cell in the first row until it was taken, the
    learner's cell in the second and the door's in the third.

    ## Starting State
    One of the middle three cells, uniformly, by a hash of the episode's seed; the key lies in its place.

    ## Reward
    1 for opening the door, 0 for every other step.

    ## Episode End
    Termination: the door is open. Truncation: after ``limit`` steps.

    ## Arguments
    * ``length`` (17): cells of the corridor, at least 5.
    * ``limit`` (52): the steps after which an episode is truncated; the shortest way takes 25 to 27 with a length of
      17.
    * ``door`` (``length``): which cell the door is in, counted from 1, at least 5. The corridor ends there; cells
      behind it are seen and stay empty. The nearer, the easier. It can change from episode to episode (``lessons``).

    ## References
    Chevalier-Boisvert et al. (2023), Minigrid & Miniworld, arXiv:2306.13831, for rooms with a key and a locked door;
    Osband et al. (2020), Behaviour suite for reinforcement learning, arXiv:1908.03568, for chains that only deep
    exploration solves.

    ## Deviations
    Minigrid's rooms are two-dimensional and seen in part from where the agent stands; this corridor has one dimension
    and is seen whole. In bsuite's deep sea one wrong move forfeits the reward; here every move can be taken back.

    ## Version History
    * v0: first version.
    """

    adjustable = ("door",)

    def __init__(self, copies: int, length: int = 17, limit: int = 52, door: int | None = None) -> None:
        super().__init__(copies)
        if length < SHORTEST:
            raise ValueError(f"length must be at least {SHORTEST} cells, not {length}")
        if limit < 1:
            raise ValueError(f"limit must be at least 1 step, not {limit}")
        self.observation_space = spaces.Box(0, 255, (3, length), np.uint8)
        self.action_space = spaces.Discrete(4)
        self.length, self.limit = length, limit
        self._place, self._steps = np.zeros(copies, np.int64), np.zeros(copies, np.int64)
        self._has_key = np.zeros(copies, bool)
        self._rows = np.arange(copies)
        self._door = np.full(copies, self._cell(length if door is None else door))  # of the next episode
        self._last = self._door.copy()  # of this one

    def _cell(self, door: int) -> int:
        """The cell of a door, counted from 0."""
        if isinstance(door, bool) or not isinstance(door, int | np.integer) or not SHORTEST <= door <= self.length:
            raise ValueError(f"door must be a cell from {SHORTEST} to {self.length}, the corridor's last, not {door}")
        return int(door) - 1

    def adjust(self, index: int, keywords: Mapping[str, Any]) -> None:
        self._door[index] = self._cell(keywords["door"])

    def reset(self, seeds: Array, where: Array) -> None:
        self._last[where] = self._door[where]
        off = (random_bits(seeds[where], 0) % np.uint64(3)).astype(np.int64) - 1
        self._place[where] = (self._last[where] + 1) // 2 + off
        self._has_key[where], self._steps[where] = False, 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        opened = (actions == OPEN) & self._has_key & (self._place == self._last)
        self._has_key |= (actions == TAKE) & (self._place == 0)
        self._place = np.clip(self._place + (actions == RIGHT) - (actions == LEFT), 0, self._last)
        self._steps += 1
        return opened.astype(np.float32), opened, self._steps >= self.limit

    def observe(self) -> Array:
        seen = np.zeros((self.copies, 3, self.length), np.uint8)
        seen[~self._has_key, KEY, 0] = WHITE
        seen[self._rows, LEARNER, self._place] = WHITE
        seen[self._rows, DOOR, self._last] = WHITE
        return seen

    def draw(self, index: int) -> Array:
        """Key, learner and door, one row each on a dim floor: (H, W) uint8, at most 96 pixels high."""
        cells = np.full((3, self.length), FLOOR, np.uint8)
        cells[KEY, self._place[index] if self._has_key[index] else 0] = WHITE  # carried above the learner
        cells[LEARNER, self._place[index]] = WHITE
        cells[DOOR, self._last[index]] = WHITE
        times = max(1, min(16, 240 // self.length))
        return cells.repeat(times, 0).repeat(times, 1)

    def state(self) -> dict[str, Array]:
        return {"place": self._place.copy(), "has_key": self._has_key.copy(), "steps": self._steps.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._place, self._has_key, self._steps = (state[name].copy() for name in ("place", "has_key", "steps"))
        self._last = self._door.copy()


@environment("devlearn/KeyCorridor-v0")
class KeyCorridorEnv(SingleEnv):
    __doc__ = KeyCorridor.__doc__
    batch = KeyCorridor

    @staticmethod
    def bot(observation: Array, rng: np.random.Generator) -> int:
        """The shortest way, from what is seen, (3, length) bytes."""
        place = int(observation[LEARNER].argmax())
        if observation[KEY].any():
            return LEFT if place else TAKE
        return RIGHT if place < int(observation[DOOR].argmax()) else OPEN
