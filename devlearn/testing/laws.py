"""What the checks of stages and brains share."""

import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from devlearn.tasks.envs.check import Finding

SEEDS = (3, 5, 8)


def guarded(name: str, law: Callable[[], Finding]) -> Finding:
    """The law's finding; an exception becomes a broken law that says where it was raised."""
    try:
        return law()
    except Exception as error:
        return Finding(name, False, raised(error))


def raised(error: Exception) -> str:
    """Kind, message and place of an exception, in one line."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"raised {type(error).__name__}: {text} ({at.filename}:{at.lineno})"


def same(a: Tensor, b: Tensor) -> bool:
    """Bit-equal, nan equal to nan."""
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def unlike(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> list[str]:
    """The names whose tensors are not bit-equal."""
    return [name for name in a if name not in b or not same(a[name], b[name])]


@contextmanager
def generators_kept() -> Iterator[Callable[[], list[str]]]:
    """Put the global generators back at the end; the function tells which were drawn from or seeded so far."""
    python, numpy, torchs = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def touched() -> list[str]:
        found = {"random": random.getstate() != python, "torch": not torch.equal(torch.get_rng_state(), torchs)}
        found["numpy.random"] = not _equal(np.random.get_state(), numpy)
        return [name for name, used in found.items() if used]

    try:
        yield touched
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torchs)


def _equal(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
