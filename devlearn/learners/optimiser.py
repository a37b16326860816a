"""Element-wise optimisers over parameters that carry a leading N axis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
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
    def of(cls, tensors: Mapping[str, Tensor]) -> "Weights":
        """Parameters that share the storage of ``tensors`` (N, *shape)."""
        device = next(iter(tensors.values())).device
        return cls({name: nn.Parameter(tensor.detach()) for name, tensor in tensors.items()}, device)


class Optimiser:
    """An element-wise optimiser over stacked parameters (a cohort's, or ``Weights``): exactly N optimisers.

    ``moments`` holds all that it remembers and is kept up to date: ``kind``, ``steps`` {parameter: number} and, for
    each slot, ``slot:parameter`` tensors (N, *shape). An empty dict starts afresh. As in torch, a parameter that the
    loss does not reach is left alone. Rules that couple parameters (LAMB, Muon, global norms) would couple learners
    and are not offered.
    """

    def __init__(self, owner: Weighted, moments: dict[str, Any], kind: str, lr: float, **keys: Any) -> None:
        self.weights, self.moments = owner.weights, moments
        moments.setdefault("kind", kind)
        moments.setdefault("steps", {})
        self.torch = self._build(moments["kind"], lr, keys)
        for key, tensor in moments.items():
            if isinstance(tensor, Tensor):
                slot, _, name = key.partition(":")
                self.torch.state[self.weights[name]][slot] = tensor
        for name, step in moments["steps"].items():
            self.torch.state[self.weights[name]]["step"] = torch.tensor(float(step), device=owner.device)

    def _build(self, kind: str, lr: float, keys: dict[str, Any]) -> torch.optim.Optimizer:
        if kind == "adam":
            keys.pop("momentum", None)
            return torch.optim.AdamW(self.weights.values(), lr=lr, fused=True, **{"weight_decay": 0.0, **keys})
        return torch.optim.SGD(self.weights.values(), lr=lr, fused=True, **keys)

    def set_lr(self, lr: float) -> None:
        self.torch.param_groups[0]["lr"] = lr

    def step(self) -> None:
        self.torch.step()
        steps = self.moments["steps"]
        for name, weight in self.weights.items():
            if weight.grad is None:
                continue
            if name not in steps:
                slots = {slot: value for slot, value in self.torch.state[weight].items() if slot != "step"}
                self.moments.update({f"{slot}:{name}": value for slot, value in slots.items() if value is not None})
            steps[name] = steps.get(name, 0) + 1
