"""Two critics of each learner, and a target network of each: how large is the value of what is seen and done?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.learners.optimiser import Optimiser
from devlearn.stages.shared.target_network import follow, target_network
from devlearn.streams import torch_seed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.objectives import TemporalDifference
    from devlearn.stages.context import Context, State

COPIES = 10  # of one learner's weights: twins with their gradients and two moments, and a target of each


class TwinCritics:
    """2 N networks of the learners' kind, that see as they do. Draws from the stream ``critics``.

    ``state`` has ``critics`` and ``target`` (None: newborn) and ``critic_moments``, as ``state()`` gave them.
    """

    def __init__(self, judged: TemporalDifference, cohort: Cohort, state: State, context: Context, lr: float) -> None:
        self.judged = judged
        self.networks = _networks(cohort, context, state["critics"])
        self.targets = target_network(self.networks, state["target"] and _together(state["target"]))
        self._moments = _together(state["critic_moments"])
        self._optimiser = Optimiser(self.networks, self._moments, "adam", lr)

    def state(self) -> dict[str, Any]:
        """What has to last, each with a leading N axis."""
        found = {"critics": self.networks.parameters(), "target": self.targets.parameters()}
        return {name: _apart(tensors) for name, tensors in {**found, "critic_moments": self._moments}.items()}

    def values(self, observations: Tensor, done: Tensor, targets: bool = False) -> Tensor:
        """What both critics, or their targets, say of what is seen (N, B, ...) and done (N, B, A): (N, 2, B)."""
        critics = self.targets if targets else self.networks
        answers = critics(_pairs(observations, done), self.judged.sense, self.judged.head)  # (2 N, B, 1)
        values: Tensor = answers.squeeze(-1).unflatten(0, (-1, 2))
        return values

    def update(self, observations: Tensor, done: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """One update towards ``targets`` (N, B): ``loss`` and ``q_value`` (N,), the means of both."""
        told = {"observations": _pairs(observations, done), "targets": targets.repeat_interleave(2, 0)}
        found = self.networks.update(self.judged, told, self._optimiser)
        return {name: found[name].unflatten(0, (-1, 2)).mean(1) for name in ("loss", "q_value")}

    def follow(self, tau: float) -> None:
        """Let the targets move by a share ``tau``."""
        follow(self.targets, self.networks, tau)


def _networks(cohort: Cohort, context: Context, kept: Mapping[str, Tensor] | None) -> Cohort:
    """Two for each learner: born by themselves or as they were ``kept``."""
    seeds = context.drawn_by("critics")
    names = (context.name, context.visit, "critics")
    critics = cohort.newborn([torch_seed(seed, *names, twin) for seed in seeds for twin in range(2)])
    seen = {name: buffer.repeat_interleave(2, 0) for name, buffer in cohort.buffers.items()}
    critics.load({**critics.state(), **seen, **(_together(kept) if kept else {})})
    return critics


def _together(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors (N, 2, ...) as (2 N, ...), which share their memory; the rest as it is."""
    return {name: value.flatten(0, 1) if isinstance(value, torch.Tensor) else value for name, value in tensors.items()}


def _apart(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors (2 N, ...) as (N, 2, ...), which share their memory; the rest as it is."""
    return {
        name: value.unflatten(0, (-1, 2)) if isinstance(value, torch.Tensor) else value
        for name, value in tensors.items()
    }


def _pairs(observations: Tensor, done: Tensor) -> Tensor:
    """What was seen (N, B, ...) and done (N, B, A) as rows, once for each twin: (2 N, B, D + A)."""
    return torch.cat([observations.flatten(2).to(done.dtype), done], -1).repeat_interleave(2, 0)
