"""Inverse models of N learners: what each has found out, by play, about which action leads from what to what."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import misses
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.running_moments import merge_moments
from devlearn.streams import torch_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from gymnasium.spaces import Box
    from torch import Tensor, nn

    from devlearn.learners.objectives import Factors
    from devlearn.stages.context import Context, State

STREAM = "inverse"
MOMENTS = ("mean", "var", "count")
Steps = dict[str, "Tensor"]  # before, after (N, S, *space) and actions (N, S, ...)


@dataclass(frozen=True)
class InverseKeys:
    """What such models are made of, and how they learn: ``space`` of what is seen, ``factors`` of actions."""

    space: Box
    factors: Factors
    hidden: int
    lr: float

    def network(self) -> Callable[[], nn.Module]:
        """What makes one learner's."""
        from devlearn.learners.inverse_model import InverseModel

        size = math.prod(self.space.shape)
        return lambda: InverseModel(size, self.factors, self.hidden)

    def update_flops(self, rows: int) -> int:
        """FLOPs of an update on so many steps."""
        from devlearn.learners.inverse_model import Telling

        seen = {name: ((rows, math.prod(self.space.shape)), torch.float32) for name in ("before", "after")}
        actions = (rows, *self.factors.shape), torch.int64 if self.factors.discrete else torch.float32
        return flops.update(self._blank(), Telling(self.factors), {**seen, "actions": actions})

    def tell_flops(self, rows: int) -> int:
        """FLOPs of telling the actions of so many steps."""
        seen = torch.zeros(rows, math.prod(self.space.shape), device="meta")
        return flops.forward(self._blank(), seen, seen)

    def _blank(self) -> nn.Module:
        with torch.device("meta"):
            return self.network()()

    @property
    def bytes(self) -> int:
        """What one learner's takes, moments and gradients included."""
        return 4 * 4 * sum(weight.numel() for weight in self._blank().parameters())


@dataclass(frozen=True)
class InverseModels:
    """One for each of N learners, apart from their brains. Draws from ``inverse``."""

    keys: InverseKeys
    networks: Cohort
    moments: dict[str, Any]
    context: Context

    @classmethod
    def of(cls, keys: InverseKeys, cohort: Cohort, context: Context, state: State | None) -> InverseModels:
        """Born by themselves, or as they were in ``state``."""
        born = [torch_seed(seed, context.name, context.visit, STREAM) for seed in context.drawn_by(STREAM)]
        networks = Cohort(keys.network(), born, cohort.device, dtype=cohort.dtype)
        if state is None:
            return cls(keys, networks, {}, context)
        networks.load(state["networks"])
        return cls(keys, networks, state["moments"], context)

    def look(self, steps: Steps) -> None:
        """Merge what was seen in steps (N, S, ...) into what is known of looks."""
        mean, var, count = (self.networks.buffers[f"normaliser.{name}"] for name in MOMENTS)
        for buffer, merged in zip(
            (mean, var, count), merge_moments(mean, var, count, self._rows(steps["before"])), strict=True
        ):
            buffer.copy_(merged)

    def learn(self, steps: Steps, batch: int, updates: int, block: int) -> None:
        """Updates on minibatches of steps (N, S, ...), drawn evenly and with replacement, the ``block``-th time."""
        from devlearn.learners.inverse_model import Telling

        optimiser, objective = Optimiser(self.networks, self.moments, "adam", self.keys.lr), Telling(self.keys.factors)
        drawn = self.context.streams(STREAM, counter=block).integers(steps["actions"].shape[1], updates, batch)
        for index in torch.from_numpy(drawn).to(self.networks.device).unbind(1):
            chosen = at(steps, index)
            rows = {name: self._rows(chosen[name]) for name in ("before", "after")}
            self.networks.update(objective, {**rows, "actions": chosen["actions"]}, optimiser)

    def tell(self, steps: Steps) -> Tensor:
        """The output (N, S, outputs) from which ``factors`` read the likeliest actions between."""
        with torch.no_grad():
            told: Tensor = self.networks(self._rows(steps["before"]), self._rows(steps["after"]))
        return told

    def error(self, steps: Steps) -> Tensor:
        """How wrong they are about steps (N, S, ...), (N,), as of ``misses``."""
        return misses(self.keys.factors, self.tell(steps), steps["actions"]).mean(-1)

    def _rows(self, seen: Tensor) -> Tensor:
        """What was seen (N, S, *space) as rows of numbers (N, S, D), bytes as 0..1."""
        rows = seen.flatten(2)
        return (rows / 255 if rows.dtype == torch.uint8 else rows).to(self.networks.dtype)

    def state(self) -> State:
        return {"networks": self.networks.state(), "moments": self.moments}


def at(steps: Steps, index: Tensor) -> Steps:
    """The steps at places ``index`` (N, B)."""
    learners = torch.arange(len(index), device=index.device)[:, None]
    return {name: entry[learners, index] for name, entry in steps.items()}
