"""Any Gymnasium environment, K copies, under the batch-native protocol; resumed by replaying."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from devlearn_envs import BatchEnv

from devlearn.records import flight
from devlearn.tasks.envs.actions import Array
from devlearn.tasks.envs.arrays import to_numpy
from devlearn.tasks.envs.board import layout, memory_file, private_board, shared_board
from devlearn.tasks.envs.copies import NOT_SHOWN, SOMETIMES_MASKED, Copies, CopyFailed
from devlearn.tasks.envs.history import History
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.step_process import StepProcess


class SyncVectorEnv(BatchEnv):
    """K environments of one kind, stepped one after another, or in several processes at once with the same results.

    Their state is the episode's seed and the actions since; ``load`` replays them. ``reuse`` says that a used
    environment may be reset for the next episode; otherwise it is made anew. ``view`` and ``controls`` translate.
    ``whom`` are the learner's seed and the copy that each of the K is, ``episodes`` (K,) the episode that each is in,
    as their owner keeps it: for the flight recorder.

    Args:
        processes: that step them, this one among them.

    Raises:
        CanNotBeTried: ``processes`` are more than one, and the environment exists in this one only.
    """

    def __init__(
        self,
        copies: int,
        spec: EnvSpec,
        reuse: bool,
        whom: Sequence[tuple[int, int]] | None = None,
        episodes: Array | None = None,
        processes: int = 1,
    ) -> None:
        super().__init__(copies)
        self.spec, self.reuse = spec, reuse
        self.whom = [(0, k) for k in range(copies)] if whom is None else list(whom)
        self.episodes = np.zeros(copies, np.int64) if episodes is None else episodes
        self._recorder = flight.recorder()
        self._others: list[StepProcess] = []
        ends = [copies * number // processes for number in range(processes + 1)]
        slices = [slice(begin, end) for begin, end in pairwise(ends)]
        try:
            for theirs in slices[1:]:  # which they make while this process makes its own
                self._others.append(StepProcess.of(spec, reuse, self.whom, theirs))
            self._own = Copies(spec, reuse, self.whom[slices[0]])
            self.view, self.controls = self._own.view, self._own.controls
            self.observation_space, self.action_space = self.view.box, self.controls.space
            self._share(slices[0])
        except BaseException:
            self.close()
            raise
        self._history = History(self._board.seeds, self._board.lengths, self.action_space)

    def _share(self, own: slice) -> None:
        """Give all processes one board."""
        arrays = layout(self.copies, self.observation_space, self.action_space, self.controls.factors.options)
        if not self._others:
            self._board = private_board(arrays)
        else:
            with memory_file() as file:
                self._board = shared_board(file.fileno(), arrays)
                for other in self._others:
                    other.show_on(file.fileno(), arrays)
        self._own.show_on(self._board.part(own))

    def adjust(self, index: int, keywords: Mapping[str, Any]) -> None:
        """A copy begins its next episode with these keyword arguments, any that the environment takes."""
        other = next((other for other in self._others if other.copies.start <= index < other.copies.stop), None)
        if other is None:
            self._own.adjust(index, keywords)
        else:
            other.ask("adjust", (index - other.copies.start, dict(keywords)))
            other.answer()

    def reset(self, seeds: Array, where: Array) -> None:
        board = self._board
        self._history.begin(seeds, where)
        board.where[:], board.episodes[:] = where, self.episodes
        others = [other for other in self._others if where[other.copies].any()]
        self._together("reset", others)
        self._require_finite()

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        board = self._board
        self._history.remember(actions)
        board.actions[:] = actions
        self._together("step", self._others)
        self._require_finite()
        return board.rewards.copy(), board.terminated.copy(), board.truncated.copy()

    def _together(self, what: str, others: Sequence[StepProcess], state: Mapping[str, Array] | None = None) -> None:
        """All processes do one thing at once, on a part of ``state`` each. Raises what the first copy raised."""
        for other in others:
            other.ask(what, _part(state, other.copies))
        failures: list[Exception] = []
        try:
            self._own.do(what, _part(state, slice(0, len(self._own.envs))))
        except CopyFailed as failure:
            failures.append(failure)
        for other in others:
            try:
                other.answer()
            except CopyFailed as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        for other in others:
            if other.masked != self._own.masked:
                raise CopyFailed(other.copies.start, f"{what}: {SOMETIMES_MASKED}")

    def _require_finite(self) -> None:
        shown = self._board.shown
        if shown.dtype.kind == "f" and not np.isfinite(shown).all():
            k = int(np.argmin(np.isfinite(shown.reshape(self.copies, -1)).all(1)))
            raise CopyFailed(k, NOT_SHOWN.format(what="the observation", value=shown[k]))

    def observe(self) -> Array:
        return self._board.shown.copy()

    def masks(self) -> Array | None:
        return self._board.masks.copy() if self._own.masked else None

    def draw(self, index: int) -> Array:
        """What Gymnasium renders, (H, W, 3) uint8, where the environments were made with ``render_mode: rgb_array``.

        Of a copy that this process steps.
        """
        with self._recorder.call(self.spec, flight.RENDER):
            picture = np.asarray(to_numpy(self._own.envs[index].render()))
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"render() gave {picture.dtype} of shape {picture.shape} instead of uint8 (H, W, 3)")
        return picture

    def state(self) -> dict[str, Array]:
        masks = self.masks()
        shown = {"shown": self.observe(), **({} if masks is None else {"masks": masks})}
        return {**self._history.state(), **shown}

    def load(self, state: dict[str, Array]) -> None:
        self._history.load(state)
        self._board.episodes[:] = self.episodes
        self._together("replay", self._others, state)

    def close(self) -> None:
        for other in self._others:
            other.release()
        self._others = []
        if hasattr(self, "_own"):
            self._own.close()


def _part(state: Mapping[str, Array] | None, copies: slice) -> dict[str, Array] | None:
    return None if state is None else {name: array[copies] for name, array in state.items()}
