"""What copies of an environment are told and show, in arrays that several processes may have in common."""

import mmap
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import IO, Any

import numpy as np
from gymnasium import spaces

Array = np.ndarray[Any, Any]
Layout = dict[str, tuple[tuple[int, ...], str]]  # name of an array: its shape and type
ALIGNED = 64  # bytes that every array begins at a multiple of


@dataclass(frozen=True)
class Board:
    """Of K copies: what they are told, and what came of it.

    Told: ``where`` (K,) bool an episode begins from its ``seeds`` (K,) int64; ``episodes`` and ``lengths`` (K,) int64,
    which one that is and its steps so far; ``actions`` (K, ...). Shown: observations ``shown`` (K, ...), ``masks``
    (K, O) bool of the actions that are allowed, ``rewards`` (K,) float32, ``terminated`` and ``truncated`` (K,) bool.
    """

    seeds: Array
    where: Array
    episodes: Array
    lengths: Array
    actions: Array
    shown: Array
    masks: Array
    rewards: Array
    terminated: Array
    truncated: Array

    def part(self, copies: slice) -> "Board":
        """Some of the copies: views of the same memory."""
        return Board(**{each.name: getattr(self, each.name)[copies] for each in fields(self)})


def layout(copies: int, observation: spaces.Box, action: spaces.Space[Any], options: int) -> Layout:
    """The arrays of a board; ``options``: O, of all choices of an action."""
    acted = np.float32 if isinstance(action, spaces.Box) else np.int64
    each: dict[str, tuple[tuple[int, ...], Any]] = {
        "seeds": ((), np.int64),
        "where": ((), np.bool_),
        "episodes": ((), np.int64),
        "lengths": ((), np.int64),
        "actions": (action.shape or (), acted),
        "shown": (observation.shape, observation.dtype),
        "masks": ((options,), np.bool_),
        "rewards": ((), np.float32),
        "terminated": ((), np.bool_),
        "truncated": ((), np.bool_),
    }
    return {name: ((copies, *shape), np.dtype(kind).str) for name, (shape, kind) in each.items()}


def private_board(layout: Layout) -> Board:
    """A board of this process alone, all zero."""
    return Board(**{name: np.zeros(shape, kind) for name, (shape, kind) in layout.items()})


def shared_board(file: int, layout: Layout) -> Board:
    """The board in a file that every process maps which has it open; all zero where the file is new."""
    starts, size = {}, 0
    for name, (shape, kind) in layout.items():
        starts[name] = size
        size += -(-int(np.prod(shape)) * np.dtype(kind).itemsize // ALIGNED) * ALIGNED
    if os.fstat(file).st_size < size:
        os.ftruncate(file, size)
    return Board(**_arrays(mmap.mmap(file, size), layout, starts))


def _arrays(memory: mmap.mmap, layout: Layout, starts: Mapping[str, int]) -> dict[str, Array]:
    return {
        name: np.frombuffer(memory, kind, int(np.prod(shape)), starts[name]).reshape(shape)
        for name, (shape, kind) in layout.items()
    }


def memory_file() -> IO[bytes]:
    """A new file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("devlearn"), "w+b")
    return tempfile.TemporaryFile()
