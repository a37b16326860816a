"""Data sets in files: arrays in an ``.npz``, or a folder of pictures. What is wrong is said with its place and mend.

An ``.npz`` has the arrays ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``, perhaps others
called ``PART_images`` and ``PART_labels``. A folder has its pictures in ``PART/CLASS/*.png``.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.registry import nearest
from devlearn.scenario.splits import PART
from devlearn.tasks.data.source import CHANNELS, BadData, DataSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devlearn.tasks.data.source import Arrays

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
BRIGHTEST = 255


def located(name: str, folder: Path) -> str:
    """The absolute path of a data set that is named by a path, which begins at ``folder`` or at the current one."""
    places = [Path(start, name).expanduser().resolve() for start in (folder, Path.cwd())]
    path = next((place for place in places if place.exists()), places[0])
    return f"{path}{'' if path.suffix == '.npz' else '/'}"


def file_source(path: Path) -> DataSource:
    """The data set at a path, read anew where it has changed. Raises BadData where there is none."""
    path = path.expanduser().absolute()
    if not path.exists():
        near = nearest(path.name, [other.name for other in path.parent.glob("*")]) if path.parent.is_dir() else None
        hint = f"did you mean {near!r}?" if near else "its path begins at the scenario's folder, or at the current one"
        raise BadData(f"there is no {'folder' if path.suffix != '.npz' else 'file'} {path}; {hint}")
    if not path.is_file() and not path.is_dir():
        raise BadData(f"{path} is a pipe, a socket or a device; write a file with numpy.savez")
    if path.is_dir():
        below = [path, *(each for each in path.glob("*/*") if each.is_dir()), *path.glob("*/")]
        return _opened(path, tuple(sorted({(str(each), each.stat().st_mtime_ns) for each in below})))
    return _opened(path, ((str(path), path.stat().st_mtime_ns), ("size", path.stat().st_size)))


@lru_cache(maxsize=16)
def _opened(path: Path, _: tuple[tuple[str, int], ...]) -> DataSource:
    return ImageFolder(path) if path.is_dir() else NpzFile(path)


def file_digest(name: str) -> dict[str, str]:
    """{file: sha256} of a data set that is named by a path; a folder is one entry. {} where there is nothing."""
    path = Path(name)
    if path.is_file():
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    if not path.is_dir():
        return {}
    whole = hashlib.sha256()
    for file in sorted(path.glob("*/*/*")):
        whole.update(f"{file.relative_to(path).as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return {path.name: whole.hexdigest()}


class InFiles(DataSource):
    """A data set that is named by its path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def key(self) -> str:
        return f"{self.path}{'/' if self.path.is_dir() else ''}"

    @property
    def name(self) -> str:
        return re.sub(r"\W", "_", self.path.stem if self.path.is_file() else self.path.name)


class NpzFile(InFiles):
    """Arrays in an .npz file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        labels = {part: self._labels(part) for part in self._parts}
        classes = self._classes(labels)
        self.counts = {part: tuple(np.bincount(own, minlength=classes).tolist()) for part, own in labels.items()}
        shapes = {part: self._images(part).shape for part in self._parts}
        self.shape = shapes["train"][1:]
        for part, shape in shapes.items():
            if shape[1:] != self.shape:
                why = f"images of {_x(shape[1:])}, and train has images of {_x(self.shape)}"
                raise BadData(f"{path}: {part}_images has {why}; all have to be of one shape")

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        """The parts that it holds, ``train`` and ``test`` first."""
        path = self.path
        if not zipfile.is_zipfile(path):
            raise BadData(f"{path} is no .npz file, or is cut off; write it with numpy.savez")
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
        for name in ("train_images", "train_labels", "test_images", "test_labels"):
            if name not in names:
                hint = nearest(name, [other for other in names if not other.startswith(("train_", "test_"))])
                there = f"; is {hint!r} meant?" if hint else f"; it has {', '.join(names) or 'none'}"
                raise BadData(f"{path} has no array {name!r}{there}")
        found = [name.removesuffix("_images") for name in names if name.endswith("_images")]
        for part in found:
            if not PART.fullmatch(part) or f"{part}_labels" not in names:
                raise BadData(f"{path} has {part}_images and no {part}_labels; a part of the data has both")
        return tuple(dict.fromkeys(("train", *(part for part in found if part != "test"), "test")))

    def _array(self, name: str) -> NDArray[Any]:
        try:
            with np.load(self.path, allow_pickle=False) as found:
                array: NDArray[Any] = found[name]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            why = "it holds Python objects" if "pickle" in str(error) else str(error)
            raise BadData(f"{self.path}: {name} can't be read: {why}; save it as an array of numbers") from error
        return array

    def _labels(self, part: str) -> NDArray[np.int64]:
        name = f"{part}_labels"
        labels, who = self._array(name), f"{self.path}: {name}"
        if labels.ndim == 2 and labels.shape[1] > 1:
            raise BadData(f"{who} is {labels.shape}; one number an image is needed: save labels.argmax(1)")
        if labels.ndim != 1:
            raise BadData(f"{who} is {labels.shape}; one number an image is needed: save labels.ravel()")
        if not np.issubdtype(labels.dtype, np.integer):
            raise BadData(f"{who} is {labels.dtype}; classes are numbers 0, 1, ..: save labels.astype(int)")
        if not len(labels):
            raise BadData(f"{who} is empty; a part has one image at least")
        return labels.astype(np.int64)

    def _classes(self, labels: dict[str, NDArray[np.int64]]) -> int:
        """How many classes there are, by the labels of ``train``: 0, 1, .. without a gap."""
        known = np.unique(labels["train"])
        if len(known) == 1:
            raise BadData(f"{self.path}: train_labels is {known[0]} for all images; two classes at least are needed")
        if known[0] < 0 or known[-1] >= len(known):
            told = f"{known[0]} to {known[-1]}" if known[-1] - known[0] + 1 == len(known) else "not without gaps"
            mend = "save numpy.unique(labels, return_inverse=True)[1]"
            raise BadData(f"{self.path}: train_labels goes from {told}; classes are numbered from 0: {mend}")
        for part, own in labels.items():
            wrong = own[(own < 0) | (own >= len(known))]
            if len(wrong):
                span = f"train has classes 0 to {len(known) - 1}"
                raise BadData(f"{self.path}: {part}_labels has {wrong[0]}, and {span}; leave these images out")
        return len(known)

    def _images(self, part: str) -> NDArray[np.uint8]:
        name = f"{part}_images"
        images, who = self._array(name), f"{self.path}: {name}"
        images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
        if images.ndim == 4 and images.shape[-1] not in CHANNELS and images.shape[1] in (1, *CHANNELS):
            raise BadData(f"{who} is {images.shape}; channels come last: save images.transpose(0, 2, 3, 1)")
        if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] not in CHANNELS):
            mend = "images are (M, H, W) or (M, H, W, 3): save images.reshape(len(images), H, W)"
            raise BadData(f"{who} is {images.shape}; {mend}")
        if len(images) != sum(self.counts[part]):
            told = f"{len(images):,} images, and {part}_labels {sum(self.counts[part]):,}"
            raise BadData(f"{who} has {told}; both have to be as many")
        return _bytes(images, who)

    def read(self, part: str) -> Arrays:
        return self._images(part), self._labels(part)


def _bytes(images: NDArray[Any], who: str) -> NDArray[np.uint8]:
    """Brightness as bytes: whole numbers are 0..255, others 0..1. Raises BadData outside of that."""
    if images.dtype == np.uint8:
        return images
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(BRIGHTEST)
    if not (whole := np.issubdtype(images.dtype, np.integer)) and not np.issubdtype(images.dtype, np.floating):
        raise BadData(f"{who} is {images.dtype}; brightness is a number: bytes, or 0..1")
    low, high = (float(end) for end in (images.min(), images.max()))
    most = BRIGHTEST if whole else 1
    if not (low >= 0 and high <= most):
        span = "numbers that are not finite" if not np.isfinite([low, high]).all() else f"{low:g} to {high:g}"
        ways = "whole numbers are 0..255" if whole else "floats are 0..1: save images / images.max(), or bytes"
        raise BadData(f"{who} holds {span}; {ways}")
    return images.astype(np.uint8) if whole else (images * BRIGHTEST).round().astype(np.uint8)


def _x(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


class ImageFolder(InFiles):
    """Pictures in FOLDER/PART/CLASS; classes are numbered in the order of their folders' names."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        parts = sorted(each.name for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
        for part in ("train", "test"):
            if part not in parts:
                there = ", ".join(parts) or "none"
                raise BadData(f"{path} has no folder {part!r} (it has {there}); pictures are in {part}/CLASS/*.png")
        self.names = _folders(path / "train")
        if len(self.names) < 2:
            raise BadData(f"{path / 'train'} has {len(self.names)} folder(s); each class has one, and two are needed")
        order = ["train", *(part for part in parts if part not in ("train", "test")), "test"]
        for part in order:
            if strange := set(_folders(path / part)) ^ set(self.names):
                has, lacks = ("train", part) if min(strange) in self.names else (part, "train")
                why = f"{has} has a class {min(strange)!r} and {lacks} has not"
                raise BadData(f"{path}: {why}; every part has a folder for each class")
        self.files = {part: [list(_pictures(path / part / name)) for name in self.names] for part in order}
        self.counts = {part: tuple(map(len, own)) for part, own in self.files.items()}
        for part, counts in self.counts.items():
            if 0 in counts:
                raise BadData(f"{path / part / self.names[counts.index(0)]} holds no picture ({', '.join(ENDINGS)})")
        self.shape = self._shape()

    def _shape(self) -> tuple[int, ...]:
        """The shape of all pictures, by their files' heads."""
        from PIL import Image, UnidentifiedImageError

        first: tuple[Path, tuple[int, ...]] | None = None
        for file in (file for own in self.files.values() for files in own for file in files):
            try:
                with Image.open(file) as picture:
                    shape = _shape_of(picture.size, picture.mode, file)
            except UnidentifiedImageError as error:
                raise BadData(f"{file} is no picture that can be read; take it out, or save it anew") from error
            first = first or (file, shape)
            if shape != first[1]:
                told = f"{_x(shape)}, and {first[0]} is {_x(first[1])}"
                raise BadData(f"{file} is {told} (height, width, colours); make all pictures alike")
        assert first is not None
        return first[1]

    def read(self, part: str) -> Arrays:
        from PIL import Image

        images = []
        for file in (file for files in self.files[part] for file in files):
            try:
                with Image.open(file) as picture:
                    images.append(np.asarray(picture.convert("L" if len(self.shape) == 2 else "RGB")))
            except OSError as error:
                raise BadData(f"{file} can't be read: {error}; take it out, or save it anew") from error
        labels = np.repeat(np.arange(len(self.names)), self.counts[part])
        return np.stack(images), labels.astype(np.int64)


def _shape_of(size: tuple[int, int], mode: str, file: Path) -> tuple[int, ...]:
    """(H, W) in grey and (H, W, 3) in colour, by Pillow's size and mode."""
    if mode in ("1", "L"):
        return size[1], size[0]
    if mode in ("RGB", "P"):
        return size[1], size[0], 3
    raise BadData(f"{file} is a picture of mode {mode}; save it in grey (L) or in colour (RGB)")


def _folders(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))


def _pictures(path: Path) -> Iterator[Path]:
    return (file for file in sorted(path.iterdir()) if file.suffix.lower() in ENDINGS)
