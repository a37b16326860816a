"""CartPole-v1 for K copies at once, equal to Gymnasium's bit for bit."""

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.random import PCG64

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment
from devlearn_envs.pcg64 import random_raw

GRAVITY, FORCE, TAU, LENGTH = 9.8, 10.0, 0.02, 0.5  # m/s^2, N, s, half the pole in m
MASS_POLE, TOTAL_MASS = 0.1, 0.1 + 1.0
POLE_MOMENT = MASS_POLE * LENGTH
X_LIMIT, ANGLE_LIMIT, START = 2.4, 12 * 2 * math.pi / 360, 0.05
HEIGHT, WIDTH, SCALE, AXLE = 48, 160, 32, 38  # pixels of a picture, pixels a metre, the row of the pole's foot
HIGH = np.array([X_LIMIT * 2, np.inf, ANGLE_LIMIT * 2, np.inf], np.float32)


class CartPole(BatchEnv):
    """
    ## Description
    A pole stands on a cart that moves along a frictionless track; pushing the cart keeps the pole upright. A step is
    0.02 s. A batch-native twin of Gymnasium's ``CartPole-v1``: the same seed and actions give the same observations,
    rewards and ends, bit for bit.

    ## Action Space
    ``Discrete(2)``: 0 pushes the cart to the left with 10 N, 1 to the right.

    ## Observation Space
    ``Box((4,), float32)``: the cart's position (m) and velocity (m/s), the pole's angle (rad) and angular velocity
    (rad/s). The bounds of position and angle are twice those at which the episode ends.

    ## Starting State
    All four numbers uniform in [-0.05, 0.05), drawn from PCG64 with the episode's seed.

    ## Reward
    1 for every step, the last one included.

    ## Episode End
    Termination: the cart further than 2.4 m from the centre, or the pole more than 12 degrees from upright.
    Truncation: after 500 steps.

    ## Arguments
    None.

    ## References
    Barto, Sutton and Anderson (1983), Neuronlike adaptive elements that can solve difficult learning control problems,
    doi:10.1109/TSMC.1983.6313077; Gymnasium's ``gymnasium/envs/classic_control/cartpole.py``.

    ## Deviations
    None known from Gymnasium's. Barto et al. have friction of cart and pole, and a reward of -1 at failure and 0 before
    it.

    ## Version History
    * v1: as Gymnasium's v1 (Euler integration, 500 steps).
    """

    LIMIT = 500

    def __init__(self, copies: int) -> None:
        super().__init__(copies)
        self.observation_space = spaces.Box(-HIGH, HIGH, dtype=np.float32)
        self.action_space = spaces.Discrete(2)
        self._body = np.zeros((4, copies))  # x, velocity, angle, angular velocity
        self._steps = np.zeros(copies, np.int64)
        self._ahead: dict[int, Any] = {}  # seeds of episodes to come: the four words that they begin with

    def foresee(self, seeds: Array) -> None:
        self._ahead.update(zip(seeds.tolist(), random_raw(seeds, 4).tolist(), strict=True))

    def reset(self, seeds: Array, where: Array) -> None:
        # Raw words of PCG64 are turned into numbers as Generator.uniform does, without the cost of a Generator.
        asked = seeds[where].tolist()
        words = np.array([self._ahead.pop(seed, None) or PCG64(seed).random_raw(4) for seed in asked], np.uint64)
        uniform = (words.reshape(-1, 4) >> np.uint64(11)) * (1.0 / 2**53)
        self._body[:, where] = (-START + (START - -START) * uniform).T
        self._steps[where] = 0

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        _, velocity, angle, spin = self._body
        cos, sin = np.cos(angle), np.sin(angle)
        push = np.where(actions == 1, FORCE, -FORCE)
        # The order of the operations is Gymnasium's: another one rounds differently.
        pull = (push + POLE_MOMENT * np.square(spin) * sin) / TOTAL_MASS
        turn = (GRAVITY * sin - cos * pull) / (LENGTH * (4.0 / 3.0 - MASS_POLE * np.square(cos) / TOTAL_MASS))
        drive = pull - POLE_MOMENT * turn * cos / TOTAL_MASS
        self._body = self._body + TAU * np.stack([velocity, drive, spin, turn])
        self._steps += 1
        terminated = (np.abs(self._body[0]) > X_LIMIT) | (np.abs(self._body[2]) > ANGLE_LIMIT)
        return np.ones(self.copies, np.float32), terminated, self._steps >= self.LIMIT

    def observe(self) -> Array:
        return np.ascontiguousarray(self._body.T, np.float32)

    def draw(self, index: int) -> Array:
        """Cart, pole and track from the side: (48, 160) uint8, dark on white."""
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        x, _, angle, _ = self._body[:, index]
        across = (columns - (WIDTH - 1) / 2) / SCALE - x  # m to the right of the cart
        above = (AXLE - rows) / SCALE  # m above the pole's foot
        along = np.clip(across * math.sin(angle) + above * math.cos(angle), 0, 2 * LENGTH)
        pole = np.hypot(across - along * math.sin(angle), above - along * math.cos(angle)) < 0.05
        cart = (np.abs(across) < 0.25) & (np.abs(above + 0.1) < 0.12)
        picture = np.full((HEIGHT, WIDTH), 255, np.uint8)
        picture[AXLE + 7] = 160
        picture[cart], picture[pole] = 90, 0
        return picture

    def state(self) -> dict[str, Array]:
        return {"body": self._body.T.copy(), "steps": self._steps.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._body = np.ascontiguousarray(state["body"].T)
        self._steps = state["steps"].copy()


@environment("devlearn/CartPole-v1")
class CartPoleEnv(SingleEnv):
    __doc__ = CartPole.__doc__
    batch = CartPole
