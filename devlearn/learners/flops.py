"""Floating-point operations of one learner, counted once, from shapes.

What is counted runs on zeros, and its products and convolutions, all that is counted, are not computed: each gives
zeros of the shape that it would have. Torch's own counter does the same on the meta device, at the price of importing
``torch._dynamo``, which takes longer than all else that a plan does. It is asked only where a program runs what has no
formula here: attention, scaled products, operators of others.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from devlearn.learners.stacking import place

Shapes = Mapping[str, tuple[tuple[int, ...], torch.dtype]]


def blank_batch(shapes: Shapes, device: str = "cpu") -> dict[str, Tensor]:
    """Zeros by name: {name: (shape, dtype)}."""
    return {name: torch.zeros(shape, dtype=dtype, device=device) for name, (shape, dtype) in shapes.items()}


def blank(brain: nn.Module, device: str = "cpu") -> nn.Module:
    """A copy of a brain with zeros for weights and buffers, each weight in the memory of one number."""
    model = copy.deepcopy(brain)
    for name, weight in list(model.named_parameters()):
        zeros = torch.zeros((), dtype=weight.dtype, device=device).expand(weight.shape)
        place(model, name, nn.Parameter(zeros, weight.requires_grad), parameter=True)
    for name, buffer in list(model.named_buffers()):
        place(model, name, torch.zeros(buffer.shape, dtype=buffer.dtype, device=device), parameter=False)
    return model


def of(program: Callable[[str], Any]) -> int:
    """FLOPs of a program: a multiply and an add count two; element-wise work is not counted.

    ``program`` makes its tensors on the device that it is given. It is run a second time, under torch's counter, where
    it uses what has no formula here.
    """
    with Counter() as counter:
        program("cpu")
    return counter.total if counter.known else by_torch(program)


def by_torch(program: Callable[[str], Any]) -> int:
    """The same by torch's own counter, on the meta device."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        program("meta")
    return int(counter.get_total_flops())


def forward(brain: nn.Module, *inputs: Any) -> int:
    """FLOPs of one forward pass without gradients. Only the shapes of ``inputs`` matter, which may be meta tensors."""

    def program(device: str) -> None:
        given = (torch.zeros(x.shape, dtype=x.dtype, device=device) if isinstance(x, Tensor) else x for x in inputs)
        blank(brain, device)(*given)

    with torch.no_grad():
        return of(program)


def update(brain: nn.Module, objective: Callable[..., Any], shapes: Shapes) -> int:
    """FLOPs of one gradient step on ``objective``: forward and backward. The optimiser is element-wise: not counted."""
    return of(lambda device: objective(blank(brain, device), blank_batch(shapes, device))[0].backward())


def reached(brain: nn.Module, objective: Callable[..., Any], shapes: Shapes) -> dict[str, torch.Size]:
    """The parameters that an objective depends on, with their shapes; found without computing anything."""
    model = blank(brain)
    with Counter():
        objective(model, blank_batch(shapes))[0].backward()
    return {name: weight.shape for name, weight in model.named_parameters() if weight.grad is not None}


class Counter(TorchDispatchMode):
    """Inside, products and convolutions are counted and not computed.

    Attributes:
        total: their FLOPs.
        known: whether there was a formula for all that has FLOPs.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self.total, self.known = 0, True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and skipping dynamo means importing it

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        namespace, _, name = func.name().partition("::")
        name = name.partition(".")[0]
        if name in PRODUCTS:
            *added, a, b = args[: PRODUCTS[name]]
            self.total += 2 * a.numel() * b.shape[-1]
            return _product(a, b) if _fit(a, b, *added) else func(*args, **kwargs)
        if name == "convolution":
            x, weight = args[:2]
            row = func(x[:1], *args[1:], **kwargs)
            self.total += len(x) * _convolution(x, weight, row, transposed=args[6])
            return row.new_zeros(len(x), *row.shape[1:])
        if name == "convolution_backward":
            gradient, x, weight, _, _, _, _, transposed, _, _, wanted = args
            self.total += sum(wanted[:2]) * len(x) * _convolution(x, weight, gradient, transposed)
            given = (x, weight, gradient.new_zeros(gradient.shape[1]))
            return tuple(torch.zeros_like(like) if asked else None for like, asked in zip(given, wanted, strict=True))
        with self:
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        self.known &= namespace in ("aten", "prim", "prims") and not any(part in name for part in WITHOUT_FORMULA)
        return func(*args, **kwargs)


PRODUCTS = {"mm": 2, "bmm": 2, "addmm": 3, "baddbmm": 3}  # how many arguments are tensors, the factors last
WITHOUT_FORMULA = (
    "attention",
    "scaled",
    "conv",
    "rnn",
    "lstm",
    "gru",
    "transformer",
    "mkldnn",
)  # fused, by their names


def _fit(a: Tensor, b: Tensor, *added: Tensor) -> bool:
    """Whether torch has nothing to complain of."""
    return a.shape[-1] == b.shape[-2] and a.shape[:-2] == b.shape[:-2] and len({x.dtype for x in (a, b, *added)}) == 1


def _product(a: Tensor, b: Tensor) -> Tensor:
    """(.., M, K), (.., K, P) -> (.., M, P)."""
    return a.new_zeros(*a.shape[:-1], b.shape[-1])


def _convolution(x: Tensor, weight: Tensor, out: Tensor, transposed: bool) -> int:
    """FLOPs an image: each place of the output (of the input where transposed) meets each weight once."""
    return 2 * prod((x if transposed else out).shape[2:]) * weight.numel()
