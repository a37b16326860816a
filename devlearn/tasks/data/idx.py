"""IDX files: two zero bytes, the type of the numbers (8: bytes), the number of axes, the length of each axis in four
bytes, the largest first, then the numbers (https://yann.lecun.com/exdb/mnist/)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTES = 8


def decoded(content: bytes) -> NDArray[np.uint8]:
    """The array of bytes that the content of an IDX file is. Raises OSError for content that is none."""
    axes = content[3] if len(content) > 4 else 0
    start = 4 + 4 * axes
    shape = np.frombuffer(content[4:start], ">i4") if len(content) >= start else np.zeros(0, int)
    if content[:3] != bytes([0, 0, BYTES]) or len(shape) == 0 or len(content) - start != np.prod(shape, dtype=np.int64):
        raise OSError("no IDX file of bytes, or one that is cut off")
    return np.frombuffer(content[start:], np.uint8).reshape(shape)
