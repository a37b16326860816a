"""What a module of a user's has to be to be a learner's: all that differs between learners is in tensors of its own.

A cohort holds parameters and buffers once for each learner, and everything else of the module once for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.lazy import torch

if TYPE_CHECKING:
    from torch import nn

DEPTH = 4  # of lists in lists that are looked into


def refuse(model: nn.Module) -> None:
    """Raise ValueError for a module that can't be a learner's, and say what to do about it."""
    for name, part in model.named_modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"{name} is nn.{type(part).__name__}: its statistics depend on the batch and change inside forward; "
                "use nn.LayerNorm or nn.GroupNorm"
            )
    known = {id(one) for one in (*model.modules(), *model.parameters(), *model.buffers())}
    held = ((where, leaf) for where, value in _attributes(model).items() for leaf in _leaves(value))
    for where, leaf in held:
        if isinstance(leaf, torch.nn.Module | torch.Tensor) and id(leaf) not in known:
            if isinstance(leaf, torch.nn.Module | torch.nn.Parameter):
                what = f"{where} holds a {type(leaf).__name__} that torch does not know of, so nothing trains it"
                raise ValueError(f"{what}; use nn.ModuleList, nn.ModuleDict or nn.ParameterList")
            raise ValueError(f"{where} is a tensor that is no buffer: use self.register_buffer({_key(where)!r}, ..)")


def refuse_differing(members: Sequence[nn.Module]) -> None:
    """Raise ValueError where newborn learners differ in anything but parameters and buffers, all that they keep."""
    first, *others = (_attributes(member) for member in members)
    for other in others:
        for where, value in first.items():
            if not _same(value, other.get(where)):
                numbers = f" ({value} and {other.get(where)})" if isinstance(value, Number) else ""
                raise ValueError(
                    f"{where} is drawn at birth{numbers}, and a learner keeps its parameters and buffers alone: "
                    f"use self.register_buffer({_key(where)!r}, torch.tensor(..)), and torch's random numbers"
                )


def _attributes(model: nn.Module) -> dict[str, Any]:
    """By qualified name, what the module and its parts hold besides what torch's own modules do."""
    torchs = vars(torch.nn.Module()).keys()
    return {
        f"{name}.{key}".lstrip("."): value
        for name, part in model.named_modules()
        for key, value in vars(part).items()
        if key not in torchs
    }


def _key(where: str) -> str:
    return where.rpartition(".")[2]


def _leaves(value: Any, depth: int = DEPTH) -> Iterator[Any]:
    """What is in lists, tuples, sets and maps, however they lie in each other; anything else is its own leaf."""
    if depth and isinstance(value, Mapping):
        value = list(value.values())
    if depth and isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _leaves(each, depth - 1)
    else:
        yield value


def _same(one: Any, other: Any, depth: int = DEPTH) -> bool:
    """Whether two attributes are equal, as far as that can be told: of objects of a kind unknown it can't."""
    if isinstance(one, Number | str | bytes | None):
        return bool(one == other or (one != one and other != other))
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    if depth and isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key], depth - 1) for key in one)
    if depth and isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_same(*pair, depth - 1) for pair in zip(one, other, strict=True))
    return True
