"""Trying an environment: whether a seed decides what it shows, and whether a used environment is like a new one."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from devlearn.records import flight
from devlearn.tasks.envs.arrays import to_numpy
from devlearn.tasks.envs.failures import FAILURES
from devlearn.tasks.envs.registration import Env, make
from devlearn.tasks.envs.spec import EnvSpec

TRIAL_SEEDS = (7, 11, 13)
WHOLE, PART = 2000, 300  # most steps of an episode that is used up, and of one that is compared
ACTIONS = 16  # that two new environments are compared over


@dataclass(frozen=True)
class Trial:
    """What was seen of an environment.

    ``reuse``: a used one that is reset with a seed plays the same episode as a new one. ``differs``: where two new
    ones, reset with one seed and given the same actions, show something else; empty where they show the same.
    """

    reuse: bool
    differs: str = ""


@cache
def trial(spec: EnvSpec) -> Trial:
    """Try an environment, once a process.

    Two new ones are compared over the first 16 steps of an episode of random actions. One of them is used up by the
    whole of it (at most 2,000 steps), and then compared with new ones over the first 300 steps of two episodes. An
    environment that raises here counts as unsafe to be used again: the run itself will meet the error, and name the
    learner and the step. Where the seed decides nothing, neither does making it anew.
    """
    try:
        used = make(spec)
        try:
            if differs := _differs(used, spec):
                return Trial(True, differs)
            return Trial(all(_same_episode(used, spec, seed) for seed in TRIAL_SEEDS[1:]))
        finally:
            used.close()
    except FAILURES:
        return Trial(False)


def _differs(used: Env, spec: EnvSpec) -> str:
    """Where ``used`` and a new one differ within 16 steps; ``used`` goes on to its episode's end where they do not."""
    other = make(spec)
    ours = episode(used, spec, TRIAL_SEEDS[0], WHOLE)
    try:
        theirs = episode(other, spec, TRIAL_SEEDS[0], ACTIONS)
        for step, (a, b) in enumerate(zip(theirs, ours, strict=False)):  # theirs is first: it ends first
            if a != b:
                return difference(TRIAL_SEEDS[0], step)
    finally:
        other.close()
    for _ in ours:
        pass
    return ""


def difference(seed: int, step: int) -> str:
    """In words, that two environments differ at a step; step 0 is the reset."""
    when = f"after {step} equal action{'s' * (step > 1)}" if step else "at once"
    return f"two of them, reset with seed {seed}, show something else {when}"


def _same_episode(used: Env, spec: EnvSpec, seed: int) -> bool:
    fresh = make(spec)
    try:
        pairs = zip(episode(used, spec, seed, PART), episode(fresh, spec, seed, PART), strict=True)
        return all(a == b for a, b in pairs)
    finally:
        fresh.close()


def episode(env: Env, spec: EnvSpec, seed: int, steps: int) -> Iterator[tuple[Any, ...]]:
    """One episode of random actions, a function of ``seed`` alone: what each reset and step returned, as bytes.

    Actions are drawn from a copy of the space: several environments may share theirs.
    """
    recorder, actions = flight.recorder(), deepcopy(env.action_space)
    actions.seed(seed)
    with recorder.call(spec, flight.RESET):
        observation, _ = env.reset(seed=seed)
    yield (as_bytes(observation),)
    for _ in range(steps):
        action = actions.sample()
        with recorder.call(spec, flight.STEP):
            observation, reward, terminated, truncated, _ = env.step(action)
        yield as_bytes(observation), np.float64(reward).tobytes(), bool(terminated), bool(truncated)
        if terminated or truncated:
            return


def as_bytes(observation: Any) -> bytes:
    """An observation of any kind in a form that compares bit for bit."""
    value = to_numpy(observation)
    if isinstance(value, Mapping):
        return b"".join(str(key).encode() + as_bytes(value[key]) for key in sorted(value, key=str))
    if isinstance(value, (list, tuple)):
        return b"".join(as_bytes(part) for part in value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    array = np.asarray(value)
    return repr(value).encode() if array.dtype == object else array.tobytes()
