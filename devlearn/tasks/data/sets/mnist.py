"""MNIST, embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devlearn.tasks.data.digit_words import ATTRIBUTES, described
from devlearn.tasks.data.mnist import read
from devlearn.tasks.data.source import DataSource, dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devlearn.tasks.data.source import Arrays

FIRST = {"rest": 0, "second": 50_000, "valid": 55_000}  # the place of a part's first image in the training file


@dataset("mnist")
class Mnist(DataSource):
    """Handwritten digits (LeCun, Cortes and Burges 1998), embedded.

    Grey levels are bytes, 0 is paper and 255 full ink. ``test`` is the published test file. Of the published training
    file, in its order, ``train`` is the first 55,000 images and ``valid`` the last 5,000. ``second``, the last 5,000 of
    ``train``, is a second test set; what is tested on it is trained on ``rest``, the other 50,000.

    Source:
        LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition.

    Deviations:
        None known: the files' MD5 sums are checked.
    """

    shape = (28, 28)
    counts = {  # noqa: RUF012
        "rest": (4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988),
        "second": (502, 534, 497, 521, 484, 457, 485, 527, 515, 478),
        "valid": (489, 530, 493, 509, 499, 458, 482, 563, 494, 483),
        "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    }
    attributes = ATTRIBUTES
    head = "digits"

    def read(self, part: str) -> Arrays:
        if part == "test":
            return read("t10k")
        images, labels = read("train")
        rows = slice(FIRST[part], FIRST[part] + sum(self.counts[part]))
        return images[rows], labels[rows]

    def describe(self, part: str, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return described(labels)


@dataset("mnist32")
class PaddedMnist(Mnist):
    """MNIST's digits with two black pixels on every side, as some published settings have them; embedded.

    Parts, classes and read-out are those of ``mnist``.

    Source:
        LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, whose network
        sees digits of this size.

    Deviations:
        The margin has the brightness of paper, 0; nothing is normalised here.
    """

    shape = (32, 32)

    def read(self, part: str) -> Arrays:
        images, labels = super().read(part)
        return np.pad(images, ((0, 0), (2, 2), (2, 2))), labels


MNIST = Mnist()
