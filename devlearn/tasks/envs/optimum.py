"""The best that any agent can get in an environment, where the environment says so."""

from __future__ import annotations

import inspect

import gymnasium

from devlearn.tasks.envs.registration import check_id, creator
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.wrappers import wrapper_class

GENERAL = frozenset({"max_episode_steps", "render_mode"})


def optimum(spec: EnvSpec) -> float | None:
    """The largest expected return of any agent, as the function ``optimum(**env_kwargs)`` of the class has it.

    None where the class has none, or not for these arguments, and inside wrappers that may change more than what is
    seen. Nothing is made.
    """
    declared = getattr(creator(check_id(spec)), "optimum", None)
    if not callable(declared) or spec.kwargs.keys() - inspect.signature(declared).parameters.keys():
        return None
    if not all(_only_shows(wrapper_class(wrapper.id)) for wrapper in spec.wrappers):
        return None
    return float(declared(**spec.kwargs))


def _only_shows(wrapper: type) -> bool:
    """Whether a wrapper changes what is seen, and neither rewards nor when an episode ends."""
    stacks = (gymnasium.wrappers.FrameStackObservation, gymnasium.wrappers.TimeAwareObservation)
    return issubclass(wrapper, (gymnasium.ObservationWrapper, *stacks))
