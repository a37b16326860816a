"""Any Gymnasium environment, K copies, under the batch-native protocol; resumed by replaying."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from devlearn_envs import BatchEnv
from gymnasium import spaces

from devlearn.records import flight
from devlearn.tasks.envs.actions import MASK, Array, Controls, masks_by_method, offered_mask
from devlearn.tasks.envs.arrays import to_numpy
from devlearn.tasks.envs.failures import FAILURES, describe
from devlearn.tasks.envs.registration import Env, make
from devlearn.tasks.envs.spaces import view_of
from devlearn.tasks.envs.spec import EnvSpec

REPLAYED_DIFFERENTLY = (
    "the episode of environment seed {seed} replays differently: after the same {steps} actions it shows something "
    "else. Its randomness does not come from reset(seed=...) alone (a global generator, the time, state that outlives "
    "a reset), so an interrupted run can't be continued as if nothing had happened. Draw everything from "
    "self.np_random; 'devlearn check env' says where it goes wrong"
)


class CopyFailed(Exception):
    """Copy ``copy`` (of K) failed; ``what`` says how. The cause, if any, is chained."""

    def __init__(self, copy: int, what: str) -> None:
        self.copy, self.what = copy, what
        super().__init__(f"copy {copy}: {what}")


class SyncVectorEnv(BatchEnv):
    """K environments of one kind, stepped one after another.

    Their state is the episode's seed and the actions since; ``load`` replays them. ``reuse`` says that a used
    environment may be reset for the next episode; otherwise it is made anew. ``view`` and ``controls`` translate.
    ``whom`` are the learner's seed and the copy that each of the K is, ``episodes`` (K,) the episode that each is in,
    as their owner keeps it: for the flight recorder.
    """

    def __init__(
        self,
        copies: int,
        spec: EnvSpec,
        reuse: bool,
        whom: Sequence[tuple[int, int]] | None = None,
        episodes: Array | None = None,
    ) -> None:
        super().__init__(copies)
        self.spec, self.reuse = spec, reuse
        self.whom = [(0, k) for k in range(copies)] if whom is None else list(whom)
        self.episodes = np.zeros(copies, np.int64) if episodes is None else episodes
        self._recorder = flight.recorder()
        self._envs: list[Env] = []
        self._used = np.zeros(copies, bool)
        try:
            for _ in range(copies):
                self._envs.append(make(spec))
            self.view = view_of(spec, self._envs[0])
            self.controls = Controls(str(spec), self._envs[0].action_space)
            self._by_method = masks_by_method(self._envs[0])
            self.observation_space, self.action_space = self.view.box, self.controls.space
        except BaseException:
            self.close()
            raise
        self._shown = np.zeros((copies, *self.observation_space.shape), self.observation_space.dtype)
        self._seeds = np.zeros(copies, np.int64)
        self._lengths = np.zeros(copies, np.int64)
        stored = np.float32 if isinstance(self.action_space, spaces.Box) else np.int32
        self._actions: Array = np.zeros((copies, 64, *(self.action_space.shape or ())), stored)
        self._masks: Array | None = None  # (K, O), once an environment has offered one

    def reset(self, seeds: Array, where: Array) -> None:
        for k in np.flatnonzero(where).tolist():
            self._start(k, int(seeds[k]))
        self._require_finite()

    def _start(self, k: int, seed: int) -> None:
        try:
            if self._used[k] and not self.reuse:
                self._envs[k].close()
                self._envs[k] = make(self.spec)
            self._recorder.enter(self.spec, flight.RESET, *self.whom[k], self.episodes.item(k), 0)
            observation, info = self._envs[k].reset(seed=seed)
            self._show(k, observation)
            self._allow(k, info)
        except FAILURES as error:
            raise CopyFailed(k, f"reset(seed={seed}) raised {describe(error)}") from error
        finally:
            self._recorder.leave()
        self._used[k], self._seeds[k], self._lengths[k] = True, seed, 0

    def _show(self, k: int, observation: Any) -> None:
        self._shown[k] = self.view.read(observation)

    def _allow(self, k: int, info: Mapping[str, Any]) -> None:
        """Take over which options copy k allows now. The first reset says whether masks are offered at all."""
        if not self.controls.factors.choices:
            return
        offered = offered_mask(self._envs[k], info, self._by_method)
        if self._masks is None and offered is not None and not self._used.any():
            self._masks = np.ones((self.copies, self.controls.factors.options), bool)
        if (self._masks is None) != (offered is None):
            raise ValueError(
                "a mask of actions is offered at some resets and steps and not at others; "
                f"give info[{MASK!r}] at all of them, or a method action_masks()"
            )
        if self._masks is not None:
            self._masks[k] = self.controls.mask(offered)

    def masks(self) -> Array | None:
        return None if self._masks is None else self._masks.copy()

    def _require_finite(self) -> None:
        if self._shown.dtype.kind == "f" and not np.isfinite(self._shown).all():
            k = int(np.argmin(np.isfinite(self._shown.reshape(self.copies, -1)).all(1)))
            raise CopyFailed(k, f"the observation is not finite: {self._shown[k]}")

    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.copies, np.float32)
        terminated, truncated = np.zeros(self.copies, bool), np.zeros(self.copies, bool)
        self._remember(actions)
        for k in range(self.copies):
            rewards[k], terminated[k], truncated[k] = self._step(k, actions[k], self._lengths.item(k))
        self._recorder.leave()
        self._require_finite()
        if not np.isfinite(rewards).all():
            k = int(np.argmin(np.isfinite(rewards)))
            raise CopyFailed(k, f"the reward is not finite: {rewards[k]}")
        return rewards, terminated, truncated

    def _step(self, k: int, action: Array, number: int) -> tuple[float, bool, bool]:
        env = self._envs[k]
        self._recorder.enter(self.spec, flight.STEP, *self.whom[k], self.episodes.item(k), number)
        try:
            observation, reward, terminated, truncated, info = env.step(self.controls.to_env(action))
            self._show(k, observation)
            if not (terminated or truncated):  # nothing is done in an episode that is over
                self._allow(k, info)
            return float(reward), bool(terminated), bool(truncated)
        except FAILURES as error:
            self._recorder.leave()
            raise CopyFailed(k, f"step({action}) raised {describe(error)}") from error

    def _remember(self, actions: Array) -> None:
        if self._lengths.max() >= self._actions.shape[1]:
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)], axis=1)
        self._actions[np.arange(self.copies), self._lengths] = actions
        self._lengths += 1

    def observe(self) -> Array:
        return self._shown.copy()

    def draw(self, index: int) -> Array:
        """What Gymnasium renders, (H, W, 3) uint8, where the environments were made with ``render_mode: rgb_array``."""
        with self._recorder.call(self.spec, flight.RENDER):
            picture = np.asarray(to_numpy(self._envs[index].render()))
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"render() gave {picture.dtype} of shape {picture.shape} instead of uint8 (H, W, 3)")
        return picture

    def state(self) -> dict[str, Array]:
        longest = int(self._lengths.max())
        actions = self._actions[:, :longest].copy()  # (K, T, ...)
        actions[np.arange(longest) >= self._lengths[:, None]] = 0
        return {
            "seeds": self._seeds.copy(),
            "lengths": self._lengths.copy(),
            "actions": actions,
            "shown": self._shown.copy(),
            **({} if self._masks is None else {"masks": self._masks.copy()}),
        }

    def load(self, state: dict[str, Array]) -> None:
        longest = state["actions"].shape[1]
        capacity = max(64, 1 << longest.bit_length())
        self._actions = np.zeros((self.copies, capacity, *self._actions.shape[2:]), self._actions.dtype)
        self._actions[:, :longest] = state["actions"]
        for k in range(self.copies):
            self._replay(k, int(state["seeds"][k]), int(state["lengths"][k]), state["shown"][k])
            if self._masks is not None and self._masks[k].tobytes() != state["masks"][k].tobytes():
                raise self._differs(k)

    def _replay(self, k: int, seed: int, length: int, shown: Array) -> None:
        self._start(k, seed)
        ended = False
        for t in range(length):
            _, terminated, truncated = self._step(k, self._actions[k, t], t + 1)
            ended = ended or terminated or truncated
        self._recorder.leave()
        self._lengths[k] = length
        if ended or self._shown[k].tobytes() != shown.tobytes():
            raise self._differs(k)

    def _differs(self, k: int) -> CopyFailed:
        return CopyFailed(k, REPLAYED_DIFFERENTLY.format(seed=self._seeds[k], steps=self._lengths[k]))

    def close(self) -> None:
        with self._recorder.call(self.spec, flight.CLOSE):
            for env in self._envs:
                env.close()
        self._envs = []
