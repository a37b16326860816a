"""Copies of a Gymnasium environment in one process, stepped one after another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from devlearn.records import flight
from devlearn.tasks.envs.actions import MASK, Array, Controls, masks_by_method, offered_mask
from devlearn.tasks.envs.board import Board
from devlearn.tasks.envs.failures import begun, describe, failures
from devlearn.tasks.envs.registration import Env, WorldError, make
from devlearn.tasks.envs.spaces import view_of
from devlearn.tasks.envs.spec import EnvSpec

REPLAYED_DIFFERENTLY = (
    "the episode of environment seed {seed} replays differently: after the same {steps} actions it shows something "
    "else. Its randomness does not come from reset(seed=...) alone (a global generator, the time, state that outlives "
    "a reset), so an interrupted run can't be continued as if nothing had happened. Draw everything from "
    "self.np_random; 'devlearn check env' says where it goes wrong"
)
LARGEST = float(np.finfo(np.float32).max)
NOT_FINITE = "the reward is not finite in float32: {reward}; return a finite float, of less than 3.4e38 in size"
NOT_SHOWN = "{what} is not finite: {value}, in float32; look for x/0, log(0), numbers beyond 3.4e38"
SOMETIMES_MASKED = (
    "a mask of actions is offered at some resets and steps and not at others; "
    f"give info[{MASK!r}] at all of them, or a method action_masks()"
)


class CopyFailed(Exception):
    """Copy ``copy`` (of K) failed; ``what`` says how. The cause, if any, is chained."""

    def __init__(self, copy: int, what: str) -> None:
        self.copy, self.what = copy, what
        super().__init__(f"copy {copy}: {what}")


class Copies:
    """K environments of one kind. What they are told and show stands on a board, which ``show_on`` gives them.

    Args:
        spec: what they are.
        reuse: a used environment may be reset for the next episode; otherwise it is made anew.
        whom: the learner's seed and the copy that each of them is, (K,): for the flight recorder.

    Attributes:
        view, controls: translate what they show and are told.
        masked: whether they say which actions are allowed; None before the first of them was reset.
    """

    def __init__(self, spec: EnvSpec, reuse: bool, whom: Sequence[tuple[int, int]]) -> None:
        self.spec, self.reuse, self.whom = spec, reuse, list(whom)
        self.masked: bool | None = None
        self.envs: list[Env] = []
        self._recorder, self._used = flight.recorder(), [False] * len(self.whom)
        self._specs, self._made = [spec] * len(self.whom), [spec] * len(self.whom)  # of the next episode, of this one
        self._lessons: list[Mapping[str, Any]] = [{}] * len(self.whom)
        try:
            for _ in self.whom:
                self.envs.append(make(spec))
            self.view = view_of(spec, self.envs[0])
            self.controls = Controls(str(spec), self.envs[0].action_space)
        except BaseException:
            self.close()
            raise
        self._by_method = masks_by_method(self.envs[0])
        self._as_it_is, self._rounded = self.view.as_it_is, self.view.rounded

    def show_on(self, board: Board) -> None:
        """From here on they are told and show on ``board``, of K copies."""
        self.board = board

    def adjust(self, k: int, keywords: Mapping[str, Any]) -> None:
        """Copy k begins its next episode with these keyword arguments, beside those of all."""
        if keywords != self._lessons[k]:
            self._lessons[k], self._specs[k] = keywords, self.spec.also(**keywords)

    def do(self, what: str, content: Any = None) -> None:
        """``reset``, ``step``, ``replay`` a state, or ``adjust`` a copy (k, keywords). Raises CopyFailed."""
        if what == "step":
            self.step()
        elif what == "reset":
            self.reset()
        elif what == "adjust":
            self.adjust(*content)
        else:
            assert what == "replay"
            self.replay(content)

    def reset(self) -> None:
        """Begin an episode where the board says so. Raises CopyFailed."""
        for k in np.flatnonzero(self.board.where).tolist():
            self._start(k, self.board.seeds.item(k))

    def _start(self, k: int, seed: int) -> None:
        try:
            if (self._used[k] and not self.reuse) or self._made[k] is not self._specs[k]:
                self._make_anew(k)
            self._recorder.enter(self.spec, flight.RESET, *self.whom[k], self.board.episodes.item(k), 0)
            observation, info = begun(self.envs[k].reset(seed=seed))
            self._show(k, observation)
            self._allow(k, info)
        except failures() as error:
            raise CopyFailed(k, f"reset(seed={seed}) raised {describe(error)}") from error
        finally:
            self._recorder.leave()
        self._used[k] = True

    def _make_anew(self, k: int) -> None:
        """Raises WorldError where what the copy shows or takes is not what all others do."""
        self.envs[k].close()
        own = self.envs[k] = make(self._specs[k])
        self._made[k] = self._specs[k]
        view = view_of(self.spec, own)
        if (view.box, Controls(str(self.spec), own.action_space).space) != (self.view.box, self.controls.space):
            given = dict(self._specs[k].kwargs)
            raise WorldError(f"made with {given}, it shows {view.box} and takes {own.action_space}, unlike the others")

    def _show(self, k: int, observation: Any) -> None:
        # Every step of every copy comes by here, and most show an array of their space's shape and type.
        kind = (observation.shape, observation.dtype) if type(observation) is np.ndarray else None
        if kind is not None and kind == self._as_it_is:
            self.board.shown[k] = observation
        else:
            seen = observation if kind is not None and kind == self._rounded else self.view.read(observation)
            with np.errstate(over="ignore"):  # what is no float32 is named by who looks at the board
                self.board.shown[k] = seen

    def _allow(self, k: int, info: Mapping[str, Any]) -> None:
        """Take over which options copy k allows now. The first reset says whether masks are offered at all."""
        if not self.controls.factors.choices:
            return
        offered = offered_mask(self.envs[k], info, self._by_method)
        if self.masked is None:
            self.masked = offered is not None
        if self.masked != (offered is not None):
            raise ValueError(SOMETIMES_MASKED)
        if self.masked:
            self.board.masks[k] = self.controls.mask(offered)

    def step(self) -> None:
        """Act with the board's actions. Raises CopyFailed."""
        board, spec, enter, act = self.board, self.spec, self._recorder.enter, self._act
        actions, episodes, numbers = self.controls.rows_to_env(board.actions), board.episodes.tolist(), board.lengths
        places = zip(self.whom, episodes, numbers.tolist(), actions, strict=True)
        for k, ((seed, copy), episode, number, action) in enumerate(places):
            enter(spec, flight.STEP, seed, copy, episode, number)
            board.rewards[k], board.terminated[k], board.truncated[k] = act(k, action)
        self._recorder.leave()

    def _act(self, k: int, action: Any) -> tuple[float, bool, bool]:
        try:
            observation, reward, terminated, truncated, info = self.envs[k].step(action)
            self._show(k, observation)
            if not (terminated or truncated):  # nothing is done in an episode that is over
                self._allow(k, info)
            result = float(reward), bool(terminated), bool(truncated)
        except failures() as error:
            self._recorder.leave()
            raise CopyFailed(k, f"step({self.board.actions[k]}) raised {describe(error)}") from error
        if not -LARGEST <= result[0] <= LARGEST:
            self._recorder.leave()
            raise CopyFailed(k, NOT_FINITE.format(reward=result[0]))
        return result

    def replay(self, state: Mapping[str, Array]) -> None:
        """Go where ``state`` (K, ...) was taken. Raises CopyFailed, also where something else is shown then."""
        for k, (seed, length) in enumerate(zip(state["seeds"].tolist(), state["lengths"].tolist(), strict=True)):
            self._start(k, seed)
            ended = self._replay(k, state["actions"][k, :length])
            same = self.board.shown[k].tobytes() == state["shown"][k].tobytes()
            if self.masked and same:
                same = self.board.masks[k].tobytes() == state["masks"][k].tobytes()
            if ended or not same:
                raise CopyFailed(k, REPLAYED_DIFFERENTLY.format(seed=seed, steps=length))

    def _replay(self, k: int, actions: Array) -> bool:
        """Act with ``actions`` (T, ...); whether the episode ended."""
        ended = False
        for number, action in enumerate(actions, 1):
            self.board.actions[k] = action
            self._recorder.enter(self.spec, flight.STEP, *self.whom[k], self.board.episodes.item(k), number)
            _, terminated, truncated = self._act(k, self.controls.to_env(self.board.actions[k]))
            ended = ended or terminated or truncated
        self._recorder.leave()
        return ended

    def close(self) -> None:
        with self._recorder.call(self.spec, flight.CLOSE):
            for env in self.envs:
                env.close()
        self.envs = []
