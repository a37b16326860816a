"""Confounded: the more of it, the worse, for all who watch; the more of it, the better, for all who act."""

import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, enlarged, environment, random_shares

ACTS = ("natural", "random", "choose")


class Confounded(BatchEnv):
    """
    ## Description
    Confounding: an unseen state u raises the natural dose and lowers the outcome. A dose x has the outcome ``y = effect
    x - confounding u + noise w``; the natural dose is ``0.6 u + 0.2 v``. In every step u, v and w are independent and
    uniform in [-1, 1). The regression of y on natural doses has the slope ``effect - 1.5 confounding``, which with the
    defaults is -1 instead of 0.5. Setting the dose independently of the natural one shows the effect itself.

    ## Action Space
    ``Box(-1, 1, (1,), float32)``: the dose x; numbers beyond the bounds count as the nearest bound.

    ## Observation Space
    ``Box(-1, 1, (4,), float32)``: the natural dose of this step; the dose that was taken in the step before; the
    outcome y of the step before, divided by 4 (both 0 in the first step); the share of steps left.

    ## Starting State
    u, v and w of each step are hashes of the episode's seed and the step.

    ## Reward
    The outcome y of the step.

    ## Episode End
    Termination: after ``limit`` steps.

    ## Arguments
    * ``effect`` (0.5): of a dose of 1 on y, from 0 to 1.
    * ``confounding`` (1.0): harm of a state u of 1, from 0 to 2.
    * ``noise`` (0.5): the largest noise in y, either side, from 0 to 1.
    * ``acts`` (choose): ``natural``, the natural dose is taken, and ``random``, one that is uniform in [-1, 1),
      whatever the action is; ``choose``, the action is taken.
    * ``limit`` (16): steps of an episode, at least 1.

    ## References
    Pearl (2009), Causality, chapter 3, for confounding and for what an intervention does to it.

    ## Deviations
    None known: the book gives the principle, the equations are this environment's own.

    ## Version History
    * v0: first version.
    """

    def __init__(
        self,
        copies: int,
        effect: float = 0.5,
        confounding: float = 1.0,
        noise: float = 0.5,
        acts: str = "choose",
        limit: int = 16,
    ) -> None:
        super().__init__(copies)
        for name, value, most in (("effect", effect, 1), ("confounding", confounding, 2), ("noise", noise, 1)):
            if not 0 <= value <= most:
                raise ValueError(f"{name} must be from 0 to {most}, not {value}")
        if acts not in ACTS:
            raise ValueError(f"acts must be one of {', '.join(ACTS)}, not {acts!r}")
        if limit < 1:
            raise ValueError(f"limit must be at least 1 step, not {limit}")
        self.observation_space = spaces.Box(-1.0, 1.0, (4,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.effect, self.confounding, self.noise, self.acts, self.limit = effect, confounding, noise, acts, limit
        self._seed, self._steps = np.zeros(copies, np.int64), np.zeros(copies, np.int64)
        self._before = np.zeros((copies, 2))  # dose, y

    def _signed(self, which: int) -> Array:
        """A number in [-1, 1) of this step, (K,)."""
        return 2 * random_shares(self._seed, 4 * self._steps + which) - 1

    def _natural(self) -> Array:
        dose: Array = 0.6 * self._signed(0) + 0.2 * self._signed(1)
        return dose

    def reset(self, seeds: Array, where: Array) -> None:
        self._seed[where], self._steps[where], self._before[where] = seeds[where], 0, 0.0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        dose = np.clip(np.asarray(actions, np.float64)[:, 0], -1, 1)
        if self.acts == "natural":
            dose = self._natural()
        elif self.acts == "random":
            dose = self._signed(3)
        y = self.effect * dose - self.confounding * self._signed(0) + self.noise * self._signed(2)
        self._before = np.stack([dose, y], 1)
        self._steps += 1
        return y.astype(np.float32), self._steps >= self.limit, np.zeros(self.copies, bool)

    def observe(self) -> Array:
        left = np.clip(1 - self._steps / self.limit, 0, 1)
        return np.stack([self._natural(), self._before[:, 0], self._before[:, 1] / 4, left], 1).astype(np.float32)

    def draw(self, index: int) -> Array:
        """The natural dose, the last dose and what it did, each a mark on a line from low to high: rows of cells."""
        natural, dose, effect, _ = self.observe()[index]
        cells = np.full((3, 33), 40, np.uint8)
        cells[[0, 1, 2], [round(16 + 16 * float(np.clip(mark, -1, 1))) for mark in (natural, dose, effect)]] = 255
        return enlarged(cells)

    def state(self) -> dict[str, Array]:
        return {"seed": self._seed.copy(), "steps": self._steps.copy(), "before": self._before.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._seed, self._steps, self._before = (state[name].copy() for name in ("seed", "steps", "before"))


def passive_slope(effect: float, confounding: float) -> float:
    """Of the regression of y on natural doses: ``effect - confounding cov(u, x) / var(x)``, var(u) being 1/3."""
    return effect - confounding * 0.6 / (0.6**2 + 0.2**2)


@environment("devlearn/Confounded-v0")
class ConfoundedEnv(SingleEnv):
    __doc__ = Confounded.__doc__
    batch = Confounded
