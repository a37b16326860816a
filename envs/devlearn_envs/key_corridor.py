"""KeyCorridor: a key at one end, a door at the other, and nothing on the way that says so."""

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment, random_bits

LEFT, RIGHT, TAKE, OPEN = range(4)
KEY, LEARNER, DOOR = range(3)  # rows of what is seen
FLOOR, WHITE = 40, 255


class KeyCorridor(BatchEnv):
    """
    ## Description
    The learner stands in the middle of a corridor. A key lies at its left end, a locked door is at its right end. Only
    who goes to the key, takes it, goes all the way to the door and opens it gets anything: what acts at random gets
    there in about one episode of a million, so there is nothing to learn from but one's own curiosity.

    ## Action Space
    ``Discrete(4)``: 0 and 1 move by a cell to the left and to the right, where the corridor does not end; 2 takes the
    key where it lies; 3 opens the door, from the last cell and with the key.

    ## Observation Space
    ``Box(0, 255, (3, length), uint8)``: black, but for the key's cell in the first row until it was taken, the
    learner's cell in the second and the door's in the third.

    ## Starting State
    One of the middle three cells, uniformly, by a hash of the episode's seed; the key lies in its place.

    ## Reward
    1 for opening the door; 0 else.

    ## Episode End
    Termination: the door is open. Truncation: after ``limit`` steps.

    ## Arguments
    * ``length`` (17): cells of the corridor, at least 5.
    * ``limit`` (52): the steps after which an episode is truncated; with a length of 17 the door takes 25 to 27.

    ## References
    Chevalier-Boisvert et al. (2023), Minigrid & Miniworld, arXiv:2306.13831, for rooms with a key and a locked door;
    Osband et al. (2020), Behaviour suite for reinforcement learning, arXiv:1908.03568, for chains that only deep
    exploration solves.

    ## Version History
    * v0: first version.
    """

    def __init__(self, copies: int, length: int = 17, limit: int = 52) -> None:
        super().__init__(copies)
        if length < 5:
            raise ValueError(f"length must be at least 5 cells, not {length}")
        if limit < 1:
            raise ValueError(f"limit must be at least 1 step, not {limit}")
        self.observation_space = spaces.Box(0, 255, (3, length), np.uint8)
        self.action_space = spaces.Discrete(4)
        self.length, self.limit = length, limit
        self._place, self._steps = np.zeros(copies, np.int64), np.zeros(copies, np.int64)
        self._has_key = np.zeros(copies, bool)
        self._rows = np.arange(copies)

    def reset(self, seeds: Array, where: Array) -> None:
        off = (random_bits(seeds[where], 0) % np.uint64(3)).astype(np.int64) - 1
        self._place[where] = self.length // 2 + off
        self._has_key[where], self._steps[where] = False, 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        last = self.length - 1
        opened = (actions == OPEN) & self._has_key & (self._place == last)
        self._has_key |= (actions == TAKE) & (self._place == 0)
        self._place = np.clip(self._place + (actions == RIGHT) - (actions == LEFT), 0, last)
        self._steps += 1
        return opened.astype(np.float32), opened, self._steps >= self.limit

    def observe(self) -> Array:
        seen = np.zeros((self.copies, 3, self.length), np.uint8)
        seen[~self._has_key, KEY, 0] = WHITE
        seen[self._rows, LEARNER, self._place] = WHITE
        seen[:, DOOR, -1] = WHITE
        return seen

    def draw(self, index: int) -> Array:
        """Key, learner and door, one row each on a dim floor: (H, W) uint8, at most 96 pixels high."""
        cells = np.full((3, self.length), FLOOR, np.uint8)
        cells[KEY, self._place[index] if self._has_key[index] else 0] = WHITE  # carried above the learner
        cells[LEARNER, self._place[index]] = WHITE
        cells[DOOR, -1] = WHITE
        times = max(1, min(16, 240 // self.length))
        return cells.repeat(times, 0).repeat(times, 1)

    def state(self) -> dict[str, Array]:
        return {"place": self._place.copy(), "has_key": self._has_key.copy(), "steps": self._steps.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._place, self._has_key, self._steps = (state[name].copy() for name in ("place", "has_key", "steps"))


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
        return RIGHT if place < observation.shape[1] - 1 else OPEN
