"""Replay: the latest steps of every copy, to learn from again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from devlearn.lazy import torch
from devlearn.learners.objectives import Factors

if TYPE_CHECKING:
    from gymnasium import spaces
    from torch import Tensor

    from devlearn.streams import Streams
    from devlearn.tasks.envs.recurrent_state import Memory
    from devlearn.tasks.envs.reflex import Reflexes
    from devlearn.tasks.envs.vector_env import VectorEnv

Act: TypeAlias = "Callable[[Tensor, Tensor | None, int], Tensor]"
LIVED = ("observations", "next_observations", "actions", "rewards", "terminated", "ended")
ENTRIES = (*LIVED, "masks", "starts", "hidden", "reflex", "next_reflex")


class Replay:
    """The latest steps of N learners in E copies each, in rings that are filled in step.

    Args:
        world: where they are lived.
        factors: what an action is made of.
        capacity: steps of each learner that are kept; of every copy as many, C // E (one at least).
        device: where they are kept, and what is drawn of them is given.
        state: what ``state()`` returned, to continue bit for bit.
        reflexes: those by which learners act, if they have any.
        memory: what the learners remember while they live, where they do.

    Entries are (N, C // E, E, ...): observations and next_observations as the environment shows them (bytes stay
    bytes), actions of the policy, rewards, terminated, ended (terminated or truncated) and, where not all actions are
    always allowed, masks (.., O) of those that are in next_observations. Where an episode ended, the next observation
    is its last one, and all actions count there: no environment says which it would have allowed. With a memory there
    is starts, where an episode begins, and hidden (.., H), what is remembered after the step. Where learners have
    reflexes, also what these said at observations, and would say at the next ones: reflex and next_reflex (.., O).

    Attributes:
        said: what reflexes say at what is seen now, (N, E, O), while ``live`` asks what to do; None without.
    """

    def __init__(
        self,
        world: VectorEnv,
        factors: Factors,
        capacity: int,
        device: torch.device,
        state: dict[str, Any] | None = None,
        reflexes: Reflexes | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.world, self.device, self.reflexes = world, device, reflexes or None
        self.memory = memory or None  # None too for brains that don't remember
        self.said: Tensor | None = None
        self.position: int = 0 if state is None else state["position"]
        self.filled: int = 0 if state is None else state["filled"]
        if state is not None:
            self.entries: dict[str, Tensor] = {name: state[name].to(device) for name in ENTRIES if name in state}
            return
        n, copies = world.observation.shape[:2]
        kinds = _entries(world.observation.shape[2:], world.observation.dtype, factors)
        if world.mask is not None:
            kinds["masks"] = (factors.options,), torch.bool
        if reflexes:
            kinds |= {name: ((factors.outputs,), reflexes.cohort.dtype) for name in ("reflex", "next_reflex")}
        if self.memory is not None:
            kinds["starts"] = (), torch.bool
            kinds["hidden"] = tuple(self.memory.hidden.shape[2:]), self.memory.hidden.dtype
        lead = (n, slots(capacity, copies), copies)
        self.entries = {
            name: torch.zeros(*lead, *shape, dtype=dtype, device=device) for name, (shape, dtype) in kinds.items()
        }

    @property
    def slots(self) -> int:
        """How many steps of every copy have a place."""
        return self.entries["rewards"].shape[1]

    def live(self, act: Act, length: int) -> None:
        """Live ``length`` steps in every copy and keep them.

        ``act(observation, mask, t)`` chooses actions (N, E, ...) for observations (N, E, ...), where a mask (N, E, O)
        says which are allowed, if not all are.
        """
        for t in range(length):
            seen = torch.from_numpy(np.array(self.world.observation))
            allowed = self.world.mask
            mask = None if allowed is None else torch.from_numpy(np.array(allowed)).to(self.device)
            self.said = None if self.reflexes is None else self.reflexes.act(seen.numpy())
            starts = None if self.memory is None else self.memory.starts
            actions = act(seen.to(self.device), mask, t)
            step = self.world.step(actions.cpu().numpy())
            ended = step.terminated | step.truncated
            kept = {"next_observations": step.final, "rewards": step.reward, "terminated": step.terminated}
            lived = {name: torch.from_numpy(np.asarray(value)) for name, value in {**kept, "ended": ended}.items()}
            lived |= {"observations": seen, "actions": actions}
            if (allowed := self.world.mask) is not None:
                lived["masks"] = torch.from_numpy(allowed | ended[..., None])
            if self.reflexes is not None and self.said is not None:
                lived |= {"reflex": self.said, "next_reflex": self.reflexes.foresee(step.final)}
                self.reflexes.end(ended)
            if self.memory is not None and starts is not None:
                lived |= {"starts": starts, "hidden": self.memory.hidden}
                self.memory.end(torch.from_numpy(ended))
            for name, value in lived.items():
                self.entries[name][:, self.position] = value
            self.position = (self.position + 1) % self.slots
            self.filled = min(self.filled + 1, self.slots)

    def sample(self, streams: Streams, size: int, steps: int, gamma: float) -> dict[str, Tensor]:
        """``size`` steps of each learner, with replacement, and what followed: (N, B, ...) each.

        Entries: observations, actions, reflex; rewards, the discounted sum ``sum_i gamma^i r_i`` over ``steps`` steps,
        or up to the episode's end or the latest step, if that comes first; next_observations, next_reflex and masks
        after the last of them; terminated, whether nothing follows that; and discounts, ``gamma`` to the number of
        steps.
        """
        there, n, copies = self.entries, self.entries["rewards"].shape[0], self.entries["rewards"].shape[2]
        drawn = torch.from_numpy(streams.integers(self.filled * copies, size)).to(self.device)  # (N, B)
        age, copy = drawn // copies, drawn % copies  # 0 is the oldest step
        rewards = torch.zeros(n, size, dtype=self.entries["rewards"].dtype, device=self.device)
        last, going = age, torch.ones(n, size, dtype=torch.bool, device=self.device)
        for step in range(steps):
            going = going & (age + step < self.filled)
            at = torch.where(going, age + step, last)
            rewards = rewards + gamma**step * self._take("rewards", at, copy) * going
            last, going = at, going & ~self._take("ended", at, copy)
        acted, followed = (
            ("observations", "actions", "reflex"),
            ("next_observations", "terminated", "masks", "next_reflex"),
        )
        batch: dict[str, Tensor] = {name: self._take(name, age, copy) for name in acted if name in there}
        batch |= {name: self._take(name, last, copy) for name in followed if name in there}
        # looked up, as a vectorised power rounds by the place that a number has among others
        powers = torch.tensor([gamma**count for count in range(steps + 1)], dtype=rewards.dtype, device=self.device)
        return batch | {"rewards": rewards, "discounts": powers[last - age + 1]}

    def sequences(self, streams: Streams, size: int, length: int) -> dict[str, Tensor]:
        """``size`` sequences of ``length`` successive steps of each learner with memory, with replacement.

        All entries of these steps, (N, B, T, ...), but hidden (N, B, H): what was remembered before the first of them
        when it was lived. Every step that has enough others behind it and one before it can be the first.

        Raises ValueError where fewer than ``length + 1`` steps of a copy are kept.
        """
        copies, first = self.entries["rewards"].shape[2], self.filled - length
        if first < 1:
            raise ValueError(f"{self.filled} steps of every copy are kept, too few for sequences of {length}")
        drawn = torch.from_numpy(streams.integers(first * copies, size)).to(self.device)  # (N, B)
        before, copy = drawn // copies, drawn % copies  # 0 is the oldest step
        steps = before.unsqueeze(-1) + 1 + torch.arange(length, device=self.device)  # (N, B, T)
        each = copy.unsqueeze(-1).expand_as(steps)
        found = {name: self._take(name, steps, each) for name in self.entries if name != "hidden"}
        return {**found, "hidden": self._take("hidden", before, copy)}

    def _take(self, name: str, age: Tensor, copy: Tensor) -> Tensor:
        """An entry of steps (N, B) or (N, B, T), by their age and copy: (N, B, ...) or (N, B, T, ...)."""
        entry = self.entries[name]
        n, slots, copies = entry.shape[:3]
        slot = (self.position - self.filled + age) % slots
        learners = torch.arange(n, device=self.device).view(-1, *[1] * (age.dim() - 1))
        rows = (learners * slots + slot) * copies + copy
        taken: Tensor = entry.flatten(0, 2).index_select(0, rows.flatten()).unflatten(0, rows.shape)
        return taken

    def state(self) -> dict[str, Any]:
        """All that a resume needs of it: the entries, which are shared, and where the next step goes."""
        return {"position": self.position, "filled": self.filled, **self.entries}


def slots(capacity: int, copies: int) -> int:
    """How many steps of every copy have a place among ``capacity`` steps of a learner."""
    return max(1, capacity // copies)


def replay_bytes(space: spaces.Box, factors: Factors, capacity: int, copies: int, reflex: bool = False) -> int:
    """What one learner's replay takes, masks apart, as only an environment that runs says whether it has them.

    What is remembered with each step is apart too.
    """
    assert space.dtype is not None
    kinds = _entries(space.shape, space.dtype, factors).values()
    each = sum(math.prod(shape) * dtype.itemsize for shape, dtype in kinds) + 2 * 4 * factors.outputs * reflex
    return slots(capacity, copies) * copies * each


def _entries(
    shape: tuple[int, ...], dtype: np.dtype[Any], factors: Factors
) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """What is kept of one step, without masks: shapes and types."""
    seen = shape, torch.from_numpy(np.zeros(0, dtype)).dtype
    actions = factors.shape, torch.int64 if factors.discrete else torch.float32
    kinds = {"observations": seen, "next_observations": seen, "actions": actions}
    kinds["rewards"] = (), torch.float32
    return kinds | {name: ((), torch.bool) for name in ("terminated", "ended")}
