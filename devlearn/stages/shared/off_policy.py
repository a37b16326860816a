"""Trial and error from a replay: which yield lives and learns how much, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devlearn.learners.brains.needs import memory_size
from devlearn.stages.stage import Cost

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class OffPolicy:
    """A yield is ``rollout`` steps in each of ``num_envs`` copies, then ``gradient_steps`` updates.

    The first of a visit is ``learning_starts`` steps, at least, of all copies together, and no updates; with 0 it is as
    the others are.
    """

    num_envs: int
    rollout: int
    gradient_steps: int
    learning_starts: int

    @property
    def first(self) -> int:
        """Steps of every copy in a first yield that does not learn; 0: there is none."""
        return -(-self.learning_starts // self.num_envs)

    def fills(self, done: int) -> bool:
        """Whether the yield after ``done`` others fills the replay and learns nothing."""
        return done == 0 and self.first > 0

    def length(self, done: int) -> int:
        """Steps of every copy in the yield after ``done`` others."""
        return self.first if self.fills(done) else self.rollout

    def env_steps(self, yields: int) -> int:
        """Steps of one learner in so many yields."""
        after = yields - bool(self.first)
        return self.num_envs * (self.first + after * self.rollout) if yields else 0

    def check_budget(self, env_steps: int | None, random: bool) -> None:
        """Raises ValueError where a budget in env_steps ends before learning starts."""
        if env_steps is not None and not random and self.first and env_steps <= (starts := self.first * self.num_envs):
            why = (
                f"learning starts after {starts:,} env_steps, and the budget is {env_steps:,}: nothing would be learned"
            )
            raise ValueError(f"{why}; lower learning_starts or raise env_steps")

    def cost(self, act: int, learn: int, memory: int) -> Cost:
        """What a yield costs. ``act``, ``learn``: FLOPs of a step of all copies, of an update; ``memory``: bytes."""
        steps = self.rollout
        return Cost(
            updates=self.gradient_steps,
            env_steps=self.num_envs * steps,
            flops=act * steps + learn * self.gradient_steps,
            first=Cost(env_steps=self.env_steps(1), flops=act * self.first) if self.first else None,
            memory=memory,
        )


def refuse_memory(kind: str, brain: nn.Module) -> None:
    """Raises ValueError for a brain that remembers: a replay keeps single steps."""
    if memory_size(brain):
        mend = "use memory: none, or trial.ppo or trial.dqn, which learn whole sequences"
        raise ValueError(f"{kind} learns from single steps of a replay, and this brain has a memory; {mend}")


def weights_bytes(brain: nn.Module) -> int:
    """What one learner's parameters take, on the device that they are computed on."""
    return sum(4 * weights.numel() for weights in brain.parameters())
