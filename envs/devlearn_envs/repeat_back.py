"""RepeatBack: to say what was shown k steps ago, over and over."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_bits


class RepeatBack(BatchEnv):
    """
    ## Description
    The n-back task with answers: every step shows a symbol at random and asks for the one shown ``k`` steps ago. To be
    always right, k symbols have to be held in their order, and each be dropped when it has been asked for.

    ## Action Space
    ``Discrete(symbols)``: the symbol that is given as the answer.

    ## Observation Space
    ``Box(0, 1, (symbols,), float32)``: the symbol that is shown, one-hot.

    ## Starting State
    The first symbol. All are uniform, hashes of the episode's seed and of the step.

    ## Reward
    ``1 / questions`` for the symbol shown k steps ago, 0 for any other and in the first k steps, in which there is no
    answer yet. So the return is the share of right answers.

    ## Optimum
    1, with a memory of k symbols. Symbols are independent, so with a memory of fewer steps the mean return is at most
    ``1 / symbols``, as it is without memory from the last T observations together where ``T <= k``.

    ## Episode End
    Termination: after the last of ``questions`` steps, ``k + questions`` steps from the start.

    ## Arguments
    * ``k`` (4): how many steps ago, at least 1.
    * ``symbols`` (4): how many there are, at least 2.
    * ``questions`` (16): how many an episode has, at least 1.

    ``k`` can change from episode to episode (``lessons``).

    ## References
    Kirchner (1958), Age differences in short-term retention of rapidly changing information, for n-back; Morad et al.
    (2023), POPGym: benchmarking partially observable reinforcement learning, arXiv:2303.01859, for one to repeat.

    ## Deviations
    POPGym deals cards from decks, without replacement, and punishes wrong answers; here symbols are independent and
    wrong answers get 0.

    ## Version History
    * v0: first version.
    """

    adjustable = ("k",)

    def __init__(self, copies: int, k: int = 4, symbols: int = 4, questions: int = 16) -> None:
        super().__init__(copies)
        if symbols < 2:
            raise ValueError(f"symbols must be at least 2, not {symbols}: of one there is nothing to remember")
        if questions < 1:
            raise ValueError(f"questions must be at least 1, not {questions}")
        self.observation_space = spaces.Box(0, 1, (symbols,), np.float32)
        self.action_space = spaces.Discrete(symbols)
        self.symbols, self.questions = symbols, questions
        self._next = np.full(copies, _checked(k), np.int64)  # of the next episode
        self._k = self._next.copy()  # of this one
        self._seed, self._steps = np.zeros(copies, np.int64), np.zeros(copies, np.int64)

    @staticmethod
    def optimum(k: int = 4, symbols: int = 4, questions: int = 16) -> float:
        """The largest expected return of any agent."""
        return 1.0

    def adjust(self, index: int, keywords: Mapping[str, Any]) -> None:
        self._next[index] = _checked(keywords["k"])

    def reset(self, seeds: Array, where: Array) -> None:
        self._k[where] = self._next[where]
        self._seed[where], self._steps[where] = seeds[where], 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        asked = self._steps >= self._k
        right = asked & (actions == self._shown(np.maximum(self._steps - self._k, 0)))
        self._steps += 1
        reward = right.astype(np.float32) / np.float32(self.questions)
        return reward, self._steps >= self._k + self.questions, np.zeros(self.copies, bool)

    def _shown(self, step: Array) -> Array:
        """The symbol of a step in every copy, (K,)."""
        symbols: Array = (random_bits(self._seed, step) % np.uint64(self.symbols)).astype(np.int64)
        return symbols

    def observe(self) -> Array:
        seen = np.zeros((self.copies, self.symbols), np.float32)
        seen[np.arange(self.copies), self._shown(self._steps)] = 1
        return seen

    def draw(self, index: int) -> Array:
        """What was shown in the last steps, a row a symbol, the latest on the right; what is asked for is white."""
        back = np.arange(self._k[index], -1, -1)  # steps ago
        steps = self._steps[index] - back
        shown = random_bits(np.full(len(steps), self._seed[index]), np.maximum(steps, 0)) % np.uint64(self.symbols)
        cells = np.full((self.symbols, len(back)), 40, np.uint8)
        seen = steps >= 0
        cells[shown[seen].astype(np.int64), np.arange(len(back))[seen]] = np.where(back == self._k[index], 255, 140)[
            seen
        ]
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {"seed": self._seed.copy(), "steps": self._steps.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._seed, self._steps = state["seed"].copy(), state["steps"].copy()
        self._k = self._next.copy()


def _checked(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be a whole number of steps, at least 1, not {k}")
    return int(k)


@environment("devlearn/RepeatBack-v0")
class RepeatBackEnv(SingleEnv):
    __doc__ = RepeatBack.__doc__
    batch = RepeatBack
    optimum = staticmethod(RepeatBack.optimum)
