"""Spaces: what an environment speaks, as a learner hears it (``observations``) and answers (``actions``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces as gym_spaces

from devlearn.tasks.envs.actions import ActionSpace, Controls, Scaling
from devlearn.tasks.envs.observations import View
from devlearn.tasks.envs.registration import Env, cache_key, make


@dataclass(frozen=True)
class Interface:
    """How a learner and an environment understand each other, as a scenario says it.

    ``vocabulary`` are the words of its texts (None: the environment says them); ``action_scaling`` is how the policy's
    numbers become those of its Box actions (``Controls.clean``).
    """

    vocabulary: tuple[str, ...] | None = None
    action_scaling: Scaling = "affine"


PLAIN = Interface()
_cache: dict[tuple[str, str, tuple[str, ...] | None], tuple[View, Controls]] = {}


def spaces(env: str, keys: Mapping[str, Any], interface: Interface = PLAIN) -> tuple[gym_spaces.Box, ActionSpace]:
    """Observation and action space of one copy, as the learner sees them. Makes one environment, once a process.

    Raises:
        UnknownEnv, WorldError: where there is no such environment, or its spaces are none that devlearn can use.
    """
    view, controls = view_and_controls(env, keys, interface)
    return view.box, controls.space


def view_and_controls(env: str, keys: Mapping[str, Any], interface: Interface = PLAIN) -> tuple[View, Controls]:
    """What a learner sees of an environment and can do in it; ``str`` says it in words. Raises as ``spaces``."""
    key = (*cache_key(env, keys), interface.vocabulary)
    if key not in _cache:
        one = make(env, keys)
        try:
            _cache[key] = view_of(env, one, interface), Controls(env, one.action_space)
        finally:
            one.close()
    return _cache[key]


def view_of(env: str, one: Env, interface: Interface) -> View:
    """What a learner sees of one environment that was made: its words are those declared, or those that it has."""
    words = interface.vocabulary
    own = getattr(one.unwrapped, "vocabulary", None) if words is None else words
    return View(env, one.observation_space, own)
