"""Randomness: one generator per learner, keyed by names and a counter.

A stream is a pure function of (seed, names, counter). It does not depend on how many learners there are, on the
arm, the device, or on what was drawn before, so nothing has to be saved for a resume, and two arms that share a
stage draw the same data in it. Draws are taken in blocks (an epoch's permutation, a rollout's noise) with the
counter as the number of the block.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BIRTH = "init"  # the stream of a learner's first weights
PINNED = 2**62 + 57  # stands for every learner's seed in a stream that is pinned; no learner may have it


def _key(names: tuple[str | int, ...]) -> tuple[int, ...]:
    """The spawn key of a sequence of names: 128 bits of their digest, in four words."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))


def generator(seed: int, *names: str | int, counter: int = 0) -> np.random.Generator:
    """The generator of one learner's stream."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(*_key(names), counter))))


def torch_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for code that can only draw from torch's global generator (inside ``fork_rng``)."""
    return int(generator(seed, *names).integers(2**63 - 1))


class Streams:
    """N generators, one a learner; each draw has a leading N axis."""

    def __init__(self, generators: Sequence[np.random.Generator]) -> None:
        self.generators = tuple(generators)

    def _stack(self, draw: Callable[[np.random.Generator], Array]) -> Array:
        return np.stack([draw(rng) for rng in self.generators])

    def random(self, *shape: int) -> Array:
        """Uniform float32 in [0, 1): (N, *shape)."""
        return self._stack(lambda rng: rng.random(shape, dtype=np.float32))

    def normal(self, *shape: int) -> Array:
        """Standard normal float32: (N, *shape)."""
        return self._stack(lambda rng: rng.standard_normal(shape, dtype=np.float32))

    def exponential(self, *shape: int) -> Array:
        """Standard exponential float32: (N, *shape)."""
        return self._stack(lambda rng: rng.standard_exponential(shape, dtype=np.float32))

    def integers(self, high: int, *shape: int) -> Array:
        """Uniform int64 in [0, high): (N, *shape)."""
        return self._stack(lambda rng: rng.integers(high, size=shape))

    def permutation(self, n: int) -> Array:
        """A permutation of range(n) for each learner: (N, n)."""
        return self._stack(lambda rng: rng.permutation(n))

    def mask(self, probability: float, *shape: int) -> Array:
        """Booleans that are true with ``probability``, rounded to 1/256 as masks are drawn as bytes: (N, *shape)."""
        size, level = int(np.prod(shape)), round(probability * 256)
        return self._stack(lambda rng: (np.frombuffer(rng.bytes(size), np.uint8) < level).reshape(shape))


def streams(seeds: Sequence[int], *names: str | int, counter: int = 0) -> Streams:
    """The streams called ``names`` of all learners, at block ``counter``."""
    return Streams([generator(seed, *names, counter=counter) for seed in seeds])
