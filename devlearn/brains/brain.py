"""The built-in brains: senses, a trunk and named heads, for ONE learner.

A user brain is any ``nn.Module`` built as ``Class(needs, **keys)`` whose ``forward(observation, sense, head)`` maps
(B, *observation) to (B, head size). One that remembers also has ``memory_size`` and two more arguments (see ``Brain``).
"""

from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from devlearn.brains.layers import ACTIVATIONS, Activation, GRUCell, Init, Linear, Normaliser
from devlearn.brains.needs import Head, Needs, Sense
from devlearn.registry import register

Width = Annotated[int, Field(ge=1)]


class MLP(BaseModel):
    """A multi-layer perceptron: one layer a sense, shared layers, one layer a head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlp"] = "mlp"
    width: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (256, 128), description="units of each hidden layer; the first belongs to the sense"
    )
    activation: Activation = Field("relu", description="the non-linearity")
    init: Init = Field("default", description="default (torch's Kaiming uniform) or orthogonal")
    critic: Literal["shared", "own"] = Field("shared", description="whether return estimates have layers of their own")
    memory: Literal["none", "gru"] = Field("none", description="what the last layer feeds: nothing, or a recurrent one")

    def build(self, needs: Needs) -> "Brain":
        return Brain(needs, self)

    def encoder(self, sense: Sense) -> nn.Module:
        return DenseSense(sense, self)


class Conv(MLP):
    """Convolutions for image senses (kernel, activation, 2 x 2 max pooling), then the layers of an MLP."""

    kind: Literal["conv"] = "conv"  # type: ignore[assignment]
    channels: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (16, 32), description="output channels of each convolution"
    )
    kernel: Literal[3, 5] = Field(3, description="side of the square kernels")
    width: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (128,), description="units of each hidden layer after the convolutions"
    )

    def encoder(self, sense: Sense) -> nn.Module:
        return ConvSense(sense, self) if len(sense.space.shape) >= 2 else DenseSense(sense, self)


register("brains", "mlp")(MLP)
register("brains", "conv")(Conv)


def _scaled(x: Tensor, sense: Sense, like: Tensor) -> Tensor:
    """Bytes become 0..1; anything else keeps its scale. Both in the dtype of the weights."""
    return x.to(like.dtype) / 255 if sense.space.dtype == "uint8" else x.to(like.dtype)


class DenseSense(nn.Module):
    """Flatten, normalise if asked, one linear layer, activation: (B, *space) -> (B, width[0])."""

    def __init__(self, sense: Sense, config: MLP) -> None:
        super().__init__()
        self.sense, self.axes = sense, len(sense.space.shape)
        size = int(torch.Size(sense.space.shape).numel())
        self.normaliser = Normaliser(size) if sense.normalise else None
        self.layer = Linear(size, config.width[0], config.init)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        x = _scaled(x, self.sense, self.layer.weight).flatten(-self.axes)  # (B, D)
        if self.normaliser is not None:
            x = self.normaliser(x)
        return self.activation(self.layer(x))


class ConvSense(nn.Module):
    """Convolutions over an image sense (H, W), (C, H, W) or (H, W, C): (B, *space) -> (B, width[0]).

    Three axes are read as (H, W, C) where the last has at most four entries, as Gymnasium's pictures have.
    """

    def __init__(self, sense: Sense, config: Conv) -> None:
        super().__init__()
        if sense.normalise:
            raise ValueError("observation normalisation is for vectors; bytes of images are scaled to 0..1 already")
        self.sense = sense
        shape = sense.space.shape
        self.last = len(shape) == 3 and shape[-1] <= 4
        channels, *side = (shape[-1], *shape[:-1]) if self.last else (1, *shape)[-3:]
        self.image = (channels, *side)
        layers, inputs = [], channels
        for outputs in config.channels:
            layers.append(nn.Conv2d(inputs, outputs, config.kernel, padding=config.kernel // 2))
            inputs, side = outputs, [length // 2 for length in side]
        self.convolutions = nn.ModuleList(layers)
        self.layer = Linear(inputs * side[0] * side[1], config.width[0], config.init)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        x = _scaled(x, self.sense, self.layer.weight)
        x = (x.movedim(-1, -3) if self.last else x).reshape(-1, *self.image)  # (B, C, H, W)
        for convolution in self.convolutions:
            x = nn.functional.max_pool2d(self.activation(convolution(x)), 2)
        return self.activation(self.layer(x.flatten(-3)))


class Tower(nn.Module):
    """Senses, the trunk behind them and perhaps a memory: an observation of a named sense -> features (B, width[-1]).

    The features of a tower with memory are its state: width[-1] numbers, hidden (B, width[-1]).
    """

    def __init__(self, senses: dict[str, Sense], config: MLP) -> None:
        super().__init__()
        self.senses = nn.ModuleDict({name: config.encoder(sense) for name, sense in senses.items()})
        pairs = zip(config.width, config.width[1:], strict=False)
        self.trunk = nn.ModuleList(Linear(inputs, outputs, config.init) for inputs, outputs in pairs)
        self.activation = ACTIVATIONS[config.activation]
        self.memory = GRUCell(config.width[-1], config.width[-1], config.init) if config.memory == "gru" else None

    def forward(self, x: Tensor, sense: str) -> Tensor:
        """One step of (B, *space), from an empty memory."""
        x = self._features(x, sense)
        return x if self.memory is None else self.memory(x, torch.zeros_like(x))

    def recall(self, x: Tensor, sense: str, hidden: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Steps x (B * T, *space), B-major, from hidden: features (B * T, width[-1]) and hidden after the last step."""
        assert self.memory is not None
        return self.memory.unroll(self._features(x, sense), hidden, starts)

    def _features(self, x: Tensor, sense: str) -> Tensor:
        x = self.senses[sense](x)
        for layer in self.trunk:
            x = self.activation(layer(x))
        return x


class LinearHead(nn.Module):
    """A linear read-out; a Gaussian one appends its log standard deviations."""

    def __init__(self, inputs: int, head: Head, init: Init) -> None:
        super().__init__()
        self.layer = Linear(inputs, head.size, init, head.gain)
        self.log_std = nn.Parameter(torch.zeros(head.size)) if head.gaussian else None

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.layer(features)
        return out if self.log_std is None else torch.cat([out, self.log_std.unsqueeze(-2).expand_as(out)], -1)


class Brain(nn.Module):
    """Senses -> trunk (-> memory) -> heads, for one learner.

    - ``forward(x, sense, head)``: (B, *observation) -> (B, head size); a brain with memory steps from an empty one.
    - ``forward(x, sense, head, hidden, starts)``, with memory: x (B, T, *observation), hidden (B, memory_size) before
      the first step, starts (B, T) bool, where an episode begins and memory is emptied first -> outputs
      (B * T, head size), B-major, and hidden after the last step. The part of a tower that no head asks for stays.

    ``head`` may be a tuple of names, which gives a tuple of outputs from one pass. ``memory_size`` is 0 without memory;
    with ``critic: own`` hidden is that of the body, then that of the critic's.
    """

    stacks = True  # every operation acts on trailing axes: parameters with a leading N axis run N learners

    def __init__(self, needs: Needs, config: MLP) -> None:
        super().__init__()
        self.stacks = not isinstance(config, Conv)
        senses, heads = dict(needs.senses), dict(needs.heads)
        self.body = Tower(senses, config)
        self.own_critic = config.critic == "own" and any(head.critic for head in heads.values())
        self.critic_body = Tower(senses, config) if self.own_critic else None
        self.critics = frozenset(name for name, head in heads.items() if head.critic and self.own_critic)
        self.memory_size = config.width[-1] * (1 + self.own_critic) if config.memory != "none" else 0
        self.heads = nn.ModuleDict(
            {name: LinearHead(config.width[-1], head, config.init) for name, head in heads.items()}
        )

    def forward(
        self,
        x: Tensor,
        sense: str,
        head: str | tuple[str, ...],
        hidden: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> Any:
        names = (head,) if isinstance(head, str) else head
        features: dict[bool, Tensor] = {}
        if hidden is None or starts is None:
            for own in {name in self.critics: None for name in names}:
                features[own] = self._tower(own)(x, sense)
        else:
            x, parts = x.flatten(starts.dim() - 2, starts.dim() - 1), list(hidden.chunk(1 + self.own_critic, -1))
            for own in {name in self.critics: None for name in names}:
                features[own], parts[own] = self._tower(own).recall(x, sense, parts[own], starts)
            hidden = torch.cat(parts, -1)
        outputs = tuple(self.heads[name](features[name in self.critics]) for name in names)
        result = outputs[0] if isinstance(head, str) else outputs
        return result if hidden is None else (result, hidden)

    def _tower(self, own: bool) -> Tower:
        tower = self.critic_body if own else self.body
        assert tower is not None
        return tower
