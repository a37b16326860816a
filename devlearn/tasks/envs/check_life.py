"""An environment is used for a while: what its observations, rewards and ends are like."""

import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces as gym_spaces

from devlearn.records import flight
from devlearn.tasks.envs.actions import masks_by_method, offered_mask, random_action
from devlearn.tasks.envs.arrays import package_of, to_numpy
from devlearn.tasks.envs.copies import SOMETIMES_MASKED
from devlearn.tasks.envs.failures import begun, describe, failures, place
from devlearn.tasks.envs.finding import Clock, Finding
from devlearn.tasks.envs.observations import View
from devlearn.tasks.envs.registration import Env, make
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec

LIFE, ENDLESS = 1500, 10_000  # steps that an environment lives at least, and steps after which an episode never ends
ROUNDING = float(np.finfo(np.float32).eps)  # what a number may lie outside of a bound, by the size of the bounds
OBSERVATION_LAWS = {"observation type", "observation finite", "observation bounds"}
LIFE_LAWS = {
    "exceptions": "nothing was raised",
    "observation type": "every observation has the dtype and shape of its space",
    "observation finite": "every observation is finite",
    "observation bounds": "every observation lies in its space",
    "reward": "every reward is a finite number",
    "ends": "no episode went on without end",
}
ENDLESS_EPISODE = (
    "the episode never ends: {steps:,} random actions without terminated or truncated. Give "
    "gymnasium.register(..., max_episode_steps=...) or env_kwargs: {{max_episode_steps: ..}}, or return terminated or "
    "truncated at some time"
)


@dataclass
class Life:
    """One environment, used for at least 1,500 random steps; the first breach of each law is kept.

    Of a law that is broken in two ways the one counts that a run refuses.
    """

    spec: EnvSpec
    clock: Clock
    breaches: dict[str, Finding] = field(default_factory=dict)
    life: int = 0
    episodes: int = 0
    step: int = 0
    seconds: float = 0.0
    package: str = ""  # that made its arrays, where it is not numpy
    info: Mapping[str, Any] = field(default_factory=dict)
    masked: bool | None = None  # whether it says which actions are allowed

    def findings(self) -> list[Finding]:
        one = make(self.spec)
        self.clock.tell(f"step 0 of {LIFE:,}")
        try:
            self._live(one)
        except failures() as error:
            where = place(error)
            self.breach("exceptions", describe(error) + (f"{where}; mend it there" if where else ""))
        finally:
            one.close()
        cut = " until the exception" if "exceptions" in self.breaches else ""
        return [self._law(name, good + cut) for name, good in LIFE_LAWS.items()] + [self._speed()]

    def _law(self, name: str, good: str) -> Finding:
        if self.package and name == "observation type":
            good = f"{good}; they are arrays of {self.package}, and numpy's are made of them at every step"
        return self.breaches.get(name) or Finding(name, True, good)

    def _speed(self) -> Finding:
        cost = self.seconds / max(self.life, 1) * 1e6
        lived = f"{self.life:,} steps and {self.episodes:,} ended episodes"
        short = f"; the {self.clock.seconds:g} seconds of this check were over" if self.clock.over else ""
        return Finding("speed", True, f"{cost:.1f} us a step of one copy, over {lived}{short}")

    def breach(self, law: str, what: str, runs: bool = False) -> None:
        known = self.breaches.get(law)
        if known is None or (known.runs and not runs):
            place = f"episode {self.episodes}, step {self.step} (step {self.life} of the environment's life)"
            self.breaches[law] = Finding(law, False, f"{place}: {what}", runs)

    def _live(self, one: Env) -> None:
        limited = one.spec is not None and one.spec.max_episode_steps is not None
        actions, (view, _), recorder = deepcopy(one.action_space), view_and_controls(self.spec), flight.recorder()
        actions.seed(0)
        while self.life < LIFE and not self.clock.over:
            self.step = 0
            with recorder.call(self.spec, flight.RESET, (self.episodes, 0)):
                observation, self.info = begun(one.reset(seed=self.episodes))
            self._look(one, observation, view)
            self._see_mask(one)
            while not self._one_step(one, random_action(one, actions, self.info), view):
                if (limited and self.life >= LIFE) or self.clock.over:
                    return
                if self.step >= ENDLESS:
                    return self.breach("ends", ENDLESS_EPISODE.format(steps=ENDLESS), runs=True)
            self.episodes += 1

    def _one_step(self, one: Env, action: Any, view: View) -> bool:
        """Act once; whether the episode ended."""
        self.step, self.life = self.step + 1, self.life + 1
        if self.life % 100 == 0:
            self.clock.tell(f"step {self.life:,} of {LIFE:,}")
        with flight.recorder().call(self.spec, flight.STEP, (self.episodes, self.step)):
            began = time.perf_counter()
            observation, reward, terminated, truncated, self.info = one.step(action)
            self.seconds += time.perf_counter() - began
        self._look(one, observation, view)
        if not np.isfinite(_stored(reward)):
            self.breach("reward", f"the reward is {reward!r}; return a finite float, of less than 3.4e38 in size")
        elif np.ndim(to_numpy(reward)):
            self.breach("reward", f"the reward is {reward!r}, an array; return a float", runs=True)
        ended = bool(terminated or truncated)
        if not ended:
            self._see_mask(one)
        return ended

    def _see_mask(self, one: Env) -> None:
        """Raises ValueError, as a run does, where choices are masked at some resets and steps and not at others."""
        masked = offered_mask(one, self.info, masks_by_method(one)) is not None
        self.masked = masked if self.masked is None else self.masked
        if self.masked != masked and view_and_controls(self.spec)[1].factors.choices:
            raise ValueError(SOMETIMES_MASKED)

    def _look(self, one: Env, observation: Any, view: View) -> None:
        self.package = self.package or package_of(observation)
        for law, what, runs in _observation_breaches(one.observation_space, observation, view):
            self.breach(law, what, runs)


def _stored(reward: Any) -> np.float32:
    """A reward as a run keeps it; nan where it is no number."""
    try:
        with np.errstate(over="ignore"):
            return np.float32(float(reward))
    except (TypeError, ValueError):
        return np.float32(np.nan)


def _observation_breaches(
    space: gym_spaces.Space[Any], observation: Any, view: View
) -> Iterator[tuple[str, str, bool]]:
    """The laws that one observation breaks, how, and whether a run goes on all the same."""
    mend = f"return np.asarray(..., dtype=np.{space.dtype}) of shape {space.shape}" if space.dtype else "return what is"
    try:
        seen = view.read(observation)
    except failures() as error:
        why = str(error) if isinstance(error, ValueError) else describe(error)
        yield "observation type", f"{why}; {mend}", False
        return
    with np.errstate(over="ignore"):
        broken = ~np.isfinite(seen.astype(np.float32) if seen.dtype.kind == "f" else seen)  # as a run keeps it
    if broken.any():
        what = f"the observation is {seen[broken][0]} at {_where(broken)}; look for x/0, log(0), numbers beyond 3.4e38"
        yield "observation finite", what, False
    plain = to_numpy(observation)
    if isinstance(space, gym_spaces.Box) and (not isinstance(plain, np.ndarray) or plain.dtype != space.dtype):
        what = f"{type(observation).__name__} of {np.asarray(plain).dtype}"
        yield "observation type", f"the observation is {what}, its space {space.dtype} and {space.shape}; {mend}", True
    if outside := _outside(space, plain):
        yield "observation bounds", outside, True


def _outside(space: gym_spaces.Space[Any], value: Any) -> str:
    """What of an observation lies outside of its space, with the mend; empty where nothing does."""
    if isinstance(space, gym_spaces.Dict) and isinstance(value, Mapping):
        parts = [(name, part, value.get(name)) for name, part in space.spaces.items()]
        return next((f"{name!r}: {why}" for name, part, one in parts if (why := _outside(part, one))), "")
    if isinstance(space, gym_spaces.Tuple) and isinstance(value, tuple) and len(value) == len(space.spaces):
        each = enumerate(zip(space.spaces, value, strict=True))
        return next((f"entry {i}: {why}" for i, (part, one) in each if (why := _outside(part, one))), "")
    if not isinstance(space, gym_spaces.Box):
        return "" if space.contains(value) else f"{value!r} is not in {space}"
    got = np.asarray(value)
    if got.shape != space.shape or got.dtype.kind not in "iufb":
        return f"{value!r} is not in {space}"
    size = np.maximum(
        *(np.where(np.isfinite(end), np.abs(end.astype(np.float64)), 0) for end in (space.low, space.high))
    )
    slack = ROUNDING * size if got.dtype.kind == "f" else np.zeros_like(size)
    # NaN and infinities have a law of their own
    outside = ((got < space.low - slack) | (got > space.high + slack)) & np.isfinite(got)
    if not outside.any():
        return ""
    bounds = f"[{space.low[outside][0]}, {space.high[outside][0]}]"
    mend = "widen the space, or clip the observation"
    return f"{got[outside][0]} at {_where(outside)} is outside its space {bounds}; {mend}"


def _where(mask: np.ndarray[Any, Any]) -> str:
    return f"index {tuple(int(i) for i in np.argwhere(mask)[0])}"
