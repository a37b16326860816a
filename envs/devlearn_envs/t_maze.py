"""TMaze: a cue at the mouth of a corridor says which way to turn at its end, which is out of sight by then."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_bits

RIGHT = 1
SIDE, COUNTER = 0, 1  # where an episode's random words begin: the side, then one for every step


class TMaze(BatchEnv):
    """
    ## Description
    Working memory: a cue at the beginning of a corridor says at which side of the fork at its end the reward is. The
    ``length`` steps between look alike, so the cue has to be remembered. On every one of these steps the rewarded side
    changes with probability ``flip``, unseen: the cue, which is all that a perfect memory holds, is then no longer sure
    to be true.

    ## Action Space
    ``Discrete(2)``: 0 turns left at the fork and 1 right. In the corridor both go one step ahead.

    ## Observation Space
    ``Box(-1, 1, (2,), float32)``: the cue, -1 for left and 1 for right in the first observation and 0 in all others; 1
    at the fork and 0 before it.

    ## Starting State
    The side that pays is left or right with equal probability, by a hash of the episode's seed. So are its changes.

    ## Reward
    1 for the side that pays at that moment, 0 for the other and for every step before. So the mean return is the share
    of right turns. Without memory it is .5 at best, as it is from the last T observations together where
    ``T <= length``.

    ## Optimum
    ``(1 + (1 - 2 flip)^length) / 2``. The side is a two-state chain that no observation after the cue and no action
    tells anything about, so given all that anyone can have seen and done, the cue's side pays at the fork with exactly
    this probability, that of an even number of changes. With ``flip <= .5`` it is at least .5: to turn as the cue said
    is optimal, and no agent of any kind does better.

    ## Episode End
    Termination: after the turn, ``length + 1`` steps from the start.

    ## Arguments
    * ``length`` (10): steps between the cue and the fork, at least 1.
    * ``flip`` (0.0): the probability that the paying side changes, a step; from 0 to .5.

    Both can change from episode to episode (``lessons``).

    ## References
    Bakker (2001), Reinforcement learning with long short-term memory, for the T-maze with a cue.

    ## Deviations
    Bakker's agent walks in four directions and is punished where it does not move; here every action in the corridor
    leads on. There the rewarded side does not change within an episode (``flip: 0``).

    ## Version History
    * v0: first version.
    """

    adjustable = ("length", "flip")

    def __init__(self, copies: int, length: int = 10, flip: float = 0.0) -> None:
        super().__init__(copies)
        self.observation_space = spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        _check(length, flip)
        self._next = np.full(copies, length, np.int64), np.full(copies, flip)  # of the next episode
        self._length, self._flip = (each.copy() for each in self._next)  # of this one
        self._seed, self._place = np.zeros(copies, np.int64), np.zeros(copies, np.int64)
        self._right = np.zeros(copies, bool)

    @staticmethod
    def optimum(length: int = 10, flip: float = 0.0) -> float:
        """The largest expected return of any agent."""
        return (1 + (1 - 2 * flip) ** length) / 2

    def adjust(self, index: int, keywords: Mapping[str, Any]) -> None:
        length, flip = self._next
        given = {"length": int(length[index]), "flip": float(flip[index]), **keywords}
        _check(**given)
        length[index], flip[index] = given["length"], given["flip"]

    def reset(self, seeds: Array, where: Array) -> None:
        self._length[where], self._flip[where] = (each[where] for each in self._next)
        self._right[where] = _share(seeds[where], SIDE) < 0.5
        self._seed[where], self._place[where] = seeds[where], 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        turned = self._place == self._length
        reward = (turned & ((actions == RIGHT) == self._right)).astype(np.float32)
        changes = _share(self._seed, COUNTER + self._place) < self._flip
        self._right ^= changes & ~turned
        self._place += 1
        return reward, turned, np.zeros(self.copies, bool)

    def observe(self) -> Array:
        seen = np.zeros((self.copies, 2), np.float32)
        seen[:, 0] = np.where(self._place == 0, np.where(self._right, 1, -1), 0)
        seen[:, 1] = self._place == self._length
        return seen

    def draw(self, index: int) -> Array:
        """Corridor and fork, the learner white, the side that pays lit: three rows of cells."""
        length = int(self._length[index])
        cells = np.full((3, length + 2), 64, np.uint8)
        cells[[0, 2], :-1] = 0  # no way
        cells[1, min(self._place[index], length)] = 255
        cells[2 if self._right[index] else 0, -1] = 160
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {name: getattr(self, f"_{name}").copy() for name in ("seed", "place", "right")}

    def load(self, state: dict[str, Array]) -> None:
        self._seed, self._place, self._right = (state[name].copy() for name in ("seed", "place", "right"))
        self._length, self._flip = (each.copy() for each in self._next)


def _share(seeds: Array, counter: int | Array) -> Array:
    """The ``counter``-th random number of each seed's stream, uniform in [0, 1)."""
    shares: Array = (random_bits(seeds, counter) >> np.uint64(11)) * 2.0**-53
    return shares


def _check(length: int, flip: float) -> None:
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
        raise ValueError(f"length must be a whole number of steps, at least 1, not {length}")
    if not 0 <= flip <= 0.5:
        raise ValueError(f"flip must be a probability from 0 to .5, not {flip}; above .5 the cue says its opposite")


@environment("devlearn/TMaze-v0")
class TMazeEnv(SingleEnv):
    __doc__ = TMaze.__doc__
    batch = TMaze
    optimum = staticmethod(TMaze.optimum)
