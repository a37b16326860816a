"""A brain: an ordinary network for one learner."""

from math import prod

import torch
from torch import Tensor, nn

from devlearn.plugin import Needs


class Slim(nn.Module):
    """One hidden layer a sense, and one linear layer a head.

    Args:
        needs: the senses and heads that the scenario's stages use.
        width: units of the hidden layers.
    """

    def __init__(self, needs: Needs, width: int = 32) -> None:
        super().__init__()
        self.bytes = {name: sense.space.dtype == "uint8" for name, sense in needs.senses.items()}
        self.axes = {name: len(sense.space.shape) for name, sense in needs.senses.items()}
        sizes = {name: prod(sense.space.shape) for name, sense in needs.senses.items()}
        self.senses = nn.ModuleDict({name: nn.Linear(size, width) for name, size in sizes.items()})
        self.heads = nn.ModuleDict(
            {name: nn.Linear(width, head.size * (2 if head.gaussian else 1)) for name, head in needs.heads.items()}
        )

    def forward(self, x: Tensor, sense: str, head: str | tuple[str, ...]) -> Tensor | tuple[Tensor, ...]:
        """(B, *observation) -> (B, head size); a tuple of heads gives a tuple of outputs."""
        layer = self.senses[sense]
        x = x.to(layer.weight.dtype) / (255 if self.bytes[sense] else 1)
        x = torch.relu(layer(x.flatten(-self.axes[sense])))  # (B, width)
        return self.heads[head](x) if isinstance(head, str) else tuple(self.heads[name](x) for name in head)
