"""Scripted controllers: somebody's function, asked what it would do in every copy of a world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.registry import imported
from devlearn.tasks.data.source import BadData
from devlearn.tasks.demonstrations.record import Policy, row_of
from devlearn.tasks.envs import EnvSpec, WorldError
from devlearn.tasks.envs.failures import failures, raised
from devlearn.tasks.envs.observations import leaves
from devlearn.tasks.envs.registration import make
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRIED = 4  # steps that a controller acts for before anything is trained
BOT = "bot"  # the function of that name that an environment has


@dataclass(frozen=True)
class Controller:
    """A function ``act(observation, rng) -> action`` of an environment's own observations and actions.

    It has no memory: what it does depends on what is seen alone, and on ``rng``, a numpy generator. ``name`` is what a
    scenario calls it.
    """

    name: str
    act: Policy
    spec: EnvSpec

    def actions(self, observations: NDArray[Any], rngs: Sequence[np.random.Generator]) -> NDArray[Any]:
        """What it would do in every copy, in a policy's words: (N, E, *space) -> (N, E, ...), before scaling.

        Learner n's copies share ``rngs[n]``, in their order.

        Raises:
            WorldError: it raises, or gives an action that the environment does not have.
        """
        controls, (n, copies) = view_and_controls(self.spec)[1], observations.shape[:2]
        rows = []
        try:
            for learner, rng in zip(observations, rngs, strict=True):
                for shown in learner:
                    rows.append(row_of(self.act(shown.copy(), rng), controls.whole))
        except failures() as error:
            raise WorldError(f"{self.spec}: controller {self.name!r}: {raised(error)}") from error
        columns = [np.stack([row["/".join(map(str, path))] for row in rows]) for path, _ in leaves(controls.whole)]
        try:
            done = controls.from_env(columns)
        except ValueError as error:
            raise WorldError(f"{self.spec}: controller {self.name!r}: {error}") from error
        made = controls.unscaled(done, self.spec.action_scaling)
        return made.reshape(n, copies, *made.shape[1:])


def controller(name: str, spec: EnvSpec) -> Controller:
    """The controller that is called ``name``: ``module:function``, or ``bot`` for the one that the environment has.

    Raises:
        NoPlugin: it can't be imported.
        BadData: it is no function, the environment has none, or shows what no controller can be asked about.
        UnknownEnv, WorldError: the environment can't be used.
    """
    view = view_and_controls(spec)[0]
    if len(view.entries) > 1 or not view.entries[0].is_box:
        why = f"a controller is asked about one array of numbers, and {spec} shows {view}"
        raise BadData(f"{why}; record it with `devlearn demonstrate`, and name the file as demonstrations")
    if name == BOT:
        return Controller(name, _own(spec), spec)
    if ":" not in name:
        raise BadData(f"unknown controller {name!r}; write module:function, or {BOT} for the environment's own")
    found = imported(name)
    if not callable(found):
        raise BadData(f"controller {name!r} is no function; write def act(observation, rng): return ACTION")
    return Controller(name, found, spec)


@cache
def tried(name: str, spec: EnvSpec) -> Controller:
    """``controller``, once it has acted for a few steps. Raises as it does, and WorldError where these fail."""
    asked, view, rng = controller(name, spec), view_and_controls(spec)[0], np.random.default_rng(0)
    env = make(spec)
    try:
        observation, _ = env.reset(seed=0)
        for _ in range(TRIED):
            shown = view.read(observation)
            asked.actions(shown[None, None], [rng])
            observation, _, terminated, truncated, _ = env.step(asked.act(shown.copy(), rng))
            if terminated or truncated:
                break
    finally:
        env.close()
    return asked


def _own(spec: EnvSpec) -> Policy:
    """The function ``bot`` of the environment's class."""
    one = make(spec)
    try:
        found: Policy | None = getattr(type(one.unwrapped), BOT, None)
    finally:
        one.close()
    if not callable(found):
        raise BadData(f"{spec} has no {BOT}(observation, rng); name a controller as module:function")
    return found
