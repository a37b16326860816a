"""Data sets as tensors on the device, gathered by (N, B) indices.

A split is named ``SET.PART``: ``mnist.train`` (the first 55,000 training images), ``mnist.valid`` (the last 5,000),
``mnist.train+valid`` (all 60,000) and ``mnist.test`` (10,000). ``valid`` is what hyperparameters, gates and teachers
may look at. A second test set for results that ``mnist.test`` has been asked about often, ``mnist.second``, is the last
5,000 of ``mnist.train``; who answers to it trains on ``mnist.rest``, the other 50,000.

Data sets are plug-ins (``source.py``); those of others are ``package.module:Name.train``, and files are read by path:
``shapes.npz:train``, ``pictures/:train`` (``files.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from devlearn.lazy import torch
from devlearn.registry import NoPlugin, UnknownName, get, misplaced, nearest
from devlearn.scenario.splits import MADE_OF, is_path, joined, split_name
from devlearn.streams import Streams
from devlearn.tasks.data.blur import blurred
from devlearn.tasks.data.files import file_source
from devlearn.tasks.data.sets.mnist import MNIST
from devlearn.tasks.data.sham import unstructured
from devlearn.tasks.data.shift import shifted
from devlearn.tasks.data.source import BadData, DataSource, dataset, pool
from devlearn.tasks.data.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

CLASSES = MNIST.classes
IMAGE = MNIST.sense
IMAGE_SENSE = MNIST.sense_name


@dataclass(frozen=True)
class Dataset:
    """``images`` (M, *shape) uint8 and ``labels`` (M,) int64, on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def spread(self, count: int) -> Dataset:
        """``count`` images at even distances (the files are not shuffled: their beginnings differ from the rest)."""
        rows = torch.from_numpy(spread_rows(count, len(self))).to(self.labels.device)
        return Dataset(gathered(self.images, rows), self.labels[rows])


def gathered(images: Tensor, index: Tensor) -> Tensor:
    """Images (M, *shape) at an index (N, B) or (B,): (N, B, *shape). Ten times as fast as ``[]``."""
    found: Tensor = images.index_select(0, index.flatten()).unflatten(0, index.shape)
    return found


def spread_rows(count: int, length: int) -> NDArray[np.int64]:
    """``count`` places, or all, at even distances in a data set of ``length``."""
    kept = min(count, length)
    return np.arange(kept) * length // kept


# ---- data sets and splits by name --------------------------------------------------------------------------------


def source_named(name: str) -> DataSource:
    """The data set called ``name``: of the registry, ``package.module:Name``, or the path of a file or folder.

    Raises:
        BadData: there is none, with the nearest name, or its files can't be used.
    """
    if is_path(name):
        return file_source(Path(name))
    return _registered(name)


@lru_cache(maxsize=64)
def _registered(name: str) -> DataSource:
    try:
        cls = get("data", name)
    except NoPlugin as error:
        raise BadData(str(error)) from error
    if why := misplaced("data", name, cls):
        raise BadData(why)
    source: DataSource = cls()
    if not source.kind:
        source.kind = name  # type: ignore[misc]  # found by its name, and not decorated
    return source


def source_of(split: str) -> DataSource:
    """The data set that a split is of. Raises what ``size`` raises."""
    return _found(split)[0]


def _found(split: str) -> tuple[DataSource, tuple[str, ...]]:
    """A split's data set, and the smallest parts that it is made of, in order."""
    name, written = split_name(split)
    if not name:
        raise BadData(f"unknown data {split!r}; write SET.PART, as mnist.train, or PATH:PART, as shapes.npz:train")
    try:
        source = source_named(name)
    except BadData as error:
        if isinstance(error.__cause__, UnknownName) and error.__cause__.nearest:
            meant = joined(error.__cause__.nearest, written)
            raise BadData(f"unknown data {split!r}; did you mean {meant!r}?") from error
        raise
    known = source.parts
    asked = written.split("+")
    found = [piece for part in asked for piece in ((part,) if part in known else MADE_OF.get(part, (part,)))]
    order = list(known)
    first = order.index(found[0]) if found[0] in order else len(order)
    if order[first : first + len(found)] != found or len({pool(source, part) for part in found}) > 1:
        there = splits(source)
        hint = nearest(split, there)
        ways = f"did you mean {hint!r}?" if hint else f"there are {', '.join(there)}"
        raise BadData(f"unknown data {split!r}; {ways}")
    return source, tuple(found)


def splits(source: DataSource) -> tuple[str, ...]:
    """The names of a data set's splits, what is read most first."""
    known = source.parts
    made = [whole for whole, pieces in MADE_OF.items() if whole not in known and known.keys() >= set(pieces)]
    order = [part for part in (*made, *known) if part in ("train", *made)]
    order += [part for part in ("valid", "train+valid") if known.keys() >= {"valid"}]
    order += [part for part in ("test", *known) if part in known and part not in order]
    return tuple(joined(source.key, part) for part in dict.fromkeys(order))


def is_split(text: str) -> bool:
    """Whether a text names a split of a data set that there is."""
    try:
        return bool(split_name(text)[0]) and size(text) > 0
    except (ValueError, OSError):
        return False


def smallest_parts(split: str) -> tuple[str, ...]:
    """The splits that share no image with each other which a split is made of."""
    source, parts = _found(split)
    return tuple(joined(source.key, part) for part in parts)


def places(split: str) -> tuple[str, int]:
    """Where a split stands: the data that it is part of, and the place of its first image there.

    All that can be learned from is one, so a label of two splits is known to be one.
    """
    source, parts = _found(split)
    own = pool(source, parts[0])
    before = [part for part in source.parts if pool(source, part) == own]
    first = sum(sum(source.parts[part]) for part in before[: before.index(parts[0])])
    return f"{source.key} {own}", first


def pool_size(split: str) -> int:
    """How many images there are in the data that a split is part of."""
    source, parts = _found(split)
    own = pool(source, parts[0])
    return sum(sum(counts) for part, counts in source.parts.items() if pool(source, part) == own)


def pool_classes(data: str) -> int:
    """How many classes there are in data that ``places`` names."""
    return source_named(data.rpartition(" ")[0]).classes


def class_counts(split: str) -> tuple[int, ...]:
    """How many images of each class a split has. Raises what ``size`` raises."""
    source, parts = _found(split)
    return tuple(sum(counts) for counts in zip(*(source.parts[part] for part in parts), strict=True))


def size(split: str) -> int:
    """The number of images in a split, without reading it. Raises BadData (a ValueError) with the nearest name."""
    return sum(class_counts(split))


def most_balanced(split: str) -> int:
    """How many images a class-balanced draw can have: as many of each class as the rarest has."""
    counts = class_counts(split)
    return len(counts) * min(counts)


def valid_of(split: str) -> str:
    """The split of the same data set by which choices are made. Raises BadData where it has none."""
    source = source_of(split)
    if "valid" not in source.parts:
        raise BadData(f"{source.key} has no part 'valid', nor a 'train' to make it of")
    return joined(source.key, "valid")


def check_split(split: str) -> None:
    """Whether a split can be read on this machine, and what is in it can be used.

    Raises:
        BadData: with what is wrong and the mend.
    """
    if why := source_of(split).missing():
        raise BadData(why)
    size(split)


# ---- reading -----------------------------------------------------------------------------------------------------


def load(split: str, device: torch.device) -> Dataset:
    """A split on a device. Raises BadData for one that can't be read, OSError where a file is damaged."""
    return _load(*_found(split), device)


@lru_cache(maxsize=8)
def _load(source: DataSource, parts: tuple[str, ...], device: torch.device) -> Dataset:
    read = [source.arrays(part) for part in parts]
    images, labels = (np.concatenate(each) for each in zip(*read, strict=True))
    return Dataset(torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device))


def descriptions(split: str, device: torch.device) -> Tensor:
    """Which word of every attribute fits each image of a split: (M, A) int64. Raises what ``load`` raises."""
    return _descriptions(*_found(split), device)


@lru_cache(maxsize=4)
def _descriptions(source: DataSource, parts: tuple[str, ...], device: torch.device) -> Tensor:
    return torch.from_numpy(np.concatenate([source.descriptions(part) for part in parts])).to(device)


def load_altered(
    split: str,
    device: torch.device,
    sham: bool = False,
    shift: int = 0,
    blur: float = 0.0,
    view: View | None = None,
) -> Dataset:
    """A split whose images have lost their structure, are moved by up to ``shift`` pixels, are out of focus.

    ``blur`` is the standard deviation of a Gaussian in pixels; ``view`` is applied last. Raises what ``load`` raises.
    """
    return _load_altered(*_found(split), split_name(split)[1], device, sham, shift, blur, view)


@lru_cache(maxsize=4)
def _load_altered(
    source: DataSource,
    parts: tuple[str, ...],
    written: str,
    device: torch.device,
    sham: bool,
    shift: int,
    blur: float,
    view: View | None,
) -> Dataset:
    seen, key = _load(source, parts, device), f"{source.name}.{written}"  # of no folder: the same on every machine
    images = unstructured(seen.images, key) if sham else seen.images
    images = shifted(images, shift, key) if shift else images
    images = blurred(images, blur) if blur else images
    return Dataset(images if view is None else view(images), seen.labels)


def balanced(labels: Tensor, count: int, streams: Streams, classes: int | None = None) -> Tensor:
    """A class-balanced draw of ``count`` indices for each learner: (N, count).

    Each class gives count // K images, and the remainder goes to classes drawn at random. K is ``classes``, or one
    more than the largest label.
    """
    known = labels.cpu().numpy()
    number = int(known.max()) + 1 if classes is None else classes
    by_class = [np.flatnonzero(known == label) for label in range(number)]

    def draw(rng: np.random.Generator) -> np.ndarray:
        shares = np.full(number, count // number)
        shares[rng.permutation(number)[: count % number]] += 1
        return np.concatenate(
            [rng.choice(rows, share, replace=False) for rows, share in zip(by_class, shares, strict=True)]
        )

    return torch.from_numpy(np.stack([draw(rng) for rng in streams.generators])).to(labels.device)


__all__ = [
    "CLASSES",
    "IMAGE",
    "IMAGE_SENSE",
    "BadData",
    "DataSource",
    "Dataset",
    "View",
    "balanced",
    "check_split",
    "class_counts",
    "dataset",
    "descriptions",
    "gathered",
    "is_split",
    "load",
    "load_altered",
    "most_balanced",
    "places",
    "pool_classes",
    "pool_size",
    "size",
    "smallest_parts",
    "source_named",
    "source_of",
    "splits",
    "spread_rows",
    "valid_of",
]
