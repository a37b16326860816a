"""Vector environments that packages register (``vector_entry_point``), where they keep the laws of single copies.

None of Gymnasium's own does: CartPole's has one generator for all copies and begins the next episodes by itself, so
what one copy shows depends on when the others end, and on how many there are.
"""

import inspect
from collections.abc import Sequence
from contextlib import ExitStack
from copy import deepcopy
from functools import cache
from typing import Any

import gymnasium
import numpy as np
from devlearn_envs import BatchEnv
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode

from devlearn.records import flight
from devlearn.tasks.envs.actions import Array, masks_by_method, offered_mask, random_action
from devlearn.tasks.envs.copies import NOT_FINITE, NOT_SHOWN, REPLAYED_DIFFERENTLY, CopyFailed
from devlearn.tasks.envs.failures import begun, describe, failures, raised
from devlearn.tasks.envs.history import History
from devlearn.tasks.envs.registration import Env, WorldError, check_id, make
from devlearn.tasks.envs.reset_safety import PART, TRIAL_SEEDS, as_bytes, differs, reuse_is_safe
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.stdout import stdout_to_stderr

VectorOfOthers = gymnasium.vector.VectorEnv[Any, Any, Any]


def is_registered(spec: EnvSpec) -> bool:
    """Whether there is a vector environment of this id."""
    return gymnasium.registry[check_id(spec)].vector_entry_point is not None


def is_used(spec: EnvSpec) -> bool:
    """Whether there is one that is stepped in place of single copies."""
    return is_registered(spec) and not breach(spec)


@cache
def breach(spec: EnvSpec) -> str:
    """Which law the vector environment of this id breaks, in words; empty where it breaks none. Tried once a process.

    Each copy of it has to be what one alone is: made of the same spaces, begun where it is told to from a seed of its
    own, and the same to the bit in what it shows, over 300 steps.
    """
    if spec.wrappers:
        return "what single copies are wrapped in can't be put around their vector"
    if differs(spec):
        return "the seed does not decide what a copy shows"
    if not reuse_is_safe(spec):
        return "a copy has to be made anew for every episode"
    view, controls = view_and_controls(spec)
    whole = controls.whole
    if view.as_it_is is None or not (isinstance(whole, spaces.Discrete) or controls.lone_floats):
        return "only arrays of numbers are read from a vector, and only one choice or floats given to it"
    with ExitStack() as opened:
        try:
            vector = _make(spec, len(TRIAL_SEEDS))
            opened.callback(vector.close)
            alone = [make(spec) for _ in TRIAL_SEEDS]
            for env in alone:
                opened.callback(env.close)
            with flight.recorder().call(spec, flight.STEP):
                return _differs_in_its_face(vector, alone[0]) or _differs_in_play(vector, alone)
        except failures() as error:
            return f"trying it raised {describe(error)}"


def _differs_in_its_face(vector: VectorOfOthers, one: Env) -> str:
    for what, its, own in (
        ("shows", vector.single_observation_space, one.observation_space),
        ("takes", vector.single_action_space, one.action_space),
    ):
        if its != own:
            return f"a copy of it {what} {its}, one alone {own}"
    if vector.metadata.get("autoreset_mode") is not AutoresetMode.DISABLED:
        return (
            "it begins the next episodes by itself, not from a seed that is given to the copy (its autoreset_mode is "
            "not DISABLED)"
        )
    return ""


def _differs_in_play(vector: VectorOfOthers, alone: Sequence[Env]) -> str:
    """Play with each copy and with one alone."""
    space, seeds = deepcopy(alone[0].action_space), np.array(TRIAL_SEEDS)
    space.seed(TRIAL_SEEDS[0])
    begins = np.ones(len(alone), bool)
    shown: list[Any] = [None] * len(alone)
    for step in range(1, PART + 1):
        if begins.any():
            seen, _ = vector.reset(seed=seeds.tolist(), options={"reset_mask": begins.copy()})
            for k in np.flatnonzero(begins).tolist():
                shown[k], info = begun(alone[k].reset(seed=int(seeds[k])))
                if offered_mask(alone[k], info, masks_by_method(alone[k])) is not None:
                    return "it would have to say for each copy which actions are allowed"
            if differing := _differing(seen, shown):
                return f"copy {differing[0]} shows something else than one alone that begins from its seed"
        actions = [random_action(env, space, {}) for env in alone]
        seen, rewards, terminated, truncated, _ = vector.step(np.asarray(actions))
        for k, (env, action) in enumerate(zip(alone, actions, strict=True)):
            shown[k], reward, *ends, _ = env.step(action)
            told = (np.float32(rewards[k]), bool(terminated[k]), bool(truncated[k]))
            if told != (np.float32(reward), *map(bool, ends)):
                return f"copy {k} is rewarded or ends otherwise than one alone, after {step} steps"
        if differing := _differing(seen, shown):
            return f"copy {differing[0]} shows something else than one alone, after {step} steps"
        begins = np.logical_or(terminated, truncated)
        seeds = np.where(begins, seeds + 100, seeds)
    return ""


def _differing(seen: Array, shown: Sequence[Any]) -> list[int]:
    """The copies that show something else."""
    return [k for k, one in enumerate(shown) if as_bytes(seen[k]) != as_bytes(one)]


def _make(spec: EnvSpec, copies: int) -> VectorOfOthers:
    """Raises WorldError."""
    name = check_id(spec)
    entry_point: Any = gymnasium.registry[name].vector_entry_point
    with flight.recorder().call(spec, flight.MAKE), stdout_to_stderr():
        try:
            creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
            takes = "autoreset_mode" in inspect.signature(creator).parameters
            mode = {"autoreset_mode": AutoresetMode.DISABLED} if takes else {}
            kwargs = {**spec.kwargs, **mode}
            return gymnasium.make_vec(name, copies, vectorization_mode="vector_entry_point", **kwargs)
        except failures() as error:
            raise WorldError(f"{spec}: making its vector environment failed: {raised(error)}") from error


class RegisteredVectorEnv(BatchEnv):
    """K copies as the package that brings them steps them. State and results are those of ``SyncVectorEnv``.

    Args:
        spec: one that ``is_used``.

    Raises:
        WorldError: it can't be made.
    """

    def __init__(self, copies: int, spec: EnvSpec) -> None:
        super().__init__(copies)
        self.spec, self._vector, self._recorder = spec, _make(spec, copies), flight.recorder()
        self.view, self.controls = view_and_controls(spec)
        self.observation_space, self.action_space = self.view.box, self.controls.space
        self._shown = np.zeros((copies, *self.observation_space.shape), self.observation_space.dtype)
        self._history = History(np.zeros(copies, np.int64), np.zeros(copies, np.int64), self.action_space)

    def reset(self, seeds: Array, where: Array) -> None:
        self._history.begin(seeds, where)
        self._begin(where)

    def _begin(self, where: Array) -> None:
        """Begin the episodes of ``where`` (K,) from the seeds on record."""
        with self._recorder.call(self.spec, flight.RESET):
            try:
                options = {"reset_mask": where.copy()}
                shown, _ = self._vector.reset(seed=self._history.seeds.tolist(), options=options)
            except failures() as error:
                raise WorldError(f"{self.spec}: reset of its vector environment raised {describe(error)}") from error
        self._shown[where] = np.asarray(shown)[where]
        self._require_finite(self._shown, "the observation")

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        self._history.remember(actions)
        return self._act(actions)

    def _act(self, actions: Array) -> tuple[Array, Array, Array]:
        with self._recorder.call(self.spec, flight.STEP):
            try:
                given = np.asarray(self.controls.rows_to_env(actions))
                shown, rewards, terminated, truncated, _ = self._vector.step(given)
            except failures() as error:
                raise WorldError(f"{self.spec}: step of its vector environment raised {describe(error)}") from error
        self._shown[:] = shown
        self._require_finite(self._shown, "the observation")
        told = np.asarray(rewards)
        with np.errstate(over="ignore"):
            rewards = told.astype(np.float32)
        if not np.isfinite(rewards).all():
            k = int(np.argmin(np.isfinite(rewards)))
            raise CopyFailed(k, NOT_FINITE.format(reward=told[k]))
        return rewards, np.array(terminated, bool), np.array(truncated, bool)

    def _require_finite(self, array: Array, what: str) -> None:
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            k = int(np.argmin(np.isfinite(array.reshape(self.copies, -1)).all(1)))
            raise CopyFailed(k, NOT_SHOWN.format(what=what, value=array[k]))

    def observe(self) -> Array:
        return self._shown.copy()

    def state(self) -> dict[str, Array]:
        return {**self._history.state(), "shown": self._shown.copy()}

    def load(self, state: dict[str, Array]) -> None:
        """Replay all copies at once, so that they arrive together: the longest episode begins first."""
        self._history.load(state)
        lengths, longest = self._history.lengths, state["actions"].shape[1]
        ended, each = np.zeros(self.copies, bool), np.arange(self.copies)
        for left in range(longest, 0, -1):
            waiting = lengths <= left  # what need not begin yet begins again and again, and never gets far
            if waiting.any():
                self._begin(waiting)
            acts = lengths >= left
            actions = np.where(self._column(acts), state["actions"][each, np.maximum(lengths - left, 0)], 0)
            _, terminated, truncated = self._act(actions.astype(state["actions"].dtype))
            ended |= acts & (terminated | truncated)
        if (lengths == 0).any():
            self._begin(lengths == 0)
        for k in range(self.copies):
            if ended[k] or self._shown[k].tobytes() != state["shown"][k].tobytes():
                raise CopyFailed(k, REPLAYED_DIFFERENTLY.format(seed=self._history.seeds[k], steps=lengths[k]))

    def _column(self, where: Array) -> Array:
        return where.reshape(-1, *(1 for _ in self.action_space.shape or ()))

    def close(self) -> None:
        with self._recorder.call(self.spec, flight.CLOSE):
            self._vector.close()
