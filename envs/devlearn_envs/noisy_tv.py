"""NoisyTV: a room with a screen of noise, which holds whoever takes what can't be foreseen for news."""

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment, random_bits

MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])  # up, down, left, right, switch: rows, columns
SWITCH = 4
SCREEN = 2  # rows of pixels
WHITE, LEARNER, WALL = 255, 255, 96


class NoisyTV(BatchEnv):
    """
    ## Description
    A square room with a screen of noise along one wall, a trap for curiosity. From the cells before it the screen is
    seen: random black and white pixels, drawn anew whenever the switch is pressed. Everything else can be predicted. A
    learner rewarded for its prediction errors alone stays and switches for ever; one rewarded for getting better at
    predicting has no more reason to be there than anywhere.

    ## Action Space
    ``Discrete(5)``: 0, 1, 2, 3 move by a cell up, down, left, right, where there is no wall; 4 stays and presses the
    switch, which reaches the screen from the cells before it alone.

    ## Observation Space
    ``Box(0, 255, (size + 2, size), uint8)``: the screen's two rows, black where the learner does not stand before it,
    above the room, in which the learner's cell is 255 and all others are 0.

    ## Starting State
    Any cell, uniformly, by a hash of the episode's seed. Pictures of the screen are hashes of the seed and of how often
    the switch was pressed.

    ## Reward
    ``1 / limit`` for every step that ends before the screen, in the room's first row. So the return is the share of the
    episode that was spent there. It is a measurement: with ``intrinsic: {.., only: true}`` it is not learned from.
    Uniformly random actions get ``1 / size`` on average.

    ## Episode End
    Truncation: after ``limit`` steps.

    ## Arguments
    * ``size`` (6): cells along each wall, from 2 to 32.
    * ``limit`` (64): the steps after which an episode is truncated.

    ## References
    Schmidhuber (1991), Curious model-building control systems, doi:10.1109/IJCNN.1991.170605; Burda et al. (2018),
    Large-scale study of curiosity-driven learning, arXiv:1808.04355, for the screen with a remote control.

    ## Deviations
    Burda et al. put a television that shows images into a three-dimensional maze with a goal; here it is a room of
    cells without a goal, and the screen shows pixels of noise.

    ## Version History
    * v0: first version.
    """

    def __init__(self, copies: int, size: int = 6, limit: int = 64) -> None:
        super().__init__(copies)
        if not 2 <= size <= 32:
            raise ValueError(f"size must be from 2 to 32 cells, not {size}")
        if limit < 1:
            raise ValueError(f"limit must be at least 1 step, not {limit}")
        self.observation_space = spaces.Box(0, 255, (SCREEN + size, size), np.uint8)
        self.action_space = spaces.Discrete(len(MOVES))
        self.size, self.limit = size, limit
        self._seed, self._pressed, self._steps = (np.zeros(copies, np.int64) for _ in range(3))
        self._cell = np.zeros((copies, 2), np.int64)  # row, column
        self._rows = np.arange(copies)

    def reset(self, seeds: Array, where: Array) -> None:
        seeds = seeds[where]
        cell = (random_bits(seeds, 0) % np.uint64(self.size**2)).astype(np.int64)
        self._cell[where] = np.stack([cell // self.size, cell % self.size], axis=1)
        self._seed[where], self._pressed[where], self._steps[where] = seeds, 0, 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        self._pressed += (actions == SWITCH) & (self._cell[:, 0] == 0)
        self._cell = np.clip(self._cell + MOVES[actions], 0, self.size - 1)
        self._steps += 1
        reward = (self._cell[:, 0] == 0).astype(np.float32) / np.float32(self.limit)
        return reward, np.zeros(self.copies, bool), self._steps >= self.limit

    def observe(self) -> Array:
        seen = np.zeros((self.copies, SCREEN + self.size, self.size), np.uint8)
        seen[self._rows, SCREEN + self._cell[:, 0], self._cell[:, 1]] = LEARNER
        before = self._cell[:, 0] == 0
        seen[before, :SCREEN] = self._screen()[before]
        return seen

    def _screen(self) -> Array:
        """What it shows in every copy: (K, 2, size) of 0 and 255, a bit of one word each."""
        words = random_bits(self._seed, 1 + self._pressed)
        bits = words[:, None] >> np.arange(SCREEN * self.size, dtype=np.uint64) & np.uint64(1)
        return (bits * np.uint64(WHITE)).astype(np.uint8).reshape(-1, SCREEN, self.size)

    def draw(self, index: int) -> Array:
        """The screen, which is always on here, above the room: (H, W) uint8, a cell as large as fits into 96 pixels."""
        cells = np.full((SCREEN + self.size, self.size), WALL, np.uint8)
        cells[:SCREEN] = self._screen()[index]
        row, column = self._cell[index]
        cells[SCREEN + row, column] = LEARNER
        times = 96 // len(cells)
        return cells.repeat(times, 0).repeat(times, 1)

    def state(self) -> dict[str, Array]:
        names = ("seed", "pressed", "steps", "cell")
        return {name: getattr(self, f"_{name}").copy() for name in names}

    def load(self, state: dict[str, Array]) -> None:
        self._seed, self._pressed, self._steps, self._cell = (
            state[name].copy() for name in ("seed", "pressed", "steps", "cell")
        )


@environment("devlearn/NoisyTV-v0")
class NoisyTVEnv(SingleEnv):
    __doc__ = NoisyTV.__doc__
    batch = NoisyTV
