"""Interval: to act after a duration that was shown, which takes a sense of time."""

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_bits

PRESS = 1
DURATION, ERROR = 0, 1  # which random word of an episode is which


class Interval(BatchEnv):
    """
    ## Description
    Reproduction of a duration: a light is on for some steps; when it has gone out, the learner waits as long and
    presses a button. Nothing is seen in the dark, so steps have to be counted in memory. The light is no perfect clock:
    a duration of d steps is shown by a light of s steps, uniform over the whole numbers within ``floor(scatter * d)``
    of d. So its spread grows in proportion to the duration (scalar variance, Weber's law), and the best answer to a
    light is not its length: the shortest duration that it may stand for is the likeliest.

    ## Action Space
    ``Discrete(2)``: 0 waits, 1 presses. While the light is on both do nothing.

    ## Observation Space
    ``Box(0, 1, (1,), float32)``: 1 while the light is on, 0 in the dark.

    ## Starting State
    The light is on. Durations from ``shortest`` to ``longest`` are equally likely, by a hash of the episode's seed.

    ## Reward
    1 for pressing in the d-th dark step, where d is the duration; 0 for everything else. So the mean return is the
    share of durations that were hit.

    ## Optimum
    ``(1/n) sum_s max_d P(s | d)`` over all lengths s that a light may have, where n is the number of durations and
    ``P(s | d) = 1 / (2 floor(scatter * d) + 1)`` within ``scatter * d`` of d, else 0: nothing is known but s, and one
    answer is given to it. 1 without scatter. Without memory the policy is the same in every dark step, and the mean
    return at most ``max_p (1/n) sum_d p (1 - p)^(d - 1)``.

    ## Episode End
    Termination: after a press in the dark, or after the ``longest``-th dark step without one.

    ## Arguments
    * ``shortest`` (2): steps, at least 1.
    * ``longest`` (8): steps, at least ``shortest``.
    * ``scatter`` (0.0): the spread of the light as a share of the duration, from 0 to .5.

    ## References
    Gibbon (1977), Scalar expectancy theory and Weber's law in animal timing; Jazayeri and Shadlen (2010), Temporal
    context calibrates interval timing, for reproducing a duration and for what is optimal.

    ## Deviations
    In both papers time is continuous and the noise is the observer's own; here time is steps and the noise is the
    light's, uniform instead of Gaussian. Only the exact step is rewarded, not a window around it.

    ## Version History
    * v0: first version.
    """

    def __init__(self, copies: int, shortest: int = 2, longest: int = 8, scatter: float = 0.0) -> None:
        super().__init__(copies)
        if shortest < 1:
            raise ValueError(f"shortest must be at least 1 step, not {shortest}")
        if longest < shortest:
            raise ValueError(f"longest must be at least shortest, {shortest}, not {longest}")
        if not 0 <= scatter <= 0.5:
            raise ValueError(f"scatter must be a share from 0 to .5, not {scatter}")
        self.observation_space = spaces.Box(0, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.shortest, self.longest, self.scatter = shortest, longest, scatter
        self._duration, self._light, self._steps = (np.zeros(copies, np.int64) for _ in range(3))

    @staticmethod
    def optimum(shortest: int = 2, longest: int = 8, scatter: float = 0.0) -> float:
        """The largest expected return of any agent."""
        best: dict[int, float] = {}
        for duration in range(shortest, longest + 1):
            spread = spread_of(duration, scatter)
            for light in range(duration - spread, duration + spread + 1):
                best[light] = max(best.get(light, 0), 1 / (2 * spread + 1))
        return sum(best.values()) / (longest - shortest + 1)

    def reset(self, seeds: Array, where: Array) -> None:
        words = [random_bits(seeds[where], word) for word in (DURATION, ERROR)]
        durations = self.shortest + (words[0] % np.uint64(self.longest - self.shortest + 1)).astype(np.int64)
        spread = np.array([spread_of(duration, self.scatter) for duration in durations], np.int64)
        self._duration[where] = durations
        self._light[where] = durations - spread + (words[1] % (2 * spread + 1).astype(np.uint64)).astype(np.int64)
        self._steps[where] = 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        self._steps += 1
        dark = self._steps - self._light  # which dark step this was, from 1
        pressed = (actions == PRESS) & (dark > 0)
        reward = (pressed & (dark == self._duration)).astype(np.float32)
        return reward, pressed | (dark >= self.longest), np.zeros(self.copies, bool)

    def observe(self) -> Array:
        return (self._steps < self._light).astype(np.float32)[:, None]

    def draw(self, index: int) -> Array:
        """The light over time, the step to press in, and now: three rows of cells, a step each."""
        duration, light = int(self._duration[index]), int(self._light[index])
        cells = np.full((3, 3 * self.longest), 40, np.uint8)
        cells[0, :light] = 255
        cells[1, light + duration - 1] = 160
        cells[2, min(self._steps[index], cells.shape[1] - 1)] = 255
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {name: getattr(self, f"_{name}").copy() for name in ("duration", "light", "steps")}

    def load(self, state: dict[str, Array]) -> None:
        self._duration, self._light, self._steps = (state[name].copy() for name in ("duration", "light", "steps"))


def spread_of(duration: int, scatter: float) -> int:
    """How many steps a light may be off, either side; a product that is whole but for its rounding counts as whole."""
    return int(scatter * duration + 1e-9)


@environment("devlearn/Interval-v0")
class IntervalEnv(SingleEnv):
    __doc__ = Interval.__doc__
    batch = Interval
    optimum = staticmethod(Interval.optimum)
