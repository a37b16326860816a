"""What counts products and convolutions as they are dispatched, from shapes, without computing them."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class TooLarge(Exception):
    """More numbers at once than are held to count FLOPs."""


class Counter(TorchDispatchMode):
    """Inside, products and convolutions are counted and not computed.

    Attributes:
        total: their FLOPs.
        known: whether there was a formula for all that has FLOPs.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
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
            _check_image(x, weight, stride=args[3], transposed=args[6], groups=args[8])
            row = func(x[:1], *args[1:], **kwargs)
            self.total += len(x) * _convolution(x, weight, row, transposed=args[6])
            return row.new_zeros(held((len(x), *row.shape[1:]), row.device.type))
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


HELD = 2**24  # numbers of a tensor that are held
MOST = 2**30  # numbers that one product of one learner may give
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


def held(shape: tuple[int, ...], device: str) -> tuple[int, ...]:
    """A shape. Raises TooLarge where so many numbers are not held on a device; on ``meta`` none are."""
    if device != "meta" and prod(shape) > HELD:
        raise TooLarge
    return shape


def _fit(a: Tensor, b: Tensor, *added: Tensor) -> bool:
    """Whether torch has nothing to complain of."""
    return a.shape[-1] == b.shape[-2] and a.shape[:-2] == b.shape[:-2] and len({x.dtype for x in (a, b, *added)}) == 1


def _product(a: Tensor, b: Tensor) -> Tensor:
    """(.., M, K), (.., K, P) -> (.., M, P)."""
    shape = (*a.shape[:-1], b.shape[-1])
    if prod(shape) > MOST:
        raise ValueError(f"one product gives {prod(shape):,} numbers at once, for one learner; fewer units or rows do")
    return a.new_zeros(held(shape, a.device.type))


def _check_image(x: Tensor, weight: Tensor, stride: Sequence[int], transposed: bool, groups: int) -> None:
    """That what a convolution makes of one image, which is computed, is held. Raises as ``_product`` does."""
    channels = weight.shape[1] * groups * prod(stride) if transposed else weight.shape[0]
    numbers = channels * prod(x.shape[2:])
    if numbers > MOST:
        raise ValueError(f"one convolution gives {numbers:,} numbers of an image; fewer channels do")
    held((numbers,), x.device.type)


def _convolution(x: Tensor, weight: Tensor, out: Tensor, transposed: bool) -> int:
    """FLOPs an image: each place of the output (of the input where transposed) meets each weight once."""
    return 2 * prod((x if transposed else out).shape[2:]) * weight.numel()
