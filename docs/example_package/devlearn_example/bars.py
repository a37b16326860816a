"""A data set."""

import numpy as np

from devlearn.plugin import DataSource, dataset

SIDE = 9


@dataset("example_bars")
class Bars(DataSource):
    """Upright and level bars, each at a place of its own, on a noisy ground."""

    shape = (SIDE, SIDE)
    counts = {"train": (200, 200), "test": (50, 50)}  # noqa: RUF012

    def read(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(("train", "test").index(part))
        labels = np.repeat([0, 1], self.counts[part])
        images = rng.integers(0, 120, (len(labels), SIDE, SIDE), dtype=np.uint8)
        for image, label, place in zip(images, labels, rng.integers(SIDE, size=len(labels)), strict=True):
            image[place if label else slice(None), slice(None) if label else place] = 200
        return images, labels
