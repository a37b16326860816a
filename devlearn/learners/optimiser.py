"""Element-wise optimisers over parameters that carry a leading N axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from devlearn.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


class Weighted(Protocol):
    """What can be optimised: parameters by name, each with a leading N axis, on one device."""

    @property
    def weights(self) -> Mapping[str, nn.Parameter]: ...

    @property
    def device(self) -> torch.device: ...


@dataclass(frozen=True)
class Weights:
    """N learners' parameters that belong to no network: a genome, the scores of a mask."""

    weights: Mapping[str, nn.Parameter]
    device: torch.device

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Weights:
        """Parameters that share the storage of ``tensors`` (N, *shape)."""
        device = next(iter(tensors.values())).device
        return cls({name: torch.nn.Parameter(tensor.detach()) for name, tensor in tensors.items()}, device)


class Optimiser:
    """An element-wise optimiser over stacked parameters (a cohort's, or ``Weights``): exactly N optimisers.

    Args:
        owner: the parameters; those whose ``grad`` is None are left alone by a step, as in torch.
        moments: all that the optimiser remembers, kept up to date: ``kind``, ``steps`` {parameter: number} and, for
            each slot, ``slot:parameter`` tensors (N, *shape). An empty dict starts afresh.
        kind: ``adam`` (AdamW, whose weight decay is decoupled) or ``sgd``.
        lr: the learning rate; ``set_lr`` changes it.
        momentum: of ``sgd``.
        weight_decay: of both.
        eps: of ``adam``, added to the root of the second moment.

    The steps are torch's own fused ones, called without ``torch.optim.Optimizer``, which imports torch's compiler.
    Rules that couple parameters (LAMB, Muon, global norms) would couple learners and are not offered.
    """

    def __init__(
        self,
        owner: Weighted,
        moments: dict[str, Any],
        kind: str,
        lr: float,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.weights, self.moments = owner.weights, moments
        self.lr, self.momentum, self.weight_decay, self.eps = lr, momentum, weight_decay, eps
        moments.setdefault("kind", kind)
        moments.setdefault("steps", {})
        device = owner.device
        self._counts = {name: torch.tensor(float(step), device=device) for name, step in moments["steps"].items()}

    def set_lr(self, lr: float) -> None:
        self.lr = lr

    def step(self) -> None:
        """Move every parameter that has a gradient, in place."""
        moved = {name: weight for name, weight in self.weights.items() if weight.grad is not None}
        with torch.no_grad():
            if self.moments["kind"] == "adam":
                self._adam(moved)
            else:
                self._sgd(moved)
        steps = self.moments["steps"]
        steps.update((name, steps.get(name, 0) + 1) for name in moved)

    def _adam(self, moved: Mapping[str, nn.Parameter]) -> None:
        for name, weight in moved.items():
            if name not in self.moments["steps"]:
                self._counts[name] = torch.zeros((), device=weight.device)
                self.moments[f"exp_avg:{name}"] = torch.zeros_like(weight)
                self.moments[f"exp_avg_sq:{name}"] = torch.zeros_like(weight)
        from torch.optim.adamw import adamw

        adamw(
            *_with_gradients(moved.values()),
            self._slot("exp_avg", moved),
            self._slot("exp_avg_sq", moved),
            [],
            [self._counts[name] for name in moved],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.lr,
            weight_decay=self.weight_decay,
            eps=self.eps,
            maximize=False,
        )

    def _sgd(self, moved: Mapping[str, nn.Parameter]) -> None:
        from torch.optim.sgd import sgd

        slots = {name: self.moments.get(f"momentum_buffer:{name}") for name in moved}
        fresh = [name for name, buffer in slots.items() if buffer is None]
        for names in (fresh, [name for name in moved if name not in fresh]):  # torch takes buffers for all or for none
            buffers = [slots[name] for name in names]
            sgd(
                *_with_gradients(moved[name] for name in names),
                buffers,
                fused=True,
                weight_decay=self.weight_decay,
                momentum=self.momentum,
                lr=self.lr,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )
            if self.momentum:
                self.moments.update((f"momentum_buffer:{name}", buffers[i]) for i, name in enumerate(names))

    def _slot(self, slot: str, names: Iterable[str]) -> list[Tensor]:
        return [self.moments[f"{slot}:{name}"] for name in names]


def _with_gradients(weights: Iterable[nn.Parameter]) -> tuple[list[Tensor], list[Tensor]]:
    pairs = [(weight, weight.grad) for weight in weights if weight.grad is not None]
    return [weight for weight, _ in pairs], [gradient for _, gradient in pairs]
