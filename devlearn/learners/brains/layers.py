"""Layers written for one learner that also accept a cohort.

Every layer here acts on trailing axes only. With the parameters of one learner it maps (B, D) to (B, D'); with
parameters that carry a leading N axis the same code maps (N, B, D) to (N, B, D'). Nothing else is needed to run N
learners as one program without ``vmap``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from devlearn.learners.brains.builtin import Init

_MINUS_ONE = torch.tensor(-1.0, device="cpu")  # wherever this module is imported, be it under `with torch.device`
_fixed = ContextVar("errors travel back by fixed weights", default=False)


@contextmanager
def feedback() -> Iterator[None]:
    """What is computed inside is learned by feedback alignment (Lillicrap et al. 2016), wherever a layer has feedback.

    Forward passes are what they always are. Backward, the errors of a layer's inputs are found by its fixed random
    ``feedback`` in place of its weights; gradients of the weights themselves are made of those errors as ever.
    """
    before = _fixed.set(True)
    try:
        yield
    finally:
        _fixed.reset(before)


def _tanh(x: Tensor) -> Tensor:
    if _fuses(x):
        return _rational_tanh(x)
    return x.mul(2).sigmoid_().mul_(2).sub_(1)


def _fuses(x: Tensor) -> bool:
    """Whether a compiler makes one pass of what is element-wise, in single precision."""
    return torch.compiler.is_compiling() and x.dtype == torch.float32


# x P(x^2) / Q(x^2), the minimax fit to tanh that Eigen and XLA use on [-9, 9]; beyond 7.9 it is 1 in single precision.
_P = (
    4.89352455891786e-03,
    6.37261928875436e-04,
    1.48572235717979e-05,
    5.12229709037114e-08,
    -8.60467152213735e-11,
    2.00018790482477e-13,
    -2.76076847742355e-16,
)
_Q = (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)


def _rational_tanh(x: Tensor) -> Tensor:
    """tanh to 4e-7 in single precision, by two dozen products and sums in place of an exponential."""
    x = x.clamp(-7.90531110763549805, 7.90531110763549805)
    squared = x * x
    above, below = torch.full_like(x, _P[-1]), torch.full_like(x, _Q[-1])
    for coefficient in reversed(_P[:-1]):
        above = above * squared + coefficient
    for coefficient in reversed(_Q[:-1]):
        below = below * squared + coefficient
    return x * above / below


class _Tanh(torch.autograd.Function):
    """tanh(x) = 2 sigmoid(2 x) - 1: several times faster on the CPU than ``torch.tanh``, a third of PPO's time.

    It agrees with ``torch.tanh`` to the rounding of the sum: 2e-7 absolute in float32.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return _tanh(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        result: Tensor = torch.ops.aten.tanh_backward(gradient, output)
        return result


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, element-wise."""
    return _Tanh.apply(x) if torch.is_grad_enabled() else _tanh(x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "tanh": tanh}


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """N linear layers: x (N, B, in), weight (N, out, in), bias (N, out) -> (N, B, out)."""
    if _fuses(x):  # the sum is part of the next pass; here it would be one of its own
        return torch.bmm(x, weight.mT) + bias.unsqueeze(-2)
    return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)


def _sent_back(saved: Sequence[Tensor], gradient: Tensor, further: bool) -> tuple[Tensor | None, Tensor, Tensor]:
    """What a gradient (N, B, out) makes of x (only with ``further``), weight and bias.

    ``saved`` are x and what errors travel back by, (N, out, in).
    """
    x, back = saved
    wide = back.shape[-1] >= back.shape[-2]  # the longer side of the product goes last
    d_weight = torch.bmm(gradient.mT, x) if wide else torch.bmm(x.mT, gradient).mT
    d_x = torch.bmm(gradient, back) if further else None
    return d_x, d_weight, gradient.sum(-2)


class _StackedLinear(torch.autograd.Function):
    """N linear layers, learned by backprop.

    Autograd's own product for the weights' gradient is five times slower where a layer has few outputs.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        return _sent_back(ctx.saved_tensors, gradient, ctx.needs_input_grad[0])


class _StackedTanh(torch.autograd.Function):
    """N linear layers and their tanh, equal to ``tanh(_StackedLinear(..))`` bit for bit, with two passes less.

    The product is made twice as large on its way, which is exact, so that the sigmoid can take it as it is.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        result = _linear_tanh(x, weight, bias)
        ctx.save_for_backward(x, weight, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        *saved, result = ctx.saved_tensors
        return _sent_back(saved, torch.ops.aten.tanh_backward(gradient, result), ctx.needs_input_grad[0])


def _linear_tanh(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if _fuses(x):
        return _rational_tanh(_linear(x, weight, bias))
    half = torch.baddbmm(bias.unsqueeze(-2), x, weight.mT, beta=2, alpha=2).sigmoid_()
    result: Tensor = torch.add(_MINUS_ONE, half, alpha=2, out=half)
    return result


class _FedBackLinear(torch.autograd.Function):
    """N linear layers whose errors travel back to x by ``back`` (N, out, in); vmap takes it too, and it is slower."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, back: Tensor) -> Tensor:
        return _linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x, _, _, back = inputs
        ctx.save_for_backward(x, back)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        return *_sent_back(ctx.saved_tensors, gradient, ctx.needs_input_grad[0]), None


class Linear(nn.Linear):
    """``nn.Linear`` over a trailing (B, in) that also takes stacked weights (N, out, in) and inputs (N, B, in).

    ``init``: ``default`` is torch's (Kaiming uniform), ``orthogonal`` scales an orthogonal matrix by ``gain`` and
    sets the bias to zero. ``fed_back`` gives the layer a buffer ``feedback`` (out, in) for life, drawn as the weights
    are and after them: what errors travel back by inside ``feedback()``.
    """

    feedback: Tensor | None

    def __init__(
        self, inputs: int, outputs: int, init: Init = "default", gain: float = 2**0.5, fed_back: bool = False
    ) -> None:
        self.init, self.gain = init, gain
        super().__init__(inputs, outputs)
        self.register_buffer("feedback", torch.empty_like(self.weight.detach()) if fed_back else None)
        self._draw_feedback()

    def reset_parameters(self) -> None:
        if self.init == "default":
            super().reset_parameters()
        else:
            nn.init.orthogonal_(self.weight, self.gain)
            nn.init.zeros_(self.bias)
        self._draw_feedback()

    def _draw_feedback(self) -> None:
        if (fixed := self._buffers.get("feedback")) is None:
            return
        if self.init == "default":
            nn.init.kaiming_uniform_(fixed, a=5**0.5)
        else:
            nn.init.orthogonal_(fixed, self.gain)

    def forward(self, x: Tensor) -> Tensor:
        if self.feedback is not None and _fixed.get():
            return self._fed_back(x, self.feedback)
        if self.weight.dim() == 2:
            return nn.functional.linear(x, self.weight, self.bias)
        result: Tensor = _StackedLinear.apply(x, self.weight, self.bias)  # (N, B, out)
        return result

    def activated(self, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
        """What ``activation`` makes of the layer's output."""
        if activation is not tanh or self.weight.dim() == 2 or (self.feedback is not None and _fixed.get()):
            return activation(self(x))
        given = (x, self.weight, self.bias)
        result: Tensor = _StackedTanh.apply(*given) if torch.is_grad_enabled() else _linear_tanh(*given)
        return result

    def _fed_back(self, x: Tensor, fixed: Tensor) -> Tensor:
        given = (x, self.weight, self.bias, fixed)
        if self.weight.dim() == 2:
            alone: Tensor = _FedBackLinear.apply(*(each.unsqueeze(0) for each in given))
            return alone.squeeze(0)
        result: Tensor = _FedBackLinear.apply(*given)
        return result


class GRUCell(nn.Module):
    """A gated recurrent unit, equal to ``nn.GRUCell``: (B, in), (B, H) -> (B, H); gates in torch's order r, z, n.

    With the default init and ``inputs == units`` the weights are distributed as torch's; orthogonal ones have gain 1
    and zero biases. Source: Cho et al. (2014), arXiv:1406.1078, with torch's reset gate behind the product.
    """

    def __init__(self, inputs: int, units: int, init: Init = "default") -> None:
        super().__init__()
        self.input = Linear(inputs, 3 * units, init, gain=1.0)
        self.recurrent = Linear(units, 3 * units, init, gain=1.0)
        self.size = units

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        return self._step(self.input(x), hidden)

    def unroll(self, x: Tensor, hidden: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Steps x (B * T, in), B-major, from hidden (B, H): all states (B * T, H) and the last (B, H).

        Where ``starts`` (B, T) bool is set, the memory is emptied before the step.
        """
        given = self.input(x).unflatten(-2, starts.shape[-2:])  # (B, T, 3H)
        states = []
        for gates, start in zip(given.unbind(-2), starts.unsqueeze(-1).unbind(-2), strict=True):
            hidden = self._step(gates, hidden.masked_fill(start, 0.0))
            states.append(hidden)
        return torch.stack(states, -2).flatten(-3, -2), hidden

    def _step(self, given: Tensor, hidden: Tensor) -> Tensor:
        """The next state from the input's part of the gates (B, 3H) and hidden (B, H)."""
        units = hidden.shape[-1]
        carried = self.recurrent(hidden)  # (B, 3H)
        reset, keep = (given + carried)[..., : 2 * units].sigmoid().chunk(2, -1)
        new = tanh(given[..., 2 * units :] + reset * carried[..., 2 * units :])
        result: Tensor = new + keep * (hidden - new)
        return result


class EpisodicMemory(nn.Module):
    """Keys and values of the latest steps of an episode, read by attention: (B, in), (B, size) -> (B, in).

    A step x writes a key and a value, ``k = K x`` and ``v = V x``, over those of ``slots`` steps ago, and then reads
    ``sum_a softmax_a(q (k_a + p_a) / sqrt(in)) v_a`` with ``q = Q x``, where a is how many steps ago something was
    written (0: now) and ``p_a`` is learned; x and what was read give the features. Its state of ``slots * (2 in + 1)``
    numbers is the keys, the values and whether anything was written, the oldest first.

    Source: Graves, Wayne and Danihelka (2014), arXiv:1410.5401, and Pritzel et al. (2017), arXiv:1703.01988, for a
    memory of keys and values; Vaswani et al. (2017), arXiv:1706.03762, for attention; Shaw, Uszkoreit and Vaswani
    (2018), arXiv:1803.02155, for keys of how long ago.
    """

    def __init__(self, inputs: int, slots: int, activation: Callable[[Tensor], Tensor], init: Init = "default") -> None:
        super().__init__()
        self.slots, self.activation, self.size = slots, activation, slots * (2 * inputs + 1)
        self.query, self.key, self.value = (Linear(inputs, inputs, init, gain=1.0) for _ in range(3))
        self.ages = nn.Parameter(torch.randn(slots, inputs) / inputs**0.5)
        self.output = Linear(2 * inputs, inputs, init)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        starts = torch.zeros_like(x[..., :1], dtype=torch.bool)  # (B, 1)
        return self.unroll(x, hidden, starts)[0]

    def unroll(self, x: Tensor, hidden: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Steps x (B * T, in), B-major, from hidden (B, size): all features (B * T, in) and the last state (B, size).

        Where ``starts`` (B, T) bool is set, the memory is emptied before the step. All steps are read at once: each
        attends to those that were stored and to those of the sequence that are neither later nor too long ago.
        """
        shape, width, slots = starts.shape[-2:], x.shape[-1], self.slots
        hidden = hidden.masked_fill(starts[..., :1], 0.0)
        keys, values, written = hidden.split((slots * width, slots * width, slots), -1)
        stored = [part.unflatten(-1, (slots, width)) for part in (keys, values)]
        new = [layer(x).unflatten(-2, shape) for layer in (self.key, self.value)]
        keys, values = (torch.cat(pair, -2) for pair in zip(stored, new, strict=True))  # (B, S + T, in)
        query = self.query(x) / width**0.5  # (B * T, in)
        ages, there = self._ages(starts, written)
        recent = (query @ self.ages.mT).unflatten(-2, shape)  # (B, T, S), by age
        scores = query.unflatten(-2, shape) @ keys.mT + recent.gather(-1, ages.clamp(0, slots - 1).expand_as(there))
        read = scores.masked_fill(~there, -torch.inf).softmax(-1) @ values  # (B, T, in)
        features: Tensor = self.activation(self.output(torch.cat([x, read.flatten(-3, -2)], -1)))
        kept = there[..., -1, -slots:]  # by the last step, which is there itself
        last = [part[..., -slots:, :] * kept.unsqueeze(-1) for part in (keys, values)]
        return features, torch.cat([*(part.flatten(-2) for part in last), kept.to(x.dtype)], -1)

    def _ages(self, starts: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
        """How many steps before each of T steps each of S + T was written, (T, S + T); and which are there, (B, ..)."""
        steps = torch.arange(starts.shape[-1], device=starts.device)
        places = torch.arange(-self.slots, starts.shape[-1], device=starts.device)
        ages = steps.unsqueeze(-1) - places
        episodes = starts.cumsum(-1)  # which of the sequence's a step belongs to; what is stored, to the first
        owners = torch.cat([(written > 0).to(episodes.dtype) - 1, episodes], -1)  # -1: nothing was ever written
        alike = episodes.unsqueeze(-1) == owners.unsqueeze(-2)
        return ages, alike & (ages >= 0) & (ages < self.slots)


class Normaliser(nn.Module):
    """Running mean and variance of a vector observation, kept as buffers and merged once a rollout."""

    mean: Tensor
    var: Tensor
    count: Tensor

    def __init__(self, size: int, clip: float = 10.0) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("var", torch.ones(size))
        self.register_buffer("count", torch.full((1,), 1e-4))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.mean.unsqueeze(-2), self.var.unsqueeze(-2)
        return ((x - mean) / (var + 1e-8).sqrt()).clamp(-self.clip, self.clip)
