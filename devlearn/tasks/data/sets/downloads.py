"""Data sets that are downloaded once, by `devlearn list data --download NAME`; never by a run.

torchvision fetches and reads the published files. What is kept is one ``.npz`` in a folder of one's choice, so that
a run needs neither torchvision nor a network.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from devlearn.records.atomic import replacing
from devlearn.tasks.data.source import BadData, DataSource, dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from devlearn.tasks.data.source import Arrays

VARIABLE, USUAL = "DEVLEARN_DATA", "~/.cache/devlearn"
PARTS = ("train", "test")


def folder() -> Path:
    """Where downloaded data sets are: ``DEVLEARN_DATA``, or ``~/.cache/devlearn``."""
    return Path(os.environ.get(VARIABLE) or USUAL).expanduser()


class Downloaded(DataSource):
    """A data set of torchvision's."""

    published: ClassVar[str]

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return folder() / f"{self.kind}.npz"

    def missing(self) -> str:
        if self.file.is_file():
            return ""
        where = f"looked for {self.file}, by the variable {VARIABLE}"
        return f"{self.kind} is not on this machine: `devlearn list data --download {self.kind}` fetches it ({where})"

    def read(self, part: str) -> Arrays:
        try:
            with np.load(self.file, allow_pickle=False) as found:
                return found[f"{part}_images"], found[f"{part}_labels"]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            mend = f"remove it, and fetch it anew with `devlearn list data --download {self.kind}`"
            raise BadData(f"{self.file} is damaged ({error}); {mend}") from error

    def download(self) -> Path:
        """Fetch it, see that it is what is expected, and keep it; the file.

        Raises:
            BadData: torchvision is not installed, nothing can be fetched, or it is something else.
        """
        try:
            from torchvision import datasets
        except ImportError as error:
            raise BadData(f"{self.kind} is fetched by torchvision; pip install 'devlearn[data]'") from error
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.file.parent) as own:
            try:
                arrays = {part: self.published_arrays(datasets, Path(own), part) for part in PARTS}
            except (OSError, RuntimeError) as error:
                mend = f"is there a network? Or copy {self.file} from a machine that has it"
                raise BadData(f"{self.kind} could not be fetched ({error}); {mend}") from error
        for part, (images, labels) in arrays.items():
            self._check(images, labels, part)
        named: dict[str, NDArray[Any]] = {}
        for part, (images, labels) in arrays.items():
            named |= {f"{part}_images": images, f"{part}_labels": labels}
        with replacing(self.file) as file:
            np.savez_compressed(file, **named)  # type: ignore[arg-type]
        return self.file

    @abstractmethod
    def published_arrays(self, datasets: Any, root: Path, part: str) -> Arrays:
        """A part as torchvision's ``datasets`` reads it; below ``root`` is what it has fetched."""


class _LikeMnist(Downloaded):
    """A data set in the files of MNIST's format."""

    shape = (28, 28)

    def published_arrays(self, datasets: Any, root: Path, part: str) -> Arrays:
        found = getattr(datasets, self.published)(root, train=part == "train", download=True)
        return found.data.numpy(), found.targets.numpy().astype(np.int64)


@dataset("fashion")
class Fashion(_LikeMnist):
    """Fashion-MNIST: pictures of clothes (Xiao, Rasul and Vollgraf 2017).

    Ten kinds of garments, shoes and bags in grey, bytes from 0 (background) to 255.

    Source:
        Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine learning
        algorithms, arXiv:1708.07747.

    Deviations:
        None known.
    """

    published = "FashionMNIST"
    counts = {"train": (6_000,) * 10, "test": (1_000,) * 10}  # noqa: RUF012


@dataset("kmnist")
class Kmnist(_LikeMnist):
    """Kuzushiji-MNIST: cursive Japanese characters (Clanuwat et al. 2018).

    One character of each of ten rows of hiragana, in grey, bytes from 0 (paper) to 255 (ink).

    Source:
        Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha (2018), Deep learning for classical Japanese literature,
        arXiv:1812.01718.

    Deviations:
        None known.
    """

    published = "KMNIST"
    counts = {"train": (6_000,) * 10, "test": (1_000,) * 10}  # noqa: RUF012


@dataset("emnist")
class Emnist(_LikeMnist):
    """EMNIST, balanced: handwritten digits and letters (Cohen, Afshar, Tapson and van Schaik 2017).

    As many images of each of 47 classes: ten digits, and upper and lower case letters, of which those that look alike
    in both cases share a class. Grey levels are bytes from 0 (paper) to 255 (ink).

    Source:
        Cohen, Afshar, Tapson and van Schaik (2017), EMNIST: an extension of MNIST to handwritten letters,
        arXiv:1702.05373.

    Deviations:
        Images are transposed: the published files have them lying on their side.
    """

    counts = {"train": (2_400,) * 47, "test": (400,) * 47}  # noqa: RUF012

    def published_arrays(self, datasets: Any, root: Path, part: str) -> Arrays:
        found = datasets.EMNIST(root, split="balanced", train=part == "train", download=True)
        upright = found.data.numpy().transpose(0, 2, 1)  # the files have them lying on their side
        return np.ascontiguousarray(upright), found.targets.numpy().astype(np.int64)


@dataset("cifar10")
class Cifar10(Downloaded):
    """CIFAR-10: small colour photographs of ten kinds of things (Krizhevsky 2009).

    Six kinds of animals and four of vehicles, red, green and blue in bytes from 0 to 255.

    Source:
        Krizhevsky (2009), Learning multiple layers of features from tiny images.

    Deviations:
        None known.
    """

    shape = (32, 32, 3)
    counts = {"train": (5_000,) * 10, "test": (1_000,) * 10}  # noqa: RUF012

    def published_arrays(self, datasets: Any, root: Path, part: str) -> Arrays:
        found = datasets.CIFAR10(root, train=part == "train", download=True)
        return found.data, np.array(found.targets, np.int64)


@dataset("svhn")
class Svhn(Downloaded):
    """Street View House Numbers, cropped digits in colour (Netzer et al. 2011).

    The digit in the middle counts; parts of its neighbours may be seen beside it. Red, green and blue are bytes from 0
    to 255. Classes are the digits 0 to 9, unequally frequent.

    Source:
        Netzer, Wang, Coates, Bissacco, Wu and Ng (2011), Reading digits in natural images with unsupervised feature
        learning.

    Deviations:
        The published class 10 is the digit 0, and is class 0 here. The additional training images are not used.
    """

    shape = (32, 32, 3)
    counts = {  # noqa: RUF012
        "train": (4_948, 13_861, 10_585, 8_497, 7_458, 6_882, 5_727, 5_595, 5_045, 4_659),
        "test": (1_744, 5_099, 4_149, 2_882, 2_523, 2_384, 1_977, 2_019, 1_660, 1_595),
    }

    def published_arrays(self, datasets: Any, root: Path, part: str) -> Arrays:
        found = datasets.SVHN(root, split=part, download=True)
        return np.ascontiguousarray(found.data.transpose(0, 2, 3, 1)), found.labels.astype(np.int64)
