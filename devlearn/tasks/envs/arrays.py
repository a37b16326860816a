"""Arrays of other libraries, made numpy's where they come in."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def to_numpy(value: Any) -> Any:
    """``value`` with every array in it that torch, jax or another library made as a numpy array, in any nesting.

    They are known by ``__array__`` and ``__dlpack__``, so none of these libraries is imported for it.
    """
    if isinstance(value, (np.ndarray, np.generic, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {key: to_numpy(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(to_numpy(part) for part in value)
    if callable(getattr(value, "detach", None)):  # torch: it may be part of a graph, or lie on a device
        value = value.detach().cpu()
    if hasattr(value, "__array__"):
        return np.asarray(value)
    return np.from_dlpack(value) if hasattr(value, "__dlpack__") else value


def package_of(value: Any) -> str:
    """The package that made an array, or the first one in a nesting, where that is not numpy; else empty."""
    if isinstance(value, (np.ndarray, np.generic)):
        return ""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return next((name for name in map(package_of, value) if name), "")
    array = hasattr(value, "__array__") or hasattr(value, "__dlpack__")
    return type(value).__module__.partition(".")[0] if array else ""
