"""Data sets as tensors on the device, gathered by (N, B) indices.

Splits: ``mnist.train`` (the first 55,000 training images), ``mnist.valid`` (the last 5,000), ``mnist.train+valid``
(all 60,000) and ``mnist.test`` (10,000). ``valid`` is what hyperparameters, gates and teachers may look at. A second
test set for results that ``mnist.test`` has been asked about often, ``mnist.second``, is the last 5,000 of
``mnist.train``; who answers to it trains on ``mnist.rest``, the other 50,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Sense, sense_name
from devlearn.registry import nearest
from devlearn.scenario.splits import parts
from devlearn.streams import Streams
from devlearn.tasks.data.blur import blurred
from devlearn.tasks.data.mnist import read
from devlearn.tasks.data.sham import unstructured
from devlearn.tasks.data.shift import shifted

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SIZES = {
    "mnist.train": 55_000,
    "mnist.valid": 5_000,
    "mnist.train+valid": 60_000,
    "mnist.test": 10_000,
    "mnist.rest": 50_000,
    "mnist.second": 5_000,
}
STARTS = {"mnist.valid": 55_000, "mnist.second": 50_000}  # the first image in its file; others begin with it
FEWEST = {
    "mnist.train": 4_963,
    "mnist.valid": 458,
    "mnist.train+valid": 5_421,
    "mnist.test": 892,
    "mnist.rest": 4_506,
    "mnist.second": 457,
}  # of the rarest class
PARTS = {split: parts(split) for split in SIZES}  # which share no image
CLASSES = 10
IMAGE = Sense(spaces.Box(0, 255, (28, 28), np.uint8))
IMAGE_SENSE = sense_name(IMAGE.space, "mnist")


@dataclass(frozen=True)
class Dataset:
    """``images`` (M, 28, 28) uint8 and ``labels`` (M,) int64, on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def spread(self, count: int) -> Dataset:
        """``count`` images at even distances (the files are not shuffled: their beginnings differ from the rest)."""
        rows = torch.from_numpy(spread_rows(count, len(self))).to(self.labels.device)
        return Dataset(self.images[rows], self.labels[rows])


def spread_rows(count: int, length: int) -> NDArray[np.int64]:
    """``count`` places, or all, at even distances in a data set of ``length``."""
    kept = min(count, length)
    return np.arange(kept) * length // kept


def places(split: str) -> tuple[str, int]:
    """Where a split stands: the data that it is part of, and the place of its first image there.

    All but ``mnist.test`` are parts of the training images, so a label of two of them is known to be one.
    """
    size(split)
    part = "test" if split == "mnist.test" else "train"
    return f"mnist {part}", STARTS.get(split, 0)


def size(split: str) -> int:
    """The number of images in a split, without reading it. Raises ValueError with the nearest name."""
    if split not in SIZES:
        hint = nearest(split, tuple(SIZES))
        raise ValueError(
            f"unknown data {split!r}; " + (f"did you mean {hint!r}?" if hint else f"there are {', '.join(SIZES)}")
        )
    return SIZES[split]


def most_balanced(split: str) -> int:
    """How many images a class-balanced draw can have: as many of each class as the rarest has."""
    return CLASSES * FEWEST[split]


@lru_cache(maxsize=8)
def load(split: str, device: torch.device) -> Dataset:
    """A split on a device. Raises ValueError for an unknown split, OSError where a file is damaged."""
    count = size(split)
    images, labels = read("t10k" if split == "mnist.test" else "train")
    _, start = places(split)
    rows = slice(start, start + count)
    return Dataset(images[rows].to(device), labels[rows].to(device))


@lru_cache(maxsize=4)
def load_altered(split: str, device: torch.device, sham: bool = False, shift: int = 0, blur: float = 0.0) -> Dataset:
    """A split whose images have lost their structure, are moved by up to ``shift`` pixels, are out of focus.

    ``blur`` is the standard deviation of a Gaussian in pixels. Raises what ``load`` raises.
    """
    seen = load(split, device)
    images = unstructured(seen.images, split) if sham else seen.images
    images = shifted(images, shift, split) if shift else images
    return Dataset(blurred(images, blur) if blur else images, seen.labels)


def balanced(labels: Tensor, count: int, streams: Streams) -> Tensor:
    """A class-balanced draw of ``count`` indices for each learner: (N, count).

    Each class gives count // 10 images, and the remainder goes to classes drawn at random.
    """
    by_class = [np.flatnonzero(labels.cpu().numpy() == digit) for digit in range(CLASSES)]

    def draw(rng: np.random.Generator) -> np.ndarray:
        shares = np.full(CLASSES, count // CLASSES)
        shares[rng.permutation(CLASSES)[: count % CLASSES]] += 1
        return np.concatenate(
            [rng.choice(rows, share, replace=False) for rows, share in zip(by_class, shares, strict=True)]
        )

    return torch.from_numpy(np.stack([draw(rng) for rng in streams.generators])).to(labels.device)
