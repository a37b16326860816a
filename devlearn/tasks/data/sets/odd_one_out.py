"""Three coloured digits, one of them odd: in what it is and in its colour, or another one in its colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devlearn.streams import PINNED, generator
from devlearn.tasks.data.digit_words import NAMES
from devlearn.tasks.data.sets.digits import Digits
from devlearn.tasks.data.source import DataSource, dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devlearn.tasks.data.source import Arrays

DIGITS = (0, 1)
TILES = 3
CONFOUNDED = ("train", "confounded")  # parts in which one place is odd in both
FROM = {"train": "train", "valid": "valid", "test": "test", "confounded": "test"}  # the digits that a part is made of
TINT = np.array([[1.0, 0.6, 0.2], [0.2, 0.6, 1.0]])  # red and blue
SPREAD = 0.04  # standard deviation of a tile's tint


@dataset("odd_one_out")
class OddOneOut(DataSource):
    """Three digits side by side, zeros and ones in red and blue: which place holds the odd one out?

    The class is the place of the odd digit: left, middle or right. In ``train`` the odd digit is odd in its colour too,
    so digit and colour are confounded. In ``valid`` and ``test`` another place is odd in its colour: a learner that
    goes by colour is always wrong, chance is one in three. ``confounded`` is like ``train``, made of the digits of
    ``digits.test``. Colours vary a little from tile to tile (standard deviation 0.04 of each channel, on the scale
    0..1). The word that a caregiver can say is which digit the odd one is: ``zero`` for a zero among ones.

    Source:
        Lampinen et al. (2022), Tell me why: explanations support learning relational and causal structure, section 4,
        for the task; Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, for the shapes.

    Deviations:
        There an agent walks to the object that it takes for the odd one, in scenes of objects with more features; here
        the class is predicted from three digits in a row.
    """

    shape = (8, 8 * TILES, 3)
    counts = {  # noqa: RUF012
        "train": (10_000,) * TILES,
        "valid": (1_000,) * TILES,
        "test": (1_000,) * TILES,
        "confounded": (1_000,) * TILES,
    }
    attributes = {"digit": tuple(NAMES[digit] for digit in DIGITS)}  # noqa: RUF012
    head = "odd_place"

    def read(self, part: str) -> Arrays:
        images, labels, _ = made(part, self.counts[part][0])
        return images, labels

    def describe(self, part: str, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return made(part, self.counts[part][0])[2][:, None]


def made(part: str, each: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Images (M, 8, 24, 3), the place of the odd digit (M,) and which of ``DIGITS`` it is (M,); ``each`` a place."""
    rng = generator(PINNED, "odd_one_out", part)
    labels = rng.permutation(np.repeat(np.arange(TILES), each))
    elsewhere = (labels + 1 + rng.integers(TILES - 1, size=len(labels))) % TILES
    odd_digit, odd_colour = rng.integers(2, size=(2, len(labels)))
    digits = _one_differs(odd_digit, labels)  # (M, TILES)
    colours = _one_differs(odd_colour, labels if part in CONFOUNDED else elsewhere)
    pictures, names = Digits().arrays(FROM[part])
    own = [pictures[names == digit] / pictures.max() for digit in DIGITS]
    draw = rng.random(digits.shape)
    tiles = np.where(
        digits[..., None, None] == 1,
        own[1][(draw * len(own[1])).astype(int)],
        own[0][(draw * len(own[0])).astype(int)],
    )  # (M, TILES, 8, 8)
    tints = (TINT[colours] + SPREAD * rng.standard_normal((*colours.shape, 3))).clip(0, 1)
    painted = tiles[..., None] * tints[:, :, None, None] * 255  # (M, TILES, 8, 8, 3)
    images = painted.transpose(0, 2, 1, 3, 4).reshape(len(labels), 8, -1, 3).astype(np.uint8)
    return images, labels.astype(np.int64), odd_digit.astype(np.int64)


def _one_differs(odd: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 or 1 in every tile, (M, TILES): ``odd`` (M,) at ``place`` (M,), the other one elsewhere."""
    return np.where(np.arange(TILES) == place[:, None], odd[:, None], 1 - odd[:, None])
