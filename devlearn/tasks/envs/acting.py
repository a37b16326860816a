"""How a cohort acts in every copy of an environment: by what it sees, what it remembers and its reflexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.tasks.envs.recurrent_state import Memory
from devlearn.tasks.envs.reflex import Reflexes

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.tasks.envs.policy import Policy
    from devlearn.tasks.envs.vector_env import VectorEnv


def allowed(world: VectorEnv, device: torch.device) -> Tensor | None:
    """Which options are allowed in every copy now, (N, E, O) bool; None where all always are."""
    return None if world.mask is None else torch.from_numpy(world.mask).to(device)


@dataclass(frozen=True)
class Acting:
    """N learners in E copies of an environment. ``policy`` says which parts of a brain act there."""

    cohort: Cohort
    policy: Policy
    memory: Memory
    reflexes: Reflexes

    @classmethod
    def of(cls, cohort: Cohort, policy: Policy, copies: int, memory: Any = None, reflexes: Any = None) -> Acting:
        """``memory``, ``reflexes``: the states of these, to continue bit for bit; by default all episodes begin now."""
        return cls(cohort, policy, Memory(cohort, copies, memory), Reflexes.of(cohort, policy, copies, reflexes))

    def look(self, world: VectorEnv, *heads: str) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """The actor's output (N, E, size) for what is seen now, which is remembered.

        Also what their reflexes said, (N, E, O), which is part of that output, or None where they have none; and the
        outputs of other ``heads``.
        """
        observation = torch.from_numpy(world.observation).to(self.cohort.device)
        parts = (self.policy.actor, *self.reflexes.gates, *heads)
        output, *others = self.memory.look(observation, self.policy.sense, parts)
        if not self.reflexes:
            return output, None, others
        said, gate = self.reflexes.act(world.observation), others.pop(0) if self.reflexes.gates else None
        return self.policy.factors.moved(output, said, gate), said, others

    def end(self, ended: np.ndarray[Any, Any]) -> None:
        """Say whose episode has just ended, (N, E) bool."""
        self.memory.end(torch.from_numpy(ended))
        self.reflexes.end(ended)
