"""Trying an environment: whether a seed decides what it shows, and whether a used environment is like a new one."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np

from devlearn.records import flight
from devlearn.tasks.envs.actions import random_action
from devlearn.tasks.envs.arrays import to_numpy
from devlearn.tasks.envs.failures import begun, failures, raised
from devlearn.tasks.envs.registration import Env, make
from devlearn.tasks.envs.spec import EnvSpec

TRIAL_SEEDS = (7, 11, 13)
WHOLE, PART = 2000, 300  # most steps of an episode that is used up, and of one that is compared
ACTIONS = 16  # that two new environments are compared over


@cache
def differs(spec: EnvSpec) -> str:
    """Where two new environments that are reset with one seed and given the same 16 actions show something else.

    In words; empty where they show the same, tried once a process. They are stepped in turn, as the copies of a run
    are, so that what they share shows. One that raises here tells nothing: the run itself will meet the error, and name
    the learner and the step.
    """
    try:
        one, other = make(spec), make(spec)
        try:
            pairs = zip(*(episode(env, spec, TRIAL_SEEDS[0], ACTIONS) for env in (one, other)), strict=False)
            return next((difference(TRIAL_SEEDS[0], step) for step, (a, b) in enumerate(pairs) if a != b), "")
        finally:
            one.close()
            other.close()
    except failures():
        return ""


@cache
def fails(spec: EnvSpec) -> str:
    """What an environment raises in the first 16 steps of an episode of random actions, in words; empty: nothing."""
    try:
        env = make(spec)
        try:
            for _ in episode(env, spec, TRIAL_SEEDS[0], ACTIONS):
                pass
        finally:
            env.close()
    except failures() as error:
        return raised(error)
    return ""


@cache
def reuse_is_safe(spec: EnvSpec) -> bool:
    """Whether a used environment that is reset with a seed plays the same episode as a new one; tried once a process.

    One is used up by a whole episode of random actions (at most 2,000 steps) and then compared with new ones over the
    first 300 steps of two episodes. An environment that raises here counts as unsafe: the run itself will meet the
    error. Where the seed decides nothing, neither does making it anew.
    """
    if differs(spec):
        return True
    try:
        used = make(spec)
        try:
            for _ in episode(used, spec, TRIAL_SEEDS[0], WHOLE):
                pass
            return all(_same_episode(used, spec, seed) for seed in TRIAL_SEEDS[1:])
        finally:
            used.close()
    except failures():
        return False


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
    with recorder.call(spec, flight.RESET, (seed, 0)):
        observation, info = begun(env.reset(seed=seed))
    yield (as_bytes(observation),)
    for step in range(1, steps + 1):
        action = random_action(env, actions, info)
        with recorder.call(spec, flight.STEP, (seed, step)):
            observation, reward, terminated, truncated, info = env.step(action)
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
