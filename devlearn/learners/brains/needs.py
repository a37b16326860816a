"""What a stage or a probe asks of a brain: senses (with their spaces) and heads (with their sizes)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

if TYPE_CHECKING:
    from torch import Tensor, nn

OSCILLATOR = "oscillator"
TABLE = "table"
LARGEST_MEMORY = 2**30


@dataclass(frozen=True)
class Part:
    """One entry of an observation that has several: the sense that it enters by, its place in the row, its shape."""

    sense: str
    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.start + math.prod(self.shape)


@dataclass(frozen=True)
class Sense:
    """An entrance of the brain.

    ``space`` is the Box of one observation; ``normalise`` keeps running observation statistics as buffers;
    ``scrambled`` keeps a buffer ``wiring`` (D,) int64, the order in which the D numbers of an observation are seen:
    0..D-1 at birth. ``words`` is a vocabulary: an observation (L,) is then a text, w standing for the w-th word from 1,
    0 for none. ``parts`` make a composite sense: an observation (D,) is a row of entries, which ``split_observation``
    takes apart; each entry has a sense of its own among the needs.
    """

    space: spaces.Box
    normalise: bool = False
    scrambled: bool = False
    words: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Head:
    """An exit of the brain: ``size`` numbers.

    ``gain`` scales an orthogonal initialisation. ``gaussian`` adds a state-independent log standard deviation per
    number, so that the output is (..., 2 * size): means, then log standard deviations. ``critic`` says that the head
    estimates returns: brains with ``critic: own`` give such heads a tower of their own. ``hidden`` units of a layer of
    the head's own come before a linear read-out; 0: none.
    """

    size: int
    gain: float = 1.0
    gaussian: bool = False
    critic: bool = False
    hidden: int = 0


@dataclass(frozen=True)
class Slot:
    """Room for a reflex: the buffers (``{name: (shape, integers)}``) of one that acts in an environment called ``env``.

    ``outputs`` are the numbers that it gives, one for each logit and mean of the actor. ``controller`` is what computes
    them; ``angles`` and ``velocities`` are the places in an observation that it reads as the state of the joints.
    ``lags``: its outputs may come up to so many steps late. ``rows`` are those of a table that is played. ``gate``: a
    head that scales it, empty for none.
    """

    env: str
    outputs: int
    controller: str
    angles: tuple[int, ...] = ()
    velocities: tuple[int, ...] = ()
    lags: int = 0
    rows: int = 0
    gate: str = ""

    @property
    def buffers(self) -> dict[str, tuple[tuple[int, ...], bool]]:
        """What a learner is born with: names, shapes, and whether they hold integers."""
        each = (self.outputs,)
        own: dict[str, tuple[int, ...]] = {"present": (1,), "gain": (1,)}
        if self.controller == OSCILLATOR:
            own |= {"amplitude": each, "offset": each, "phase": each, "speeds": (2,), "rates": (5,)}
        if self.rows:
            own |= {"table": (self.rows, self.outputs)}
        return {**{name: (shape, False) for name, shape in own.items()}, **({"lag": (each, True)} if self.lags else {})}


@dataclass(frozen=True)
class Needs:
    """Senses, heads and slots for reflexes by name.

    ``feedback`` gives every layer behind the first a buffer of that name, shaped as its ``weight`` and fixed for life:
    the random weights by which errors travel back where something is learned by feedback alignment.
    """

    senses: Mapping[str, Sense] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)
    feedback: bool = False
    reflexes: Mapping[str, Slot] = field(default_factory=dict)

    def __or__(self, other: Needs) -> Needs:
        """The union. Raises ValueError where one name stands for two different things."""
        senses = dict(self.senses)
        for name, sense in other.senses.items():
            before = senses.get(name, sense)
            if before.space != sense.space:
                raise ValueError(f"sense {name!r} is asked for as {before.space} and as {sense.space}")
            if (before.words, before.parts) != (sense.words, sense.parts):
                what = "words of two vocabularies" if before.parts == sense.parts else "two sets of entries"
                raise ValueError(f"sense {name!r} is asked for as {what}; declare the same for all that use it")
            normalise, scrambled = sense.normalise or before.normalise, sense.scrambled or before.scrambled
            senses[name] = replace(sense, normalise=normalise, scrambled=scrambled)
        heads = dict(self.heads)
        for name, head in other.heads.items():
            if heads.setdefault(name, head) != head:
                raise ValueError(f"head {name!r} is asked for as {heads[name]} and as {head}")
        reflexes = {**self.reflexes, **other.reflexes}  # their names say all that they are
        return Needs(senses, heads, self.feedback or other.feedback, reflexes)


def sense_name(space: spaces.Box, source: str) -> str:
    """The sense that an observation enters by.

    Images (uint8, two or more axes) of one shape share a sense whatever they come from; anything else has the sense
    of its source (an environment's id).
    """
    if space.dtype == np.uint8 and len(space.shape) >= 2:
        return "image_" + "x".join(str(side) for side in space.shape)
    return re.sub(r"\W", "_", source)


def split_observation(x: Tensor, sense: Sense) -> dict[str, Tensor]:
    """The entries of a composite observation by the names of their senses: (..., D) -> (..., *shape) each.

    What a brain of your own calls where ``sense.parts`` is not empty.
    """
    return {part.sense: x[..., part.start : part.stop].unflatten(-1, part.shape) for part in sense.parts}


def picture_layout(shape: tuple[int, ...]) -> tuple[tuple[int, int, int], bool]:
    """(C, H, W) of a picture's shape, and whether its channels come last.

    (H, W), (C, H, W) or (H, W, C); a stack of pictures, (T, ...), has T times the channels. Three axes are read as
    (H, W, C) where the last has at most four entries, as Gymnasium's pictures have, or fewer than the first.
    """
    stack, picture = (1, shape) if len(shape) < 4 else (shape[0], shape[1:])
    last = len(picture) == 3 and (picture[-1] <= 4 or picture[-1] < picture[0])
    channels, height, width = ((picture[-1], *picture[:-1]) if last else (1, *picture))[-3:]
    return (stack * channels, height, width), last


def is_convolved(sense: Sense, layers: int) -> bool:
    """Whether convolutions can look at a sense: a picture, of which so many 2 x 2 poolings leave something."""
    if sense.words or sense.parts or not 2 <= len(sense.space.shape) <= 4:
        return False
    return min(picture_layout(sense.space.shape)[0][1:]) >> layers > 0


def memory_size(brain: nn.Module) -> int:
    """How many numbers one learner's network remembers of a sequence; 0 without memory."""
    return int(getattr(brain, "memory_size", 0))


def memory_bytes(brain: nn.Module, sequences: int) -> int:
    """What one learner remembers of so many sequences at once, in bytes.

    Raises ValueError, with the mend, for more than ``LARGEST_MEMORY``.
    """
    size = 4 * memory_size(brain) * sequences
    if size > LARGEST_MEMORY:
        asked = f"{memory_size(brain):,} numbers for each of {sequences:,} sequences are {size / 2**30:,.1f} GiB"
        most = f"more than {LARGEST_MEMORY / 2**30:g} GiB a learner don't fit"
        raise ValueError(f"this brain's memory is too large: {asked}, and {most}; lower its slots or width")
    return size


def fed_back(buffers: Iterable[str]) -> tuple[str, ...]:
    """The layers that have feedback, found by the qualified names of a brain's buffers."""
    split = (name.rpartition(".") for name in buffers)
    return tuple(layer for layer, _, leaf in split if leaf == "feedback")


def filled(tensors: Mapping[str, Any]) -> tuple[str, ...]:
    """The slots that hold a reflex, of any learner, by the tensors of a network or a cohort."""
    split = ((name.split("."), tensor) for name, tensor in tensors.items())
    return tuple(parts[1] for parts, value in split if (parts[0], parts[-1]) == ("reflexes", "present") and value.any())


@contextmanager
def born_with(brain: nn.Module, names: Iterable[str]) -> Iterator[nn.Module]:
    """A network whose FLOPs are counted, as that of a learner whose slots ``names`` a stage has filled."""
    own = [slot for name, slot in getattr(brain, "reflexes", {}).items() if name in set(names)]
    for slot in own:
        slot.acts = True
    try:
        yield brain
    finally:
        for slot in own:
            slot.acts = False
