"""DigitReach: move the gaze until a digit is in the middle of the view."""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.lib.stride_tricks import sliding_window_view

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment, random_bits

SIDE, STRIDE = 28, 2  # pixels
STORED, TRAINING = 60_000, 55_000  # images in the file; the last 5,000 are the validation split
COST = 0.01
FRAME = 120  # brightness of the drawn view's frame
MOVES = STRIDE * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])  # how the digit moves in the view: down, right


@cache
def training_images() -> Array:
    """The training part of MNIST's training images: (55000, 28, 28) uint8, read-only, read once a process."""
    path = files("devlearn").joinpath("tasks/data/mnist/train-images-idx3-ubyte.gz")
    content = gzip.decompress(path.read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(STORED, SIDE, SIDE)[:TRAINING]


class DigitReach(BatchEnv):
    """
    ## Description
    The learner looks at a picture in which one handwritten digit (MNIST) lies off the centre of its view, and moves its
    gaze until the digit is in the middle: it orients towards what it sees, as infants do before they can name anything.
    The images are those of ``mnist.train`` alone, the first 55,000 of the 60,000 training images. Labels are never
    read, and the reward does not depend on them: otherwise play would be supervised learning, and its labels be
    charged.

    ## Action Space
    ``Discrete(5)``: 0 stays, 1, 2, 3, 4 move the gaze by 2 pixels up, down, left, right. The digit moves in the view
    against the gaze; at the edge, ``reach`` pixels from the digit on an axis, the gaze stops.

    ## Observation Space
    ``Box(0, 255, (28, 28), uint8)``: the view. What lies outside the picture is black.

    ## Starting State
    A uniformly drawn image, displaced by uniformly drawn even numbers of pixels up to ``reach`` on both axes, never
    centred. Both come from a hash of the episode's seed.

    ## Reward
    The decrease of the city-block distance between the gaze and the digit, in pixels, divided by 8; minus 0.01 for
    every step; plus 1 on reaching the centre. (The shaping is a difference of potentials, so it sums to the distance
    at the start and favours no detour.)

    ## Episode End
    Termination: the digit is centred. Truncation: after ``limit`` steps.

    ## Arguments
    * ``reach`` (8): the largest displacement on an axis, in pixels: an even number from 2 to 26.
    * ``limit`` (16): the steps after which an episode is truncated.

    ## References
    Johnson et al. (1991), Newborns' preferential tracking of face-like stimuli, doi:10.1016/0010-0277(91)90045-6; Ng,
    Harada and Russell (1999), Policy invariance under reward transformations; LeCun et al. (1998), MNIST.

    ## Deviations
    Johnson et al. show moving faces, which newborns follow with eyes and head; here digits stand still. Ng et al.
    discount the potential of the next state; here it is undiscounted, so that the shaping favours no policy in the
    undiscounted return.

    ## Version History
    * v0: first version.
    """

    adjustable = ("reach", "limit")

    def __init__(self, copies: int, reach: int = 8, limit: int = 16) -> None:
        super().__init__(copies)
        self.observation_space = spaces.Box(0, 255, (SIDE, SIDE), np.uint8)
        self.action_space = spaces.Discrete(len(MOVES))
        given = np.array([_sensible(reach, limit)] * copies)
        self._given = given  # reach and limit of the next episode, (K, 2)
        self._reach, self._limit = given.T.copy()  # of this one
        self._image = np.zeros(copies, np.int64)
        self._offset = np.zeros((copies, 2), np.int64)  # of the digit in the view: down, right
        self._steps = np.zeros(copies, np.int64)
        self._rows = np.arange(copies)
        self._frame(reach)

    def _frame(self, margin: int) -> None:
        """Room for pictures with so many black pixels on every side: the largest reach of all."""
        self._margin = margin
        self._padded = np.zeros((self.copies, SIDE + 2 * margin, SIDE + 2 * margin), np.uint8)
        self._views = sliding_window_view(self._padded, (SIDE, SIDE), axis=(1, 2))  # (K, 2R+1, 2R+1, 28, 28)

    def adjust(self, index: int, keywords: Mapping[str, Any]) -> None:
        now = dict(zip(self.adjustable, self._given[index].tolist(), strict=True))
        self._given[index] = _sensible(**{**now, **{key: keywords[key] for key in now if key in keywords}})

    def reset(self, seeds: Array, where: Array) -> None:
        self._reach[where], self._limit[where] = self._given[where].T
        seeds, reach = seeds[where], self._reach[where]
        side = reach // STRIDE * 2 + 1
        cell = (random_bits(seeds, 1) % (side * side - 1).astype(np.uint64)).astype(np.int64)
        cell += cell >= side * side // 2  # the middle cell is the centre
        self._image[where] = random_bits(seeds, 0) % np.uint64(TRAINING)
        self._offset[where] = STRIDE * np.stack([cell // side, cell % side], axis=1) - reach[:, None]
        self._steps[where] = 0
        self._show(where)

    def _show(self, where: Array) -> None:
        if (largest := int(self._reach.max())) > self._margin:
            self._frame(largest)
            where = np.ones(self.copies, bool)
        inner = slice(self._margin, self._margin + SIDE)
        self._padded[where, inner, inner] = training_images()[self._image[where]]

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        before = np.abs(self._offset).sum(1)
        self._offset = np.clip(self._offset + MOVES[actions], -self._reach[:, None], self._reach[:, None])
        after = np.abs(self._offset).sum(1)
        self._steps += 1
        reached = after == 0
        reward = ((before - after) / 8 - COST + reached).astype(np.float32)
        return reward, reached, self._steps >= self._limit

    def observe(self) -> Array:
        down, right = self._margin - self._offset.T
        return self._views[self._rows, down, right]

    def draw(self, index: int) -> Array:
        """The digit in its place and the learner's gaze: what is out of view is dim, the view has a frame.

        (H, W) uint8 with H = W = 28 + 2 * ``reach`` pixels, doubled where that fits into 96.
        """
        reach = int(self._reach[index])
        side = SIDE + 2 * reach
        scene, inner = np.zeros((side, side), np.uint8), slice(reach, reach + SIDE)
        scene[inner, inner] = training_images()[self._image[index]]
        down, right = (reach - self._offset[index]).tolist()
        view = (slice(down, down + SIDE), slice(right, right + SIDE))
        picture = scene // 3
        picture[view] = FRAME
        within = tuple(slice(part.start + 1, part.stop - 1) for part in view)
        picture[within] = scene[within]
        times = 2 if 2 * side <= 96 else 1
        return picture.repeat(times, 0).repeat(times, 1)

    def state(self) -> dict[str, Array]:
        return {"image": self._image.copy(), "offset": self._offset.copy(), "steps": self._steps.copy()}

    def load(self, state: dict[str, Array]) -> None:
        self._image, self._offset, self._steps = (state[name].copy() for name in ("image", "offset", "steps"))
        self._reach, self._limit = self._given.T.copy()
        self._show(np.ones(self.copies, bool))


def _sensible(reach: int, limit: int) -> tuple[int, int]:
    """The arguments. Raises ValueError where they make no sense."""
    if reach % STRIDE or not STRIDE <= reach < SIDE:
        raise ValueError(f"reach must be an even number from {STRIDE} to {SIDE - STRIDE}, not {reach}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1 step, not {limit}")
    return reach, limit


@environment("devlearn/DigitReach-v0")
class DigitReachEnv(SingleEnv):
    __doc__ = DigitReach.__doc__
    batch = DigitReach

    @staticmethod
    def bot(observation: Array, rng: np.random.Generator) -> int:
        """The gaze moves along the axis on which the middle of what is bright, (28, 28) bytes, is further off."""
        bright = observation.astype(float)
        off = np.array([bright.sum(1), bright.sum(0)]) @ np.arange(SIDE) / max(bright.sum(), 1.0) - SIDE / 2
        axis = int(abs(off[1]) > abs(off[0]))
        return 1 + 2 * axis + int(off[axis] > 0)
