"""The built-in brains: senses, a trunk and named heads, for ONE learner.

A user brain is any ``nn.Module`` built as ``Class(needs, **keys)`` whose ``forward(observation, sense, head)`` maps
(B, *observation) to (B, head size). One that remembers also has ``memory_size`` and two more arguments (see ``Brain``).
Where ``needs.senses[sense].parts`` is not empty, the observation is a row of entries: ``split_observation`` takes it
apart, and every entry is a sense of ``needs`` too.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from devlearn.learners.brains.builtin import MLP, Conv, Inputs
from devlearn.learners.brains.layers import ACTIVATIONS, EpisodicMemory, GRUCell, Linear, Normaliser
from devlearn.learners.brains.needs import Head, Needs, Sense, is_convolved, picture_layout, split_observation


def _numbers(x: Tensor, sense: Sense, like: Tensor, inputs: Inputs | None) -> Tensor:
    """(B, *space) as rows of numbers (B, D), in the dtype of the weights.

    Bytes become 0..1, standardised where ``inputs`` says by what, words one-hot by place (none: all 0), anything else
    keeps its scale. What all learners see alike, expanded to (N, B, *space), is made numbers once.
    """
    if x.dim() > len(sense.space.shape) + 1 and x.stride(0) == 0:
        alike = _numbers(x[0], sense, like, inputs)
        return alike.expand(len(x), *alike.shape)
    if sense.words:
        known = torch.arange(1, len(sense.words) + 1, device=x.device, dtype=x.dtype)
        return (x.unsqueeze(-1) == known).to(like.dtype).flatten(-2)
    scaled = x.to(like.dtype)
    if sense.space.dtype == "uint8":
        scaled = scaled / 255 if inputs is None else (scaled / 255 - inputs.mean) / inputs.std
    return scaled.flatten(-len(sense.space.shape))


def _size(sense: Sense) -> int:
    """D, the numbers that an observation comes to."""
    return torch.Size(sense.space.shape).numel() * max(1, len(sense.words))


def _wiring(sense: Sense) -> Tensor | None:
    """The order in which a scrambled sense sees, at birth: (D,)."""
    order = range(_size(sense))  # torch.arange takes .4 s on the meta device, where a plan makes brains
    return torch.tensor(order) if sense.scrambled else None


def _wired(x: Tensor, wiring: Tensor | None) -> Tensor:
    """x (B, D) in the learner's own order."""
    return x if wiring is None else x.gather(-1, wiring.unsqueeze(-2).expand_as(x))


def _activation(config: MLP) -> Callable[[Tensor], Tensor]:
    """What a hidden layer makes of what drives it, (B, D) -> (B, D)."""
    plain = ACTIVATIONS[config.activation]
    return (lambda x: plain(nn.functional.layer_norm(x, x.shape[-1:]))) if config.layer_norm else plain


class DenseSense(nn.Module):
    """Flatten, normalise if asked, one linear layer, activation: (B, *space) -> [(B, D), (B, width[0])].

    Senses give what each of their layers makes of an observation; the first is the observation as the learner sees it.
    ``drive`` stops before the last activation, so that the entries of a composite observation can be summed there.
    """

    wiring: Tensor | None

    def __init__(self, sense: Sense, config: MLP) -> None:
        super().__init__()
        self.sense = sense
        self.normaliser = Normaliser(_size(sense)) if sense.normalise else None
        self.register_buffer("wiring", _wiring(sense))
        self.layer = Linear(_size(sense), config.width[0], config.init)
        self.activation = _activation(config)
        self.inputs = config.inputs

    def forward(self, x: Tensor) -> list[Tensor]:
        seen = self._seen(x)
        return [seen, self.layer.activated(seen, self.activation)]

    def drive(self, x: Tensor) -> list[Tensor]:
        seen = self._seen(x)
        return [seen, self.layer(seen)]

    def _seen(self, x: Tensor) -> Tensor:
        x = _numbers(x, self.sense, self.layer.weight, self.inputs)  # (B, D)
        return _wired(x if self.normaliser is None else self.normaliser(x), self.wiring)

    def fields(self) -> Tensor:
        """Each unit's weights where they look in the world, channels averaged: (width[0], H, W)."""
        shape = self.sense.space.shape
        if not 2 <= len(shape) <= 4:
            raise ValueError(f"observations of shape {shape} are no pictures: weights on them can't be drawn")
        weights = self.layer.weight if self.wiring is None else self.layer.weight[:, self.wiring.argsort()]
        weights, last = weights.unflatten(-1, shape), picture_layout(shape)[1]
        weights = weights if len(shape) == 2 else weights.mean(-1 if last else -3)
        result: Tensor = weights if len(shape) < 4 else weights.mean(-3)
        return result


class ConvSense(nn.Module):
    """Convolutions over an image sense: (B, *space) -> what each layer makes of it, [(B, D), .., (B, width[0])]."""

    wiring: Tensor | None

    def __init__(self, sense: Sense, config: Conv) -> None:
        super().__init__()
        self.sense = sense
        self.image, self.last = picture_layout(sense.space.shape)
        self.normaliser = Normaliser(_size(sense)) if sense.normalise else None
        self.register_buffer("wiring", _wiring(sense))
        layers, (inputs, *side) = [], self.image
        for outputs in config.channels:
            layers.append(nn.Conv2d(inputs, outputs, config.kernel, padding=config.kernel // 2))
            inputs, side = outputs, [length // 2 for length in side]
        self.convolutions = nn.ModuleList(layers)
        self.layer = Linear(inputs * side[0] * side[1], config.width[0], config.init)
        self.activation, self.last_activation = ACTIVATIONS[config.activation], _activation(config)
        self.inputs = config.inputs

    def forward(self, x: Tensor) -> list[Tensor]:
        *found, driven = self.drive(x)
        return [*found, self.last_activation(driven)]

    def drive(self, x: Tensor) -> list[Tensor]:
        """As ``forward``, up to the last activation."""
        seen = _numbers(x, self.sense, self.layer.weight, self.inputs)  # (B, D)
        if self.normaliser is not None:
            seen = self.normaliser(seen)
        seen = _wired(seen, self.wiring)
        x, found = seen.unflatten(-1, self.sense.space.shape), [seen]
        x = (x.movedim(-1, -3) if self.last else x).reshape(-1, *self.image)  # (B, C, H, W)
        for convolution in self.convolutions:
            x = nn.functional.max_pool2d(self.activation(convolution(x)), 2)
            found.append(x.flatten(-3))
        return [*found, self.layer(found[-1])]

    def fields(self) -> Tensor:
        """The kernels of the first convolution, channels averaged: (channels[0], kernel, kernel)."""
        kernels: Tensor = self.convolutions[0].weight  # type: ignore[assignment]
        return kernels.mean(-3)


def _encoder(sense: Sense, config: MLP) -> DenseSense | ConvSense:
    """The first layers behind a sense: convolutions where the brain has them and the sense is a picture."""
    if isinstance(config, Conv) and is_convolved(sense, len(config.channels)):
        return ConvSense(sense, config)
    return DenseSense(sense, config)


class Tower(nn.Module):
    """Senses, the trunk behind them and perhaps a memory: an observation of a named sense -> features (B, width[-1]).

    Every entry of a composite observation goes through the layers of its own sense; their width[0] numbers are summed
    before the activation, so that entries interact as behind one linear layer over all of them. The features of a tower
    with a recurrent memory are its state, width[-1] numbers; an episodic one reads as many from a larger state.
    """

    def __init__(self, senses: dict[str, Sense], config: MLP, feedback: bool) -> None:
        super().__init__()
        single = {name: sense for name, sense in senses.items() if not sense.parts}
        self.senses = nn.ModuleDict({name: _encoder(sense, config) for name, sense in single.items()})
        self.composites = {name: sense for name, sense in senses.items() if sense.parts}
        self.activation = _activation(config)
        pairs = zip(config.width, config.width[1:], strict=False)
        self.trunk = nn.ModuleList(Linear(inputs, outputs, config.init, fed_back=feedback) for inputs, outputs in pairs)
        self.activations = [_activation(config)] * len(self.trunk)
        if config.linear_features:
            self.activations[-1] = _identity
        self.memory = _memory(config)

    def forward(self, x: Tensor, sense: str) -> Tensor:
        """One step of (B, *space), from an empty memory."""
        return self.layers(x, sense)[-1]

    def layers(self, x: Tensor, sense: str) -> list[Tensor]:
        """What each layer makes of one step, from an empty memory: the observation as seen (B, D), .., features.

        Of a composite observation, layers that one entry alone goes through are left out.
        """
        found = self._before_memory(x, sense)
        if self.memory is None:
            return found
        nothing = found[-1].new_zeros(*found[-1].shape[:-1], self.memory.size)
        return [*found, self.memory(found[-1], nothing)]

    def forward_sequence(self, x: Tensor, sense: str, hidden: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Steps x (B * T, *space), B-major, from hidden: features (B * T, width[-1]) and hidden after the last step."""
        assert self.memory is not None
        return self.memory.unroll(self._before_memory(x, sense)[-1], hidden, starts)

    def _before_memory(self, x: Tensor, sense: str) -> list[Tensor]:
        found = self._composite(x, self.composites[sense]) if sense in self.composites else self.senses[sense](x)
        for layer, activation in zip(self.trunk, self.activations, strict=True):
            assert isinstance(layer, Linear)
            found.append(layer.activated(found[-1], activation))
        result: list[Tensor] = found
        return result

    def _composite(self, x: Tensor, sense: Sense) -> list[Tensor]:
        """A row of entries (B, D) -> as seen by all of them (B, D'), and what they make of it together."""
        entries = split_observation(x, sense)
        driven = [self.senses[name].drive(entry) for name, entry in entries.items()]  # type: ignore[operator]
        return [
            torch.cat([layers[0] for layers in driven], -1),
            self.activation(torch.stack([layers[-1] for layers in driven]).sum(0)),
        ]


def _memory(config: MLP) -> GRUCell | EpisodicMemory | None:
    """What the last layer feeds."""
    width = config.width[-1]
    if config.memory == "episodic":
        return EpisodicMemory(width, config.slots, ACTIVATIONS[config.activation], config.init)
    return GRUCell(width, width, config.init) if config.memory == "gru" else None


def _identity(x: Tensor) -> Tensor:
    return x


def _take_feedback(config: MLP) -> None:
    """Raises ValueError for layers through which errors can only travel by backprop."""
    memory = "an episodic memory" if config.memory == "episodic" else "a recurrent memory"
    unfit = {"convolutions": isinstance(config, Conv), memory: config.memory != "none"}
    for what, there in unfit.items():
        if there:
            mend = "use kind: mlp with memory: none, or rule: backprop and no probe of the alignment"
            raise ValueError(f"errors can't travel back through {what} by fixed random feedback; {mend}")


class LinearHead(nn.Module):
    """A linear read-out, perhaps behind a layer of its own; a Gaussian one appends its log standard deviations."""

    def __init__(self, inputs: int, head: Head, config: MLP, feedback: bool) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.hidden = Linear(inputs, head.hidden, config.init, fed_back=feedback) if head.hidden else None
        self.layer = Linear(head.hidden or inputs, head.size, config.init, head.gain, feedback)
        self.log_std = nn.Parameter(torch.zeros(head.size)) if head.gaussian else None

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.layer(features if self.hidden is None else self.hidden.activated(features, self.activation))
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
        if needs.feedback:
            _take_feedback(config)
        self.body = Tower(senses, config, needs.feedback)
        self.own_critic = config.critic == "own" and any(head.critic for head in heads.values())
        self.critic_body = Tower(senses, config, needs.feedback) if self.own_critic else None
        self.critics = frozenset(name for name, head in heads.items() if head.critic and self.own_critic)
        self.memory_size = (1 + self.own_critic) * (self.body.memory.size if self.body.memory is not None else 0)
        self.heads = nn.ModuleDict(
            {name: LinearHead(config.width[-1], head, config, needs.feedback) for name, head in heads.items()}
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
                features[own], parts[own] = self._tower(own).forward_sequence(x, sense, parts[own], starts)
            hidden = torch.cat(parts, -1)
        outputs = tuple(self.heads[name](features[name in self.critics]) for name in names)
        result = outputs[0] if isinstance(head, str) else outputs
        return result if hidden is None else (result, hidden)

    def features(self, x: Tensor, sense: str) -> list[Tensor]:
        """(B, *observation) as the learner sees it, (B, D), then as each hidden layer of the body has it, (B, D')."""
        return self.body.layers(x, sense)

    def fields(self, sense: str) -> Tensor:
        """Receptive fields of the body's first layer, in the world's order: (U, H, W). ValueError for vectors."""
        if sense in self.body.composites:
            entries = ", ".join(part.sense for part in self.body.composites[sense].parts)
            raise ValueError(f"sense {sense!r} has several entries; ask for the fields of one of them: {entries}")
        eye = self.body.senses[sense]
        assert isinstance(eye, DenseSense | ConvSense)
        return eye.fields()

    def _tower(self, own: bool) -> Tower:
        tower = self.critic_body if own else self.body
        assert tower is not None
        return tower
