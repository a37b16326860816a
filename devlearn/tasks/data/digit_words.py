"""What can be said of a digit beside its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ATTRIBUTES = {"shape": ("loop", "stroke", "curve"), "parity": ("even", "odd"), "size": ("small", "large")}
SHAPES = np.array([0, 1, 2, 2, 1, 2, 0, 1, 0, 0])  # a closed loop, straight strokes, or an open curve


def described(digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """The words of digits (M,): shape, parity, and whether it is five at least, (M, 3)."""
    return np.stack([SHAPES[digits], digits % 2, digits // 5], 1)
