"""The world of a cohort: E copies of an environment for each of N learners, and their trajectories."""

import secrets
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from devlearn_envs import NATIVE, BatchEnv

from devlearn.streams import generator
from devlearn.tasks.envs import registered_vector_env
from devlearn.tasks.envs.actions import Array, Controls
from devlearn.tasks.envs.copies import CopyFailed
from devlearn.tasks.envs.lessons import Schedule
from devlearn.tasks.envs.own_process import CanNotBeTried
from devlearn.tasks.envs.registered_vector_env import RegisteredVectorEnv
from devlearn.tasks.envs.registration import WorldError, check_id
from devlearn.tasks.envs.reset_safety import differs, reuse_is_safe
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.stepping import processes_for
from devlearn.tasks.envs.stream import Stream
from devlearn.tasks.envs.sync_vector_env import SyncVectorEnv

RING = 100  # completed episodes that training returns average over
BLOCK = 64  # episode seeds drawn at once
RESTARTED = (
    "its seed does not decide what it shows, so the episodes that were cut off can't be continued: new ones have begun"
)


@dataclass(frozen=True)
class EnvStep:
    """What one step of all copies brought.

    ``observation`` (N, E, ...) is what the learner acts on next: where an episode ended, the first of the next one.
    ``final`` is what the step ended in: the last observation of the episode where it ended, ``observation`` elsewhere.
    ``reward`` float32, ``terminated`` and ``truncated`` bool: (N, E).
    """

    observation: Array
    reward: Array
    terminated: Array
    truncated: Array
    final: Array


def is_native(spec: EnvSpec) -> bool:
    """Whether it is one of our own environments, which run as one program; a wrapped one does not."""
    return not spec.wrappers and check_id(spec) in NATIVE


def native_batch(spec: EnvSpec, copies: int) -> BatchEnv | None:
    """``copies`` of one of our own environments as one program; None for any other."""
    if not is_native(spec):
        return None
    try:
        return NATIVE[check_id(spec)](copies, **spec.kwargs)
    except (TypeError, ValueError) as error:
        raise WorldError(f"{spec.id}: making it with {dict(spec.kwargs)} failed: {error}") from error


def undetermined(spec: EnvSpec) -> str:
    """Where its seed does not decide what an environment shows, in words; empty where it does. Tried once a process."""
    return "" if is_native(spec) else differs(spec)


class VectorEnv:
    """E copies of ``env`` for each of N learners, stepped together; an ended episode is followed by the next at once.

    Args:
        env: the environment, or its Gymnasium id.
        seeds: of the learners (N).
        copies: E.
        names: of the stream that episodes are drawn from: the episode of (learner, copy, number) starts from a seed
            that depends on these, the learner's seed and nothing else.
        state: what ``state()`` returned, to continue bit for bit.
        native: run our own environments as one numpy program, and those of others by their own vector environment where
            that keeps the laws; otherwise copy by copy, with the same results.
        episodes: seeds (N) that episodes are drawn from in place of the learners' own.
        lessons: says with which further keyword arguments each episode is lived; it is told how they end. On a
            ``state``, it is as it was then.
        stream: notes what is done and, where it follows another, says what can be done.

    Attributes:
        restarted: that ``state`` could not be continued, as the seed does not decide what this environment shows: all
            episodes have begun anew.

    Raises:
        UnknownEnv, WorldError: where the environment does not exist, can't be used, or fails.
    """

    _waiting: ClassVar[dict[int, SyncVectorEnv]] = {}  # by the token of the state that they were closed with

    def __init__(
        self,
        env: EnvSpec | str,
        seeds: tuple[int, ...],
        copies: int,
        names: tuple[str | int, ...],
        state: dict[str, Any] | None = None,
        *,
        native: bool = True,
        episodes: tuple[int, ...] | None = None,
        lessons: Schedule | None = None,
        stream: Stream | None = None,
    ) -> None:
        self.lessons, self.stream = lessons, stream
        self.spec = env if isinstance(env, EnvSpec) else EnvSpec(env)
        self.seeds, self.copies, self.names = tuple(seeds), copies, tuple(names)
        self._drawn_by = self.seeds if episodes is None else tuple(episodes)
        self._shape = (len(self.seeds), copies)
        self._episode = np.zeros(self._shape, np.int64)
        # Where a state can't be continued by replaying, what closes with one waits to be opened with it again.
        self._waits, self._token = bool(undetermined(self.spec)), secrets.randbits(62)
        self.restarted = self._state_taken = False
        waiting = None if state is None else self._waiting.pop(state.get("token", -1), None)
        self._batch: BatchEnv
        if waiting is None:
            self._batch = self._build(state, native)
        else:
            self._batch, waiting.episodes = waiting, self._episode.reshape(-1)
        self.observation_space, self.action_space = self._batch.observation_space, self._batch.action_space
        self._controls = (
            self._batch.controls
            if isinstance(self._batch, SyncVectorEnv | RegisteredVectorEnv)
            else Controls(str(self.spec), self.action_space)
        )
        self._seed_block = np.zeros((*self._shape, BLOCK), np.int64)
        self._block = np.full(self._shape, -1)
        try:
            if state is None:
                self._begin()
            else:
                self._restore(state, self._batch is waiting)
        except BaseException:
            self.close()
            raise

    def _build(self, state: dict[str, Any] | None, native: bool) -> BatchEnv:
        total = len(self.seeds) * self.copies
        batch = native_batch(self.spec, total) if native else None
        if batch is not None and (self.lessons is None or {*self.lessons.keys} <= {*batch.adjustable}):
            return batch
        if native and self.lessons is None and registered_vector_env.is_used(self.spec):
            return RegisteredVectorEnv(total, self.spec)
        reuse = reuse_is_safe(self.spec) if state is None else bool(state["reuse"])
        whom = [(seed, copy) for seed in self.seeds for copy in range(self.copies)]
        episodes = self._episode.reshape(-1)
        try:
            return SyncVectorEnv(total, self.spec, reuse, whom, episodes, processes_for(self.spec, total))
        except CanNotBeTried:
            return SyncVectorEnv(total, self.spec, reuse, whom, episodes)

    def _begin(self) -> None:
        n = len(self.seeds)
        self._length = np.zeros(self._shape, np.int64)
        self._return = np.zeros(self._shape)
        self._last_returns, self._last_lengths = np.zeros((n, RING)), np.zeros((n, RING), np.int64)
        self._count = np.zeros(n, np.int64)
        self._start(np.ones(self._shape, bool))
        self.observation = self._observe()

    def step(self, actions: Array) -> EnvStep:
        """Act with ``actions`` of the policy: (N, E) or (N, E, K) integers, (N, E, A) floats, or a column for each.

        Floats are scaled to the space as the interface says, NaN acts as 0.
        """
        reward, terminated, truncated = self._act(np.asarray(actions))
        self._return += reward
        self._length += 1
        ended = terminated | truncated
        final = self.observation = self._observe()
        if ended.any():
            self._complete(ended)
            self._start(ended)
            self.observation = self._observe()
        return EnvStep(self.observation, reward, terminated, truncated, final)

    def _act(self, actions: Array) -> tuple[Array, Array, Array]:
        one = self.action_space.shape or ()
        if actions.shape != (*self._shape, *one):
            raise ValueError(f"{self.spec}: actions of shape {actions.shape} instead of {(*self._shape, *one)}")
        given = self._controls.clean(actions.reshape(-1, *one), self.spec.action_scaling)
        try:
            reward, terminated, truncated = self._batch.step(given)
        except CopyFailed as failure:
            raise self._error(failure, int(self._length.flat[failure.copy]) + 1) from failure.__cause__
        if self.stream is not None:
            self.stream.note(actions, self._batch.state())
        return reward.reshape(self._shape), terminated.reshape(self._shape), truncated.reshape(self._shape)

    def _observe(self) -> Array:
        seen = self._batch.observe()
        return seen.reshape(*self._shape, *seen.shape[1:])

    @property
    def mask(self) -> Array | None:
        """Which options are allowed in the next step, (N, E, O) bool over all choices; None where all always are."""
        allowed = self._batch.masks()
        if self.stream is not None:
            allowed = self.stream.leash(allowed)
        return None if allowed is None else allowed.reshape(*self._shape, -1)

    def _complete(self, ended: Array) -> None:
        rows, columns = np.nonzero(ended)
        if self.lessons is not None:
            for n, e in zip(rows.tolist(), columns.tolist(), strict=True):
                self.lessons.end(n, e, float(self._return[n, e]))
        nth = np.arange(len(rows)) - np.searchsorted(rows, rows)  # of a learner's episodes that end in this step
        slots = (self._count[rows] + nth) % RING
        self._last_returns[rows, slots], self._last_lengths[rows, slots] = self._return[ended], self._length[ended]
        self._count += np.bincount(rows, minlength=len(self._count))
        self._episode[ended] += 1
        self._return[ended], self._length[ended] = 0.0, 0

    def _start(self, where: Array) -> None:
        """Start the episodes of the copies in ``where`` (N, E) from their seeds."""
        late = where & (self._block != self._episode // BLOCK)
        if late.any():
            drawn = [self._draw(n, e)[self._episode[n, e] % BLOCK :] for n, e in np.argwhere(late).tolist()]
            self._batch.foresee(np.concatenate(drawn))
        seeds = np.zeros(self._shape, np.int64)
        seeds[where] = self._seed_block[where, self._episode[where] % BLOCK]
        if self.lessons is not None:
            for n, e in np.argwhere(where).tolist():
                self._batch.adjust(n * self.copies + e, self.lessons.begin(n, e))
        try:
            self._batch.reset(seeds.ravel(), where.ravel())
        except CopyFailed as failure:
            raise self._error(failure, 0) from failure.__cause__

    def episode_seed(self, n: int, e: int) -> int:
        """The seed of the episode that copy ``e`` of learner ``n`` is in.

        Drawn in blocks: a generator costs twenty times an integer.
        """
        if self._block[n, e] != self._episode[n, e] // BLOCK:
            self._draw(n, e)
        return int(self._seed_block[n, e, self._episode[n, e] % BLOCK])

    def _draw(self, n: int, e: int) -> Array:
        """The seeds of the block of episodes that copy ``e`` of learner ``n`` is in."""
        block = int(self._episode[n, e]) // BLOCK
        rng = generator(self._drawn_by[n], *self.names, "episode", e, counter=block)
        self._seed_block[n, e], self._block[n, e] = rng.integers(2**31, size=BLOCK), block
        drawn: Array = self._seed_block[n, e]
        return drawn

    def _error(self, failure: CopyFailed, step: int) -> WorldError:
        n, e = divmod(failure.copy, self.copies)
        place = f"seed {self.seeds[n]}, copy {e}, episode {self._episode[n, e]}, step {step}"
        return WorldError(f"{self.spec}: {place}: {failure.what}")

    @property
    def completed(self) -> tuple[Array, Array, Array]:
        """Mean return (N,) and length (N,) of each learner's last 100 completed episodes, nan if none; count (N,)."""
        filled = np.where(self._count > 0, np.minimum(self._count, RING), np.nan)
        return self._last_returns.sum(1) / filled, self._last_lengths.sum(1) / filled, self._count.copy()

    def state(self) -> dict[str, Any]:
        """All that a resume needs: a nested dict of numpy arrays with a leading N axis, and numbers; copied."""
        self._state_taken = True
        batch = {name: array.reshape(*self._shape, *array.shape[1:]) for name, array in self._batch.state().items()}
        return {
            **({"token": self._token} if self._waits else {}),
            "episode": self._episode.copy(),
            "length": self._length.copy(),
            "return": self._return.copy(),
            "last_returns": self._last_returns.copy(),
            "last_lengths": self._last_lengths.copy(),
            "count": self._count.copy(),
            "reuse": int(getattr(self._batch, "reuse", True)),
            "batch": batch,
        }

    def _restore(self, state: dict[str, Any], waited: bool) -> None:
        """Go on from ``state``; the environments are in it already where they have ``waited``."""
        self._episode[:] = state["episode"]
        self._length = state["length"].copy()
        self._return, self._count = state["return"].copy(), state["count"].copy()
        self._last_returns, self._last_lengths = state["last_returns"].copy(), state["last_lengths"].copy()
        if self._waits and not waited:
            self._start_anew()
        elif not waited:
            self._load(state["batch"])
        self.observation = self._observe()

    def _load(self, state: dict[str, Array]) -> None:
        total = len(self.seeds) * self.copies
        if self.lessons is not None:
            for k in range(total):
                self._batch.adjust(k, self.lessons.now(*divmod(k, self.copies)))
        try:
            self._batch.load({name: array.reshape(total, *array.shape[2:]) for name, array in state.items()})
        except CopyFailed as failure:
            step = int(self._length.flat[failure.copy])
            raise self._error(failure, step) from failure.__cause__

    def _start_anew(self) -> None:
        """Give up the episodes that can't be continued, for new ones."""
        self.restarted = True
        warnings.warn(f"{self.spec}: {RESTARTED}", stacklevel=2)
        self._episode += 1
        self._return[:], self._length[:] = 0.0, 0
        self._start(np.ones(self._shape, bool))

    def close(self) -> None:
        """Close the environments. Those that no state can continue wait for whoever opens the last ``state``."""
        if self._waits and self._state_taken and isinstance(self._batch, SyncVectorEnv):
            for other in self._waiting.values():
                other.close()
            self._waiting.clear()
            self._waiting[self._token] = self._batch
        else:
            self._batch.close()
