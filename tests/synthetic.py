"""Tiny data sets of no package: colour images of 12 x 10 with three classes, grey ones of 8 x 8 with four."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devlearn.plugin import DataSource, dataset


class Patches(DataSource):
    """Every class has a place of its own that is bright, on a noisy ground."""

    attributes = {"parity": ("even", "odd"), "place": ("first", "second", "later")}  # noqa: RUF012

    def read(self, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        rng = np.random.default_rng(list(self.counts).index(part))
        labels = np.repeat(np.arange(self.classes), self.counts[part])
        rng.shuffle(labels)
        images = rng.integers(0, 90, (len(labels), *self.shape), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 3, 2 * label : 2 * label + 3] += 150
        return images, labels

    def describe(self, part: str, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.stack([labels % 2, np.minimum(labels, 2)], 1)


@dataset("tests.synthetic:Colour")
class Colour(Patches):
    """Colour images, higher than wide."""

    shape = (12, 10, 3)
    counts = {"train": (60, 50, 40), "test": (20, 20, 20)}  # noqa: RUF012


@dataset("tests.synthetic:Small")
class Small(Patches):
    """Small grey images."""

    shape = (8, 8)
    counts = {"train": (40,) * 4, "test": (15,) * 4}  # noqa: RUF012


@dataset("tests.synthetic:Photos")
class Photos(Patches):
    """Images of CIFAR-10's shape."""

    shape = (32, 32, 3)
    counts = {"train": (60,) * 10, "test": (20,) * 10}  # noqa: RUF012
