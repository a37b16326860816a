"""Floating-point operations of one learner, counted once on the meta device, where counting is exact and free."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Shapes = Mapping[str, tuple[tuple[int, ...], torch.dtype]]


def meta_batch(shapes: Shapes) -> dict[str, Tensor]:
    """Tensors without storage, by name: {name: (shape, dtype)}."""
    return {name: torch.empty(shape, dtype=dtype, device="meta") for name, (shape, dtype) in shapes.items()}


def of(program: Callable[[], Any]) -> int:
    """FLOPs of a program on meta tensors: a multiply and an add count two; element-wise work is not counted."""
    with FlopCounterMode(display=False) as counter:
        program()
    return int(counter.get_total_flops())


def forward(brain: nn.Module, *inputs: Any) -> int:
    """FLOPs of one forward pass without gradients."""
    with torch.no_grad():
        return of(lambda: brain(*inputs))


def update(brain: nn.Module, objective: Callable[..., Any], shapes: Shapes) -> int:
    """FLOPs of one gradient step on ``objective``: forward and backward. The optimiser is element-wise: not counted."""
    batch = meta_batch(shapes)
    return of(lambda: objective(brain, batch)[0].backward())


def reached(brain: nn.Module, objective: Callable[..., Any], shapes: Shapes) -> dict[str, torch.Size]:
    """The parameters that an objective depends on, with their shapes; found without computing anything."""
    model = copy.deepcopy(brain).to("meta")
    model.zero_grad()
    objective(model, meta_batch(shapes))[0].backward()
    return {name: weight.shape for name, weight in model.named_parameters() if weight.grad is not None}
