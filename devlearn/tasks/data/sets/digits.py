"""scikit-learn's digits, embedded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from devlearn.tasks.data.digit_words import ATTRIBUTES, described
from devlearn.tasks.data.source import DataSource, dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devlearn.tasks.data.source import Arrays

FILE = Path(__file__).parent.parent / "digits" / "digits.npz"


@dataset("digits")
class Digits(DataSource):
    """Small handwritten digits (Alpaydin and Kaynak 1998), those of scikit-learn, embedded.

    Each pixel is the number of ink dots in a block of 4 x 4, from 0 to 16, stretched to 0..255: 0 is paper, 255 full
    ink. The digits are those of 13 writers, who are not kept
    apart between the parts.

    Source:
        Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, doi:10.24432/C50P49.

    Deviations:
        These are the published test set alone, as scikit-learn has it (1,797 images). A fifth of each class, drawn at
        random once, is ``test`` here.
    """

    shape = (8, 8)
    counts = {  # noqa: RUF012
        "train": (143, 146, 142, 147, 145, 146, 145, 144, 140, 144),
        "test": (35, 36, 35, 36, 36, 36, 36, 35, 34, 36),
    }
    attributes = ATTRIBUTES
    head = "digits_8x8"  # "digits" is MNIST's

    def read(self, part: str) -> Arrays:
        with np.load(FILE, allow_pickle=False) as found:
            return found[f"{part}_images"], found[f"{part}_labels"].astype(np.int64)

    def describe(self, part: str, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return described(labels)
