"""Spaces: what an environment speaks, as a learner hears it (``observations``) and answers (``actions``)."""

from gymnasium import spaces as gym_spaces

from devlearn.tasks.envs.actions import ActionSpace, Controls
from devlearn.tasks.envs.observations import View
from devlearn.tasks.envs.registration import Env, make
from devlearn.tasks.envs.spec import EnvSpec

_cache: dict[EnvSpec, tuple[View, Controls]] = {}


def spaces(spec: EnvSpec) -> tuple[gym_spaces.Box, ActionSpace]:
    """Observation and action space of one copy, as the learner sees them. Makes one environment, once a process.

    Raises:
        UnknownEnv, WorldError: where there is no such environment, or its spaces are none that devlearn can use.
    """
    view, controls = view_and_controls(spec)
    return view.box, controls.space


def view_and_controls(spec: EnvSpec) -> tuple[View, Controls]:
    """What a learner sees of an environment and can do in it; ``str`` says it in words. Raises as ``spaces``."""
    if spec not in _cache:
        one = make(spec)
        try:
            _cache[spec] = view_of(spec, one), Controls(str(spec), one.action_space)
        finally:
            one.close()
    return _cache[spec]


def view_of(spec: EnvSpec, one: Env) -> View:
    """What a learner sees of one environment that was made: its words are those declared, or those that it has."""
    words = spec.vocabulary
    own = getattr(one.unwrapped, "vocabulary", None) if words is None else words
    return View(spec.id, one.observation_space, own)
