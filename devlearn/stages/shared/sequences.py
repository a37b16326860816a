"""Sequences of a replay: what brains with memory learn from in place of single steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.learners.brains.needs import memory_bytes, memory_size
from devlearn.learners.objectives import q_targets
from devlearn.tasks.envs.replay import slots

if TYPE_CHECKING:
    from gymnasium import spaces
    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.flops import Shapes
    from devlearn.stages.shared.off_policy import OffPolicy
    from devlearn.streams import Streams
    from devlearn.tasks.envs.policy import Policy
    from devlearn.tasks.envs.replay import Replay


@dataclass(frozen=True)
class Sequences:
    """``batch`` steps an update in sequences of ``length``, each from what was remembered when it was lived.

    Source: Hausknecht and Stone (2015), Deep recurrent Q-learning, arXiv:1507.06527; Kapturowski et al. (2019),
    Recurrent experience replay in distributed reinforcement learning, for stored states.
    """

    batch: int
    length: int

    @property
    def count(self) -> int:
        """Sequences of an update."""
        return self.batch // self.length

    def check(self, life: OffPolicy, capacity: int, n_step: int) -> None:
        """Raises ValueError, with the mend, where a replay can't give such sequences."""
        if self.batch % self.length:
            why = f"a brain with memory learns sequences of {self.length} steps, and batch = {self.batch}"
            raise ValueError(f"{why} is no multiple of that; change batch or sequence_length")
        if n_step > 1:
            raise ValueError(f"a brain with memory learns from one step to the next; n_step is {n_step}, write 1")
        needed = self.length + 1  # and one before it
        lived = {"learning_starts": life.first or life.rollout, "capacity": slots(capacity, life.num_envs)}
        for key, steps in lived.items():
            if steps < needed:
                what = f"sequences of {self.length} steps need {needed} in each of {life.num_envs} environments"
                raise ValueError(
                    f"{what}, and with {key} as it is there are {steps}; raise {key} or lower sequence_length"
                )

    def shapes(self, brain: nn.Module, space: spaces.Box, seen: torch.dtype) -> Shapes:
        """What an update learns from, for counting FLOPs."""
        rows = self.count, self.length
        return {
            "observations": ((*rows, *space.shape), seen),
            "actions": ((self.batch,), torch.int64),
            "targets": ((self.batch,), torch.float32),
            "starts": (rows, torch.bool),
            "hidden": ((self.count, memory_size(brain)), torch.float32),
        }

    def bytes(self, brain: nn.Module, life: OffPolicy, capacity: int) -> int:
        """What is remembered with every step of one learner's replay. Raises ValueError where it does not fit."""
        return memory_bytes(brain, (slots(capacity, life.num_envs) + 1) * life.num_envs)

    def drawn(
        self, replay: Replay, draws: Streams, gamma: float, policy: Policy, target: Cohort, judge: Cohort | None
    ) -> dict[str, Tensor]:
        """One update's sequences, with targets; ``judge`` says which action is best, by default the target network."""
        batch = replay.sequences(draws, self.count, self.length)
        with torch.no_grad():
            values = _following(target, batch, policy)
            judged = None if judge is None else _following(judge, batch, policy)
        steps = {name: batch[name].flatten(1, 2) for name in ("actions", "rewards", "terminated")}
        steps |= {"masks": batch["masks"].flatten(1, 2)} if "masks" in batch else {}
        steps["discounts"] = torch.full_like(steps["rewards"], gamma)
        told = {name: batch[name] for name in ("observations", "starts", "hidden")}
        return {**told, "actions": steps["actions"], "targets": q_targets(steps, values, judged)}


def _following(learners: Cohort, batch: dict[str, Tensor], policy: Policy) -> Tensor:
    """Values of what every step ended in, by whoever remembers all before it: (N, B * T, A)."""
    hidden, found = batch["hidden"], []
    parts = policy.sense, policy.actor
    for t in range(batch["starts"].shape[-1]):
        step = slice(t, t + 1)
        starts = batch["starts"][:, :, step]
        hidden = learners.forward_sequence(batch["observations"][:, :, step], hidden, starts, *parts)[1]
        ended_in = batch["next_observations"][:, :, step]
        found.append(learners.forward_sequence(ended_in, hidden, torch.zeros_like(starts), *parts)[0])
    return torch.stack(found, 2).flatten(1, 2)
