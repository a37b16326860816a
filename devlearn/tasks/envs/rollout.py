"""Rollouts: a cohort acts in its world and remembers what an actor-critic needs to learn from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from devlearn.lazy import torch
from devlearn.learners.objectives import Factors
from devlearn.streams import Streams
from devlearn.tasks.envs.acting import Acting, allowed
from devlearn.tasks.envs.policy import Policy
from devlearn.tasks.envs.recurrent_state import Memory
from devlearn.tasks.envs.returns import advantages

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.tasks.envs import VectorEnv

Motive: TypeAlias = "Callable[[dict[str, Tensor]], Tensor]"
CHUNK = 32  # steps whose values are estimated in one pass: few enough to stay in the cache


def collect(
    acting: Acting,
    world: VectorEnv,
    streams: Streams,
    length: int,
    gamma: float,
    lam: float,
    motive: Motive | None = None,
) -> dict[str, Tensor]:
    """Act for ``length`` steps in every copy; each entry of the result is (N, T * E, ...), one row a step.

    Entries: observations, actions, log_p, values, advantages (GAE), returns. The value of an episode's last
    observation is used where it was truncated and not where it terminated. With memory a row is a sequence,
    (N, E, T, ...), and there are two more entries: starts, and hidden (N, E, H) before the first step. Where not all
    actions are allowed there are masks (.., O) bool; where learners have reflexes, what these said: reflex (.., O).

    A ``motive`` says what is learned from in place of rewards (N, T, E): it is given these, observations, actions and
    following, what each step ended in, (N, T, E, ...) each.
    """
    cohort, policy, memory = acting.cohort, acting.policy, acting.memory
    n, copies = world.observation.shape[:2]
    observations = torch.empty(n, length, *world.observation.shape[1:], dtype=_dtype(world.observation))
    following = None if motive is None else torch.empty_like(observations)
    noise = policy.factors.noise(streams, length, copies)  # (N, T, E, A)
    outputs, remembered, actions, steps, starts, hidden = [], [], [], [], [], memory.hidden
    masks: list[Tensor] = []
    reflexes: list[Tensor] = []
    heads = (policy.critic,) if memory else ()
    with torch.no_grad():
        for t in range(length):
            observations[:, t] = torch.from_numpy(world.observation)
            starts.append(memory.starts)
            out, said, value = acting.look(world, *heads)
            mask = allowed(world, out.device)
            action = policy.factors.sample(out, noise[:, t].to(out.device), mask)
            step = world.step(action.cpu().numpy())
            outputs.append(out)
            remembered += value
            actions.append(action)
            masks += [] if mask is None else [mask]
            reflexes += [] if said is None else [said]
            steps.append(_compact(step, memory))
            if following is not None:
                following[:, t] = torch.from_numpy(step.final)
            acting.end(step.terminated | step.truncated)
        values = _judged(acting, observations, torch.from_numpy(world.observation), remembered)
        next_values = values[1:].clone()
        _bootstrap(next_values, steps, memory, policy)
    rewards = torch.from_numpy(np.stack([s.reward for s in steps])).to(values.device, values.dtype)
    if motive is not None and following is not None:
        lived = {"observations": observations, "following": following, "rewards": rewards.transpose(0, 1)}
        rewards = motive({**_on(cohort.device, lived), "actions": torch.stack(actions, 1)}).transpose(0, 1)
    batch = _batch(outputs, values[:-1], actions, masks, rewards, steps, next_values, policy, gamma, lam)
    timed = {"observations": observations.to(cohort.device), **batch}  # (N, T, E, ...) each
    if reflexes:
        timed["reflex"] = torch.stack(reflexes, 1)
    if not memory:
        return {name: entry.flatten(1, 2) for name, entry in timed.items()}
    timed["starts"] = torch.stack(starts, 1)
    return {"hidden": hidden, **{name: entry.transpose(1, 2) for name, entry in timed.items()}}


def _on(device: torch.device, entries: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: entry.to(device) for name, entry in entries.items()}


def _judged(acting: Acting, observations: Tensor, last: Tensor, remembered: list[Tensor]) -> Tensor:
    """The values of all that was seen and of what is seen now, (T + 1, N, E)."""
    cohort, policy, memory = acting.cohort, acting.policy, acting.memory
    last = last.to(cohort.device)
    if memory:
        return torch.stack([*remembered, memory.peek(last, policy.sense, policy.critic)]).squeeze(-1)
    length, copies = observations.shape[1:3]  # what does not depend on memory is judged afterwards, many steps at once
    seen = [*observations.to(cohort.device).flatten(1, 2).split(CHUNK * copies, 1), last]
    judged = torch.cat([cohort(part, policy.sense, policy.critic) for part in seen], 1)
    values: Tensor = judged.unflatten(1, (length + 1, copies)).transpose(0, 1).squeeze(-1)
    return values


def act_randomly(world: VectorEnv, factors: Factors, streams: Streams, length: int) -> None:
    """Act for ``length`` steps in every copy as an actor would whose output is always 0.

    All allowed options of a choice are equally likely, numbers are standard normal.
    """
    n, copies = world.observation.shape[:2]
    noise = factors.noise(streams, length, copies)  # (N, T, E, A)
    nothing = noise.new_zeros(n, copies, factors.outputs * (1 if factors.discrete else 2))
    for t in range(length):
        world.step(factors.sample(nothing, noise[:, t], allowed(world, noise.device)).numpy())


@dataclass(frozen=True)
class _Steps:
    reward: np.ndarray[Any, Any]
    terminated: np.ndarray[Any, Any]
    truncated: np.ndarray[Any, Any]
    where: tuple[np.ndarray[Any, Any], ...]  # learners and copies whose episode was truncated
    final: np.ndarray[Any, Any]  # the observations that those episodes ended in
    hidden: Tensor  # and what was remembered then, (K, H)


def _compact(step: Any, memory: Memory) -> _Steps:
    where = np.nonzero(step.truncated & ~step.terminated)
    hidden = memory.hidden[where] if memory else memory.hidden.new_zeros(len(where[0]), 0)
    return _Steps(step.reward, step.terminated, step.truncated, where, step.final[where], hidden)


def _dtype(array: np.ndarray[Any, Any]) -> torch.dtype:
    return torch.from_numpy(array[:0].copy()).dtype


def _bootstrap(next_values: Tensor, steps: list[_Steps], memory: Memory, policy: Policy) -> None:
    """Write the value of each truncated episode's final observation into ``next_values``, with one forward pass."""
    per_learner: list[list[Any]] = [[] for _ in range(next_values.shape[1])]
    for t, s in enumerate(steps):
        for i, e, obs, hidden in zip(*s.where, s.final, s.hidden, strict=True):
            per_learner[i].append((t, e, obs, hidden))
    width = max(len(rows) for rows in per_learner)
    if not width:
        return
    finals = np.zeros((len(per_learner), width, *steps[0].final.shape[1:]), steps[0].final.dtype)
    remembered = memory.hidden.new_zeros(len(per_learner), width, memory.hidden.shape[-1])
    for i, rows in enumerate(per_learner):
        for k, (_, _, obs, hidden) in enumerate(rows):
            finals[i, k], remembered[i, k] = obs, hidden
    seen = torch.from_numpy(finals).to(next_values.device)
    values = memory.peek(seen, policy.sense, policy.critic, remembered).squeeze(-1)  # (N, K)
    for i, rows in enumerate(per_learner):
        for k, (t, e, _, _) in enumerate(rows):
            next_values[t, i, e] = values[i, k]


def _batch(
    outputs: list[Tensor],
    value: Tensor,
    actions: list[Tensor],
    masks: list[Tensor],
    rewards: Tensor,
    steps: list[_Steps],
    next_values: Tensor,
    policy: Policy,
    gamma: float,
    lam: float,
) -> dict[str, Tensor]:
    """What was done and what came of it, (N, T, E, ...) each."""
    device = next_values.device
    terminated = torch.from_numpy(np.stack([s.terminated for s in steps])).to(device)
    truncated = torch.from_numpy(np.stack([s.truncated for s in steps])).to(device)
    gae = advantages(rewards, value, next_values, terminated, truncated, gamma, lam)
    taken, allowed = torch.stack(actions), {"masks": torch.stack(masks)} if masks else {}
    log_p, _ = policy.factors.judge(torch.stack(outputs), taken, allowed.get("masks"))
    timed = {"actions": taken, "log_p": log_p, "values": value, "advantages": gae, "returns": gae + value, **allowed}
    return {name: entry.transpose(0, 1) for name, entry in timed.items()}
