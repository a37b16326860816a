"""StrategicStudent: which of several topics to practise next, where what practice brings is known."""

from collections.abc import Callable, Sequence

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment

HEIGHT, BAR = 64, 16  # pixels


class StrategicStudent(BatchEnv):
    """
    ## Description
    Allocation of study time: a student practises one of several topics in each step of a course. After ``n`` practices
    the score in topic k is ``ceiling_k (1 - exp(-rate_k n))``. As these learning curves are known, so are the best
    allocation and that of a student who follows learning progress: the functions ``optimal`` and ``by_progress`` of
    ``devlearn_envs.strategic_student``.

    ## Action Space
    ``Discrete(K)``: which of the K topics to practise.

    ## Observation Space
    ``Box(0, max(ceilings, 1), (K + 1,), float32)``: the score in each topic, and the share of the course left.

    ## Starting State
    All scores are 0; the seed decides nothing.

    ## Reward
    What the practice adds to the score of its topic, divided by K. So the return is the mean score at the course's end.

    ## Episode End
    Termination: after ``limit`` steps, when the course is over.

    ## Arguments
    * ``ceilings`` (1, 1, 1, 0): the score of each topic after endless practice, 0 or more; at 0 it can't be learned.
    * ``rates`` (0.2, 0.1, 0.05, 0.1): how fast each is learned, above 0; as many as ceilings.
    * ``limit`` (100): steps of the course, at least 1.

    ## References
    Lopes and Oudeyer (2012), The strategic student approach for life-long exploration and learning,
    doi:10.1109/DevLrn.2012.6400807.

    ## Deviations
    Learning curves are of one form alone, exponential and without noise, and practice of one topic changes no other.

    ## Version History
    * v0: first version.
    """

    def __init__(
        self,
        copies: int,
        ceilings: Sequence[float] = (1.0, 1.0, 1.0, 0.0),
        rates: Sequence[float] = (0.2, 0.1, 0.05, 0.1),
        limit: int = 100,
    ) -> None:
        super().__init__(copies)
        if len(ceilings) != len(rates) or len(rates) < 2:
            raise ValueError(
                f"ceilings and rates must be two or more and as many, not {len(ceilings)} and {len(rates)}"
            )
        if min(ceilings) < 0:
            raise ValueError(f"ceilings must be 0 or more, not {min(ceilings)}")
        if min(rates) <= 0:
            raise ValueError(f"rates must be above 0, not {min(rates)}")
        if limit < 1:
            raise ValueError(f"limit must be at least 1 step, not {limit}")
        self.ceilings, self.rates, self.limit = np.asarray(ceilings, float), np.asarray(rates, float), limit
        highest = max(1.0, float(self.ceilings.max()))
        self.observation_space = spaces.Box(0.0, highest, (len(rates) + 1,), np.float32)
        self.action_space = spaces.Discrete(len(rates))
        self._practised, self._rows = np.zeros((copies, len(rates)), np.int64), np.arange(copies)

    def reset(self, seeds: Array, where: Array) -> None:
        self._practised[where] = 0

    def scores(self) -> Array:
        """The score in every topic, (K, topics) float64."""
        found: Array = self.ceilings * -np.expm1(-self.rates * self._practised)
        return found

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        before = self.scores().mean(1)
        self._practised[self._rows, actions] += 1
        reward = (self.scores().mean(1) - before).astype(np.float32)
        return reward, self._practised.sum(1) >= self.limit, np.zeros(self.copies, bool)

    def observe(self) -> Array:
        left = np.clip(1 - self._practised.sum(1) / self.limit, 0, 1)
        return np.concatenate([self.scores(), left[:, None]], 1).astype(np.float32)

    def draw(self, index: int) -> Array:
        """A bar a topic, as high as its score; dim up to its ceiling: (64, 16 K) uint8."""
        rows = np.arange(HEIGHT)[::-1, None] / HEIGHT * float(self.observation_space.high.max())
        shown = np.where(rows < self.scores()[index], 255, np.where(rows < self.ceilings, 80, 0))
        return shown.astype(np.uint8).repeat(BAR, 1)

    def state(self) -> dict[str, Array]:
        return {"practised": self._practised.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._practised = state["practised"].copy()


def optimal(ceilings: Sequence[float], rates: Sequence[float], practices: float) -> Array:
    """How often each topic is practised, (K,), where the sum of scores is largest; parts of a practice count.

    What the next practice brings, ``ceiling rate exp(-rate n)``, is one and the same ``u`` in all topics that are
    practised at all, so ``n = max(0, log(ceiling rate / u) / rate)`` with the ``u`` at which these add up.
    """
    gains, speeds = np.multiply(ceilings, rates), np.asarray(rates, float)
    learnable = gains > 0

    def at(level: float) -> Array:
        found = np.zeros(len(gains))
        found[learnable] = np.maximum(0, (np.log(gains[learnable]) - level) / speeds[learnable])
        return found

    return at(_root(lambda level: at(level).sum(), practices, np.log(gains[learnable]).max(), rising=False))


def by_progress(ceilings: Sequence[float], rates: Sequence[float], practices: float) -> Array:
    """How often each topic is practised, (K,), by who draws topics in proportion to their progress, on average.

    A practice, of probability ``p / sum(p)``, takes ``p`` to ``p exp(-rate)``. So ``1 / p`` grows on average by
    ``(exp(rate) - 1) / sum(p)`` in every step, whatever is practised, and ``n`` is ``log(1 + p0 (exp(rate) - 1) s) /
    rate`` with the ``s``, the same for all, at which these add up. ``p0`` is what the first practice brings.
    """
    speeds = np.asarray(rates, float)
    gains = np.multiply(ceilings, -np.expm1(-speeds)) * np.expm1(speeds)

    def at(level: float) -> Array:
        found: Array = np.log1p(gains * np.exp(level)) / speeds
        return found

    return at(_root(lambda level: at(level).sum(), practices, 0.0, rising=True))


def _root(total: Callable[[float], float], wanted: float, start: float, rising: bool) -> float:
    """Where a function of one sign of slope is as large as wanted, by halving."""
    sign, low, high = (1 if rising else -1), start - 1.0, start + 1.0
    while sign * (total(low) - wanted) > 0:
        low, high = low - 2 * (high - low), low
    while sign * (total(high) - wanted) < 0:
        low, high = high, high + 2 * (high - low)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sign * (total(middle) - wanted) < 0 else (low, middle)
    return (low + high) / 2


@environment("devlearn/StrategicStudent-v0")
class StrategicStudentEnv(SingleEnv):
    __doc__ = StrategicStudent.__doc__
    batch = StrategicStudent
