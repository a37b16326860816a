"""The genomic bottleneck: weights are grown from a genome that is far smaller than they are.

A genome is a g-network for each weight tensor: it is told the code of a pre- and the code of a post-neuron, bits of
+-1, and answers with the weight between them. Here it has one hidden layer of sines,

    weight(post, pre) = scale * sum over k of v_k sin(pre . P_k + post . Q_k + phase_k)

and as the sine of a sum is sin cos + cos sin, all weights are ONE product of (O, 2H) with (2H, I): nothing of
entries x hidden units is ever built. What a neuron receives sums to zero over its inputs: without that, a step of a
genome lifts or lowers all weights together, and rectified units die. Source: Shuvaev, Lachi, Koulakov and Zador
(2024), Encoding innate ability through a genomic bottleneck. Deviations: sines where theirs has rectified layers, and
the zero sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from devlearn.streams import Streams
    from devlearn.tasks.data import DataSource

Code = Literal["grid", "binary", "gray"]
# Of N learners: ``PARAMETER:pre`` (N, p, H), ``:post`` (N, q, H), ``:phase`` and ``:out`` (N, H).
Genes: TypeAlias = "dict[str, Tensor]"
SPREAD = 0.5  # standard deviation of the first weights from codes to phases


def bits(count: int, gray: bool = False) -> Tensor:
    """The codes of ``count`` neurons: (count, ceil(log2 count)) of -1 and 1, the lowest bit first."""
    number = torch.arange(count)
    number = number ^ (number >> 1) if gray else number
    places = torch.arange(max(1, math.ceil(math.log2(count))))
    return ((number.unsqueeze(1) >> places) & 1).float() * 2 - 1


def pixels(shape: Sequence[int]) -> Tensor:
    """The codes of an image's numbers: the Gray code of the row, then that of the column: (H W, bits).

    Of a colour image, (H, W, C), the number of the colour is a third part: (H W C, bits).
    """
    height, width = shape[:2]
    rows, columns = bits(height, gray=True), bits(width, gray=True)
    grid = torch.cat([rows.repeat_interleave(width, 0), columns.repeat(height, 1)], 1)
    if len(shape) == 2:
        return grid
    return torch.cat([grid.repeat_interleave(shape[2], 0), bits(shape[2]).repeat(len(grid), 1)], 1)


@dataclass(frozen=True)
class Growth:
    """How one tensor is grown: codes of its inputs (I, p) and outputs (O, q), and hidden units of its g-network."""

    shape: torch.Size
    pre: Tensor
    post: Tensor
    units: int = 1

    @property
    def genes(self) -> int:
        """Numbers of the g-network."""
        return self.units * (self.pre.shape[1] + self.post.shape[1] + 2)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each part of the g-network."""
        return {
            "pre": (self.pre.shape[1], self.units),
            "post": (self.post.shape[1], self.units),
            "phase": (self.units,),
            "out": (self.units,),
        }

    def grow(self, pre: Tensor, post: Tensor, phase: Tensor, out: Tensor) -> Tensor:
        """The tensor of every learner: (N, *shape)."""
        codes = self.pre.to(pre), self.post.to(pre)
        x, y = codes[0] @ pre, codes[1] @ post + phase.unsqueeze(-2)  # (N, I, H), (N, O, H)
        seen = torch.cat([x.sin(), x.cos()], -1)
        seen = seen - seen.mean(-2, keepdim=True)
        told = torch.cat([y.cos(), y.sin()], -1) * torch.cat([out, out], -1).unsqueeze(-2)
        weights: Tensor = (told @ seen.mT).unflatten(-1, self.shape[1:]) * math.sqrt(2 / len(self.pre))
        return weights


@dataclass(frozen=True)
class Bottleneck:
    """What a genome specifies of a brain: weight tensors, each with its growth, and biases, which are zero at birth.

    Other tensors of one axis (the gains of a normalisation) stay as they are.
    """

    growths: Mapping[str, Growth]
    biases: Mapping[str, torch.Size]

    @classmethod
    def of(cls, shapes: Mapping[str, torch.Size], compression: float, code: Code, seen: DataSource) -> Bottleneck:
        """For parameters of ``shapes``: as many hidden units as come nearest to a compression.

        They are shared out by the cube root of a tensor's entries, one unit at least. ``seen`` is the data set whose
        images have codes of their own.
        """
        growths = {name: _growth(name, shape, code, seen) for name, shape in shapes.items() if len(shape) > 1}
        if not growths:
            raise ValueError("this brain has no weights that a genome could grow: no tensor with two axes")
        size = {name: growth.shape.numel() ** (1 / 3) for name, growth in growths.items()}
        numbers = sum(shape.numel() for shape in shapes.values()) / compression
        share = numbers / sum(size[name] * growth.genes for name, growth in growths.items())
        sized = {
            name: Growth(growth.shape, growth.pre, growth.post, max(1, round(share * size[name])))
            for name, growth in growths.items()
        }
        biases = {name: shape for name, shape in shapes.items() if len(shape) == 1 and "bias" in name.split(".")[-1]}
        return cls(sized, biases)

    @property
    def compression(self) -> float:
        """Weights and biases for each number of the genome."""
        weights = sum(shape.numel() for shape in (*(g.shape for g in self.growths.values()), *self.biases.values()))
        return weights / sum(growth.genes for growth in self.growths.values())

    def conceive(self, streams: Callable[[str], Streams], like: Tensor) -> Genes:
        """The first genomes of N learners; ``streams`` gives one for each parameter."""
        genes: Genes = {}
        for name, growth in self.growths.items():
            drawn = streams(name)
            for part, shape in growth.shapes().items():
                values = torch.from_numpy(drawn.random(*shape) if part == "phase" else drawn.normal(*shape))
                scale = {"phase": 2 * math.pi, "out": math.sqrt(2 / growth.units)}.get(part, SPREAD)
                genes[f"{name}:{part}"] = values.to(like) * scale
        return genes

    def grow(self, genes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights that genomes describe, by parameter: (N, *shape)."""
        return {
            name: growth.grow(*(genes[f"{name}:{part}"] for part in growth.shapes()))
            for name, growth in self.growths.items()
        }

    def rehearse(self, device: str) -> None:
        """One learner's weights grown and gradients brought back to its genome, on zeros: for counting FLOPs."""
        parts = ((f"{name}:{part}", shape) for name, g in self.growths.items() for part, shape in g.shapes().items())
        genes = {name: torch.zeros((1, *shape), device=device, requires_grad=True) for name, shape in parts}
        torch.stack([grown.sum() for grown in self.grow(genes).values()]).sum().backward()


def _growth(name: str, shape: torch.Size, code: Code, seen: DataSource) -> Growth:
    inputs = shape[1:].numel()
    on_pixels = code == "grid" and seen.sense_name in name and inputs == seen.numbers
    return Growth(
        shape, pixels(seen.shape) if on_pixels else bits(inputs, code == "gray"), bits(shape[0], code == "gray")
    )
