"""Trying an environment: what an episode of random actions shows, and whether a used environment is like a new one."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from devlearn.tasks.envs.actions import random_action
from devlearn.tasks.envs.registration import Env, cache_key, make

TRIAL_SEEDS = (7, 11, 13)
WHOLE, PART = 2000, 300  # most steps of an episode that is used up, and of one that is compared
_reuse: dict[tuple[str, str], bool] = {}


def reuse_is_safe(env: str, keys: Mapping[str, Any]) -> bool:
    """Whether a used environment that is reset with a seed plays the same episode as a new one; tried once a process.

    One is used up by a whole episode of random actions (at most 2,000 steps) and then compared with new ones over the
    first 300 steps of two episodes. An environment that raises here counts as unsafe: the run itself will meet the
    error, and name the learner and the step.
    """
    key = cache_key(env, keys)
    if key not in _reuse:
        _reuse[key] = _try_reuse(env, keys)
    return _reuse[key]


def _try_reuse(env: str, keys: Mapping[str, Any]) -> bool:
    used = make(env, keys)
    try:
        for _ in episode(used, TRIAL_SEEDS[0], WHOLE):
            pass
        return all(_same_episode(used, env, keys, seed) for seed in TRIAL_SEEDS[1:])
    except Exception:
        return False
    finally:
        used.close()


def _same_episode(used: Env, env: str, keys: Mapping[str, Any], seed: int) -> bool:
    fresh = make(env, keys)
    try:
        return all(a == b for a, b in zip(episode(used, seed, PART), episode(fresh, seed, PART), strict=True))
    finally:
        fresh.close()


def episode(env: Env, seed: int, steps: int) -> Iterator[tuple[Any, ...]]:
    """One episode of random actions, a function of ``seed`` alone: what each reset and step returned, as bytes."""
    env.action_space.seed(seed)
    observation, info = env.reset(seed=seed)
    yield (as_bytes(observation),)
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(random_action(env, info))
        yield as_bytes(observation), np.float64(reward).tobytes(), bool(terminated), bool(truncated)
        if terminated or truncated:
            return


def as_bytes(observation: Any) -> bytes:
    """An observation in a form that compares bit for bit."""
    if isinstance(observation, Mapping):
        return b"".join(as_bytes(observation[key]) for key in sorted(observation, key=str))
    if isinstance(observation, tuple):
        return b"".join(map(as_bytes, observation))
    return str(observation).encode() if isinstance(observation, str) else np.asarray(observation).tobytes()
