"""Spaces: what an environment speaks, as a learner hears it.

Observations reach the learner as one Box: uint8 Boxes as they are, other Boxes as float32, anything else that
Gymnasium can flatten (Discrete as one-hot) as a flat float32 Box. Actions are Discrete, counted from 0, or a flat
float32 Box.
"""

from typing import Any

import numpy as np
from gymnasium import spaces as gym_spaces

from devlearn.tasks.envs.registration import WorldError, make
from devlearn.tasks.envs.spec import EnvSpec

Array = np.ndarray[Any, Any]
ActionSpace = gym_spaces.Discrete | gym_spaces.Box
_cache: dict[EnvSpec, tuple[gym_spaces.Box, ActionSpace]] = {}


def spaces(spec: EnvSpec) -> tuple[gym_spaces.Box, ActionSpace]:
    """Observation and action space of one copy, as the learner sees them. Makes one environment, once a process.

    Raises:
        UnknownEnv, WorldError: where there is no such environment, or its spaces are none that devlearn can use.
    """
    if spec not in _cache:
        one, env = make(spec), str(spec)
        try:
            _cache[spec] = (observation_box(env, one.observation_space), learner_actions(env, one.action_space))
        finally:
            one.close()
    return _cache[spec]


def observation_box(env: str, space: gym_spaces.Space[Any]) -> gym_spaces.Box:
    """The Box in which observations of ``space`` reach the learner."""
    if isinstance(space, gym_spaces.Box):
        return space if space.dtype == np.uint8 else _float_box(space)
    try:
        flat = gym_spaces.flatten_space(space)
    except NotImplementedError:
        flat = None
    if not isinstance(flat, gym_spaces.Box):
        raise WorldError(
            f"{env}: observations of {type(space).__name__} have no fixed size: {space}. "
            "Wrap the environment so that it shows a Box, Discrete, or a Dict or Tuple of them"
        )
    return _float_box(flat)


def learner_actions(env: str, space: gym_spaces.Space[Any]) -> ActionSpace:
    """The action space as the learner sees it: Discrete from 0, or a flat float32 Box."""
    if isinstance(space, gym_spaces.Discrete):
        return gym_spaces.Discrete(int(space.n))
    if isinstance(space, gym_spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return gym_spaces.Box(space.low.ravel().astype(np.float32), space.high.ravel().astype(np.float32))
    raise WorldError(
        f"{env}: actions are {space}; devlearn's heads speak Discrete and Box of floats only. "
        "Wrap the environment so that its actions are one of these"
    )


def _float_box(space: gym_spaces.Box) -> gym_spaces.Box:
    if space.dtype == np.float32:
        return space
    return gym_spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)


def to_learner(space: gym_spaces.Space[Any], observation: Any) -> Any:
    """An observation of ``space`` as the array (or what becomes one) that the learner sees."""
    return observation if isinstance(space, gym_spaces.Box) else gym_spaces.flatten(space, observation)


def to_env(space: gym_spaces.Space[Any], action: Array) -> Any:
    """One action of the learner, as the environment takes it: its own array or number."""
    if isinstance(space, gym_spaces.Box):
        # float32 bounds can lie a rounding outside of float64 ones
        return np.clip(action.reshape(space.shape).astype(space.dtype), space.low, space.high)
    assert isinstance(space, gym_spaces.Discrete)
    return np.int64(action + space.start)


def clean(space: ActionSpace, actions: Array) -> Array:
    """Actions (K, ...) that an environment can be given: non-finite numbers become 0, then all are clipped.

    Raises:
        ValueError: for Discrete actions that do not exist.
    """
    if isinstance(space, gym_spaces.Box):
        single = actions.astype(np.float32)
        return np.clip(np.where(np.isfinite(single), single, np.float32(0)), space.low, space.high)
    if actions.dtype.kind not in "iu":
        raise ValueError(f"actions of type {actions.dtype} given to {space}, which takes integers")
    if actions.min() < 0 or actions.max() >= space.n:
        raise ValueError(f"actions from {actions.min()} to {actions.max()} given to {space}")
    return actions
