"""Streams: what learners did in an environment step by step, so that others can be led through the same.

Only environments that say which actions are answers (``BatchEnv.answers``) have one. Who follows a stream has the same
episodes and, where nothing is to be answered, no choice but what was done there; answers are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from devlearn.tasks.envs.actions import Array
from devlearn.tasks.envs.registration import WorldError
from devlearn.tasks.envs.spec import EnvSpec

MARK_EVERY = 16  # steps between checksums
FOLD = np.uint64(0x9E3779B97F4A7C15)  # odd, so that folding forgets nothing


class Followed(NamedTuple):
    """A stream that others follow: actions (N, E, M), checksums (N, E, M // 16), and whose it is, in words."""

    actions: Array
    marks: Array
    whose: str


class Stream:
    """What N learners do in E copies of an environment. A ``VectorEnv`` has it, asks it and tells it.

    Args:
        spec: the environment.
        answers: its actions that are answers.
        seeds: of the learners (N).
        copies: E.
        followed: the stream that is followed, if one is.
        state: what ``state()`` returned, to continue bit for bit.
    """

    def __init__(
        self,
        spec: EnvSpec,
        answers: tuple[int, ...],
        seeds: tuple[int, ...],
        copies: int,
        followed: Followed | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.spec, self.seeds, self.copies, self.followed = spec, seeds, copies, followed
        self._answers = np.array(answers)
        shape = (len(seeds), copies)
        blank = {"actions": np.zeros((*shape, 0), np.int16), "marks": np.zeros((*shape, 0), np.int64)}
        held = {**blank, "mark": np.zeros(shape, np.int64), **(state or {})}
        self._actions, self._marks = [held["actions"]], [held["marks"]]
        self._mark = held["mark"].reshape(-1).view(np.uint64).copy()
        self.steps = int(held["actions"].shape[2])

    def leash(self, allowed: Array | None) -> Array | None:
        """Of the options that are allowed now, (K, O) bool, those that whoever follows another has: one, or answers."""
        if self.followed is None or allowed is None:
            return allowed
        if self.steps >= self.followed.actions.shape[2]:
            why = f"is over after {self.steps} steps in each copy, and more are wanted"
            raise WorldError(
                f"{self.spec}: the stream of {self.followed.whose} {why}; give both stages the same budget"
            )
        only = np.zeros_like(allowed)
        only[np.arange(len(only)), self.followed.actions[:, :, self.steps].reshape(-1)] = True
        own = allowed[:, self._answers].any(1, keepdims=True)
        return np.where(own, allowed, only)

    def note(self, actions: Array, world: Mapping[str, Array]) -> None:
        """A step was done: actions (N, E), and all there is in every copy behind it, {name: (K, ...)}.

        Raises:
            WorldError: who follows another is where the other was not.
        """
        self._actions.append(actions.astype(np.int16)[..., None])
        self.steps += 1
        columns = [array.reshape(len(self._mark), -1).astype(np.int64) for _, array in sorted(world.items())]
        row = np.concatenate(columns, 1).view(np.uint64)
        powers = FOLD ** np.arange(1, row.shape[1] + 1, dtype=np.uint64)
        self._mark = self._mark * FOLD + (row * powers).sum(1, dtype=np.uint64)
        if self.steps % MARK_EVERY == 0:
            self._marks.append(self._mark.view(np.int64).reshape(len(self.seeds), self.copies, 1).copy())
            self._compare()

    def _compare(self) -> None:
        if self.followed is None:
            return
        own, other = self._marks[-1][..., 0], self.followed.marks[:, :, self.steps // MARK_EVERY - 1]
        if (apart := np.argwhere(own != other)).size:
            n, e = apart[0].tolist()
            where = f"seed {self.seeds[n]}, copy {e}, by step {self.steps}"
            why = f"{where}, is not where {self.followed.whose} was, whom it follows"
            raise WorldError(f"{self.spec}: {why}; run both anew, under one version of devlearn and of the environment")

    def state(self) -> dict[str, Array]:
        """All that a resume needs, and what others follow: actions and marks, with a leading N axis; copied."""
        shape = (len(self.seeds), self.copies)
        self._actions, self._marks = [np.concatenate(self._actions, 2)], [np.concatenate(self._marks, 2)]
        mark = self._mark.view(np.int64).reshape(shape).copy()
        return {"actions": self._actions[0].copy(), "marks": self._marks[0].copy(), "mark": mark}
