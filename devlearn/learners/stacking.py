"""One learner of a cohort: its module as it is born, and its row of what carries a leading N axis."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.streams import BIRTH, torch_seed

if TYPE_CHECKING:
    from torch import Tensor, nn


def initialise(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """One learner's network, a function of the seed alone.

    Each submodule with ``reset_parameters`` is initialised under (seed, "init", its qualified name), so that another
    sense or head leaves the rest bit-equal. Torch's initialisers draw from the CPU's global generator, hence
    ``fork_rng``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch_seed(seed, BIRTH))
        module = build()
        for name, part in module.named_modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                torch.default_generator.manual_seed(torch_seed(seed, BIRTH, name))
                reset()
    return module


def twin(module: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """A deep copy of a module, but for its parameters and buffers, which it shares: for who puts others in their place.

    ``memo`` is that of ``copy.deepcopy``, most of whose time goes to empty dicts of hooks.
    """
    memo = {} if memo is None else memo
    if id(module) in memo or hasattr(module, "__deepcopy__"):
        same: nn.Module = copy.deepcopy(module, memo)
        return same
    memo |= {id(tensor): tensor for tensor in (*module._parameters.values(), *module._buffers.values())}
    own = memo[id(module)] = type(module).__new__(type(module))
    for key, value in vars(module).items():
        if key == "_modules":
            own.__dict__[key] = type(value)((name, part and twin(part, memo)) for name, part in value.items())
        elif type(value) in (dict, OrderedDict) and not value:
            own.__dict__[key] = type(value)()
        else:
            own.__dict__[key] = copy.deepcopy(value, memo)
    return own


def place(model: nn.Module, name: str, tensor: Tensor, parameter: bool) -> None:
    """Put a tensor where the parameter or buffer ``name`` is, whatever its shape."""
    path, _, leaf = name.rpartition(".")
    owner = model.get_submodule(path)
    if parameter:
        owner._parameters[leaf] = tensor  # type: ignore[assignment]
    else:
        owner._buffers[leaf] = tensor


def is_convolution(part: nn.Module) -> bool:
    return isinstance(part, torch.nn.modules.conv._ConvNd)


def kind_of(objective: Any) -> Any:
    """What objectives have in common that are one but for their settings: their class, or a function's code."""
    return getattr(objective, "__code__", type(objective))


def shown(inputs: Any) -> int:
    """The numbers in a tensor, or in the largest of a dict of tensors."""
    return int(inputs.numel() if isinstance(inputs, torch.Tensor) else max(value.numel() for value in inputs.values()))


def why_looped(model: nn.Module, device: torch.device) -> str | None:
    """Why a module is run member by member, or None. Raises ValueError for one that can't be a learner's."""
    for name, part in model.named_modules():
        if isinstance(part, torch.nn.RNNBase):
            return f"{name} is nn.{type(part).__name__}, which vmap refuses"
        if is_convolution(part) and device.type == "cpu":
            return f"{name} is a convolution, faster member by member on the CPU where minibatches are large"
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"{name} is nn.{type(part).__name__}: its statistics depend on the batch and change inside forward; "
                "use nn.LayerNorm or nn.GroupNorm"
            )
    return None


def row_of(inputs: Any, index: int) -> Any:
    """One learner's part of a tensor or of a dict of tensors."""
    return inputs[index] if isinstance(inputs, torch.Tensor) else {name: value[index] for name, value in inputs.items()}


def stack(results: list[Any]) -> Any:
    """Tensors, tuples of tensors or dicts of tensors, one a learner, along a new first axis."""
    first = results[0]
    if isinstance(first, torch.Tensor):
        return torch.stack(results)
    if isinstance(first, tuple):
        return tuple(stack([result[i] for result in results]) for i in range(len(first)))
    return {name: stack([result[name] for result in results]) for name in first}


def column(values: Tensor, like: Tensor) -> Tensor:
    """Values (N,) that multiply tensors (N, *shape)."""
    return values.view(-1, *[1] * (like.dim() - 1))
