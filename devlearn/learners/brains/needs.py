"""What a stage or a probe asks of a brain: senses (with their spaces) and heads (with their sizes)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Sense:
    """An entrance of the brain.

    ``space`` is the Box of one observation; ``normalise`` keeps running observation statistics as buffers;
    ``scrambled`` keeps a buffer ``wiring`` (D,) int64, the order in which the D numbers of an observation are seen:
    0..D-1 at birth.
    """

    space: spaces.Box
    normalise: bool = False
    scrambled: bool = False


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
class Needs:
    """Senses and heads by name.

    ``feedback`` gives every layer behind the first a buffer of that name, shaped as its ``weight`` and fixed for life:
    the random weights by which errors travel back where something is learned by feedback alignment.
    """

    senses: Mapping[str, Sense] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)
    feedback: bool = False

    def __or__(self, other: Needs) -> Needs:
        """The union. Raises ValueError where one name stands for two different things."""
        senses = dict(self.senses)
        for name, sense in other.senses.items():
            if name in senses and senses[name].space != sense.space:
                raise ValueError(f"sense {name!r} is asked for as {senses[name].space} and as {sense.space}")
            before = senses.get(name, sense)
            normalise, scrambled = sense.normalise or before.normalise, sense.scrambled or before.scrambled
            senses[name] = replace(sense, normalise=normalise, scrambled=scrambled)
        heads = dict(self.heads)
        for name, head in other.heads.items():
            if heads.setdefault(name, head) != head:
                raise ValueError(f"head {name!r} is asked for as {heads[name]} and as {head}")
        return Needs(senses, heads, self.feedback or other.feedback)


def sense_name(space: spaces.Box, source: str) -> str:
    """The sense that an observation enters by.

    Images (uint8, two or more axes) of one shape share a sense whatever they come from; anything else has the sense
    of its source (an environment's id).
    """
    if space.dtype == np.uint8 and len(space.shape) >= 2:
        return "image_" + "x".join(str(side) for side in space.shape)
    return re.sub(r"\W", "_", source)


def memory_size(brain: nn.Module) -> int:
    """How many numbers one learner's network remembers of a sequence; 0 without memory."""
    return int(getattr(brain, "memory_size", 0))


def fed_back(buffers: Iterable[str]) -> tuple[str, ...]:
    """The layers that have feedback, found by the qualified names of a brain's buffers."""
    split = (name.rpartition(".") for name in buffers)
    return tuple(layer for layer, _, leaf in split if leaf == "feedback")
