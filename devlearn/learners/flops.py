"""Floating-point operations of one learner, counted once, from shapes.

What is counted runs on zeros, and its products and convolutions, all that is counted, are not computed: each gives
zeros of the shape that it would have. Where these would fill the memory it runs on the meta device, which has shapes
alone, at the price of what torch imports for it. Torch's own counter does the same at the price of ``torch._dynamo``,
which takes longer than all else that a plan does. It is asked only where a program runs what has no formula here:
attention, scaled products, operators of others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from devlearn.lazy import torch
from devlearn.learners.stacking import fill, twin

if TYPE_CHECKING:
    from torch import Tensor, nn

    from devlearn.learners.flop_counter import Counter

Shapes: TypeAlias = "Mapping[str, tuple[tuple[int, ...], torch.dtype]]"


def blank_batch(shapes: Shapes, device: str = "meta") -> dict[str, Tensor]:
    """Zeros by name: {name: (shape, dtype)}. Raises TooLarge where so many are not held."""
    return {name: _zeros(shape, dtype, device) for name, (shape, dtype) in shapes.items()}


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> Tensor:
    from devlearn.learners.flop_counter import held

    return torch.zeros(held(shape, device), dtype=dtype, device=device)


def blank(brain: nn.Module, device: str = "cpu") -> nn.Module:
    """A copy of a brain with zeros for weights and buffers, each weight in the memory of one number.

    In single precision, as the shapes of batches are declared: precision changes no count.
    """
    model = twin(brain)
    tensors: dict[str, Tensor] = {}
    for name, weight in model.named_parameters():
        zeros = torch.zeros((), dtype=_single(weight), device=device).expand(weight.shape)
        tensors[name] = torch.nn.Parameter(zeros, weight.requires_grad)
    for name, buffer in model.named_buffers():
        tensors[name] = torch.zeros(buffer.shape, dtype=_single(buffer), device=device)
    fill(model, tensors)
    return model


def _single(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.is_floating_point() else tensor.dtype


def of(program: Callable[[str], Any]) -> int:
    """FLOPs of a program: a multiply and an add count two; element-wise work is not counted.

    ``program`` makes its tensors on the device that it is given. It is run a second time, under torch's counter, where
    it uses what has no formula here.
    """
    counter, _ = _counted(program)
    return counter.total if counter.known else by_torch(program)


def _counted(program: Callable[[str], Any]) -> tuple[Counter, Any]:
    """A program's products, and what it returns."""
    from devlearn.learners.flop_counter import Counter, TooLarge

    try:
        with Counter() as counter:
            return counter, program("cpu")
    except TooLarge:
        with Counter() as counter:
            return counter, program("meta")


def by_torch(program: Callable[[str], Any]) -> int:
    """The same by torch's own counter, on the meta device."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        program("meta")
    return int(counter.get_total_flops())


def forward(brain: nn.Module, *inputs: Any) -> int:
    """FLOPs of one forward pass without gradients. Only the shapes of ``inputs`` matter, which may be meta tensors."""
    with torch.no_grad():
        return of(lambda device: blank(brain, device)(*_blank_inputs(inputs, device)))


def outputs(brain: nn.Module, *inputs: Any) -> Any:
    """Tensors of the shapes that a forward pass gives, for ``inputs`` as for ``forward``; it is not computed."""
    with torch.no_grad():
        return _counted(lambda device: blank(brain, device)(*_blank_inputs(inputs, device)))[1]


def _blank_inputs(inputs: tuple[Any, ...], device: str) -> list[Any]:
    return [_zeros(x.shape, x.dtype, device) if isinstance(x, torch.Tensor) else x for x in inputs]


def update(brain: nn.Module, objective: Callable[..., Any], shapes: Shapes) -> int:
    """FLOPs of one gradient step on ``objective``: forward and backward. The optimiser is element-wise: not counted."""
    return of(lambda device: objective(blank(brain, device), blank_batch(shapes, device))[0].backward())


def reached(brain: nn.Module, objective: Callable[..., Any], shapes: Shapes) -> dict[str, torch.Size]:
    """The parameters that an objective depends on, with their shapes; found without computing anything."""

    def program(device: str) -> nn.Module:
        model = blank(brain, device)
        objective(model, blank_batch(shapes, device))[0].backward()
        return model

    _, model = _counted(program)
    return {name: weight.shape for name, weight in model.named_parameters() if weight.grad is not None}
