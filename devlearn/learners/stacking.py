"""One learner of a cohort: its module as it is born, and its row of what carries a leading N axis."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping
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


def held(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by qualified name, those that have several under their first."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def aliases(model: nn.Module) -> dict[str, str]:
    """Of parameters and buffers that stand in several places: {further name: the first one}."""
    first, found = {id(tensor): name for name, tensor in held(model).items()}, dict[str, str]()
    for name, part in model.named_modules():
        for key, tensor in (*part._parameters.items(), *part._buffers.items()):
            full = f"{name}.{key}".lstrip(".")
            if tensor is not None and first[id(tensor)] != full:
                found[full] = first[id(tensor)]
    return found


def fill(model: nn.Module, given: Mapping[str, Tensor]) -> None:
    """Put tensors where parameters and buffers of these names are, and under their other names, of any shape."""
    before = held(model)
    new = {id(before[name]): tensor for name, tensor in given.items()}
    for part in model.modules():
        for entries in (part._parameters, part._buffers):
            entries |= {key: new[id(old)] for key, old in entries.items() if id(old) in new}


def copy_into(model: nn.Module, given: Mapping[str, Tensor]) -> None:
    """Give parameters and buffers, by qualified name, the values of other tensors."""
    own = held(model)
    with torch.no_grad():
        for name, tensor in given.items():
            own[name].copy_(tensor)


def is_convolution(part: nn.Module) -> bool:
    return isinstance(part, torch.nn.modules.conv._ConvNd)


def kind_of(objective: Any) -> Any:
    """What objectives have in common that are one but for their settings: their class, or a function's code."""
    return getattr(objective, "__code__", type(objective))


def shown(inputs: Any) -> int:
    """The numbers in a tensor, or in the largest of a dict of tensors."""
    return int(inputs.numel() if isinstance(inputs, torch.Tensor) else max(value.numel() for value in inputs.values()))


def why_looped(model: nn.Module, device: torch.device) -> str | None:
    """Why a module is run member by member, or None."""
    for name, part in model.named_modules():
        if isinstance(part, torch.nn.RNNBase):
            return f"{name} is nn.{type(part).__name__}, which vmap refuses"
        if is_convolution(part) and device.type == "cpu":
            return f"{name} is a convolution, faster member by member on the CPU where minibatches are large"
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
