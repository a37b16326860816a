"""The contract of a data set: what is known of it without reading it, and how a part of it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
from gymnasium import spaces

from devlearn.learners.brains.needs import Head, Sense, sense_name
from devlearn.registry import register
from devlearn.scenario.splits import MADE_OF
from devlearn.streams import PINNED, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = (3, 4)  # of a colour image, which come last
Arrays = tuple["NDArray[np.uint8]", "NDArray[np.int64]"]


class BadData(ValueError):
    """A data set that can't be used, or is not there. The message says which, where, and how to mend it."""


class DataSource:
    """A data set: images with a class each, in parts that share none. Subclass it and name it with ``@dataset``.

    Stages plan with ``shape`` and ``counts``, so nothing is read before a learner looks. Where there is no part
    ``valid``, a tenth of every class of ``train`` is, by a fixed draw, and ``train`` is the rest.

    Attributes:
        kind: set by ``@dataset``.
        shape: of an image: (H, W) in grey, (H, W, 3) in colour.
        counts: for each part, ``train`` and ``test`` at least, how many images there are of each class.
        head: the read-out of its classes; empty: called like the data set.
        attributes: what can be said of an image in words beside its class: by attribute the words that there are, all
            different; empty: nothing.
    """

    kind: ClassVar[str] = ""
    shape: tuple[int, ...] = ()
    counts: Mapping[str, Sequence[int]] = {}
    head: str = ""
    attributes: Mapping[str, Sequence[str]] = {}

    def read(self, part: str) -> Arrays:
        """A part of ``counts``: images (M, *shape) uint8, labels (M,) int64; always the same, in the same order."""
        raise NotImplementedError

    def describe(self, part: str, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which word of each attribute fits each image of one of ``parts``, whose labels (M,) are given: (M, A)."""
        raise NotImplementedError

    def missing(self) -> str:
        """Why it can't be read on this machine, with the mend; empty where it can."""
        return ""

    # ---- what follows -------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """What tells it from every other data set."""
        return self.kind

    @property
    def name(self) -> str:
        """What it is called, without its module or folder: letters, digits and _."""
        return re.sub(r"\W", "_", self.kind.rpartition(":")[2]) or type(self).__name__

    @property
    def read_out(self) -> str:
        """The head that says which class an image is of."""
        return self.head or self.name

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return max((len(counts) for counts in self.counts.values()), default=0)

    @property
    def sense(self) -> Sense:
        """The sense that its images enter by."""
        return Sense(spaces.Box(0, 255, self.shape, np.uint8))

    @property
    def sense_name(self) -> str:
        """That sense's name: images of one shape share it."""
        return sense_name(self.sense.space, self.name)

    @property
    def senses(self) -> dict[str, Sense]:
        """The sense by its name, for ``Needs``."""
        return {self.sense_name: self.sense}

    @property
    def heads(self) -> dict[str, Head]:
        """The read-out by its name, for ``Needs``."""
        return {self.read_out: Head(self.classes)}

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self.shape[0], self.shape[1]

    @property
    def numbers(self) -> int:
        """How many numbers an image is."""
        return int(np.prod(self.shape))

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The words of all attributes, one after another."""
        return tuple(word for words in self.attributes.values() for word in words)

    def head_for(self, purpose: str) -> str:
        """A read-out of something else than classes; learners of several data sets have one for each."""
        return purpose if self.kind == "mnist" else f"{purpose}_{self.name}"

    @cached_property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """Images of each class by part, ``valid`` among them; parts that have the same images are not listed."""
        found = {part: tuple(int(count) for count in counts) for part, counts in self.counts.items()}
        if "train" in found and "valid" not in found:
            valid = tuple(_tenth(count) for count in found["train"])
            rest = tuple(all_ - held for all_, held in zip(found["train"], valid, strict=True))
            found = {"train": rest, "valid": valid, **{part: n for part, n in found.items() if part != "train"}}
        return found

    def arrays(self, part: str) -> Arrays:
        """One of ``parts``, read and checked. Raises BadData where it is not what was declared, or is not there."""
        if why := self.missing():
            raise BadData(why)
        made = part in ("train", "valid") and "valid" not in self.counts
        images, labels = self.read("train" if made else part)
        self._check(images, labels, "train" if made else part)
        if not made:
            return images, labels
        held = _held_out(labels, self.classes)
        rows = np.flatnonzero(held if part == "valid" else ~held)
        return images[rows], labels[rows]

    def descriptions(self, part: str) -> NDArray[np.int64]:
        """The words of one of ``parts``, (M, A), checked. Raises BadData where they are not what was declared."""
        labels = self.arrays(part)[1]
        found = self.describe(part, labels)
        sizes = [len(words) for words in self.attributes.values()]
        who = f"{self.key}: describe({part!r})"
        if not isinstance(found, np.ndarray) or found.dtype != np.int64 or found.shape != (len(labels), len(sizes)):
            raise BadData(f"{who} gives no numpy array ({len(labels)}, {len(sizes)}) int64")
        if ((found < 0) | (found >= sizes)).any():
            raise BadData(f"{who} gives words that there are not; they are numbered within their attribute, from 0")
        return found

    def _check(self, images: NDArray[np.uint8], labels: NDArray[np.int64], part: str) -> None:
        """Whether what was read is what the class declares."""
        who = f"{self.key}: read({part!r})"
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != self.shape:
            found = f"{images.shape} {images.dtype}" if isinstance(images, np.ndarray) else type(images).__name__
            raise BadData(f"{who} gives images {found}; give a numpy array (M, {_sides(self.shape)}) uint8")
        if not isinstance(labels, np.ndarray) or labels.dtype != np.int64 or labels.shape != images.shape[:1]:
            found = f"{labels.shape} {labels.dtype}" if isinstance(labels, np.ndarray) else type(labels).__name__
            raise BadData(f"{who} gives labels {found}; give a numpy array ({len(images)},) int64")
        if len(labels) and not 0 <= labels.min() <= labels.max() < self.classes:
            span = f"{labels.min()} to {labels.max()}"
            raise BadData(f"{who} gives labels {span}; {self.classes} classes are numbered 0 to {self.classes - 1}")
        counts = tuple(np.bincount(labels, minlength=self.classes).tolist())
        if counts != tuple(self.counts[part]):
            raise BadData(f"{who} has {counts} images of each class, and counts says {tuple(self.counts[part])}")


def _sides(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _tenth(count: int) -> int:
    """How many images of a class are held out: a tenth, and one at least where one is left."""
    return max(count // 10, 1) if count > 1 else 0


def _held_out(labels: NDArray[np.int64], classes: int) -> NDArray[np.bool_]:
    """Which images of ``train`` are ``valid``, (M,): of every class the same ones always."""
    held = np.zeros(len(labels), bool)
    for number in range(classes):
        rows = np.flatnonzero(labels == number)
        held[generator(PINNED, "valid", number).permutation(rows)[: _tenth(len(rows))]] = True
    return held


def pool(source: DataSource, part: str) -> str:
    """The images that a part is taken from: all that can be learned from are one pool, a test is its own."""
    return "train" if part in ("train", "valid", *MADE_OF["train"]) else part


S = TypeVar("S", bound=type[DataSource])


def dataset(name: str) -> Callable[[S], S]:
    """Class decorator: name a data set and enter it into the registry."""

    def enter(cls: S) -> S:
        cls.kind = name
        return register("data", name)(cls)

    return enter
