"""The embedded MNIST files, checked against their published MD5 sums. torchvision is not needed to read them."""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from devlearn.tasks.data.idx import decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
COUNTS = {"train": 60_000, "t10k": 10_000}
FOLDER = Path(__file__).parent


def _read(name: str, folder: Path) -> "NDArray[np.uint8]":
    content = gzip.decompress((folder / f"{name}.gz").read_bytes())
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != FILES[name]:
        raise OSError(f"{folder / name}.gz is damaged (its MD5 sum differs); reinstall devlearn")
    return decoded(content)


@lru_cache(maxsize=2)
def read(part: str, folder: Path = FOLDER) -> "tuple[NDArray[np.uint8], NDArray[np.int64]]":
    """Images (M, 28, 28) uint8, 0 background to 255 ink, and labels (M,) int64, of ``train`` or ``t10k``.

    Raises OSError where a file is damaged or holds something else.
    """
    images, labels = (_read(f"{part}-{what}-ubyte", folder) for what in ("images-idx3", "labels-idx1"))
    count = COUNTS[part]
    if images.shape != (count, 28, 28) or int(images.max()) != 255 or int(images.min()) != 0:
        raise OSError(f"{part}: expected {count} images of 28 x 28 bytes from 0 to 255, found {images.shape}")
    if labels.shape != (count,) or sorted(set(labels.tolist())) != list(range(10)):
        raise OSError(f"{part}: expected {count} labels 0..9, found {labels.shape}")
    return images, labels.astype("int64")
