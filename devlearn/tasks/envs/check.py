"""The contract test of an environment: what is wrong with it, where, and how to mend it."""

import random
import re
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces as gym_spaces
from gymnasium.utils.env_checker import check_env as check_by_gymnasium

from devlearn.tasks.envs.actions import random_action
from devlearn.tasks.envs.registration import Env, UnknownEnv, WorldError, check_id, describe, make
from devlearn.tasks.envs.reset_safety import PART, TRIAL_SEEDS, episode, reuse_is_safe
from devlearn.tasks.envs.spaces import view_and_controls

LIFE, ENDLESS = 1500, 10_000  # steps that an environment lives at least, and steps after which an episode never ends


@dataclass(frozen=True)
class Finding:
    """One law of environments: its name, whether it holds, and what was seen: place and mend where it does not."""

    name: str
    ok: bool
    message: str


def check_env(env: str, keys: Mapping[str, Any] | None = None) -> list[Finding]:
    """Try the environment ``env`` (made with ``keys``) against every law. An environment's own errors become findings.

    It is made, looked over by Gymnasium's own checker, and lives 1,500 random steps or more, through as many episodes
    as that takes, and until one has ended.
    """
    keys = dict(keys or {})
    with _generators_kept() as touched:
        findings = _opening(env, keys)
        if not all(finding.ok for finding in findings):
            return findings
        findings.append(_guarded("gymnasium", lambda: _gymnasium(env, keys)))
        findings += _Life(env, keys).findings()
        findings.append(_guarded("determinism", lambda: _determinism(env, keys)))
        findings.append(_guarded("reuse", lambda: _reuse(env, keys)))
        return [*findings, _global_randomness(touched())]


def _guarded(name: str, law: Callable[[], Finding]) -> Finding:
    try:
        return law()
    except Exception as error:
        return Finding(name, False, f"could not be tried, because the environment raised {describe(error)}")


def _opening(env: str, keys: Mapping[str, Any]) -> list[Finding]:
    """Whether it can be found, made, and has spaces that devlearn can use; stops at the first that fails."""
    findings: list[Finding] = []
    try:
        check_id(env)
        findings.append(Finding("id", True, f"{env} is registered"))
        make(env, keys).close()
        findings.append(Finding("make", True, "it can be made"))
        seen, acted = view_and_controls(env, keys)
        findings.append(Finding("spaces", True, f"the learner sees {seen}, and does {acted}"))
    except (UnknownEnv, WorldError) as error:
        findings.append(Finding(("id", "make", "spaces")[len(findings)], False, str(error)))
    return findings


def _gymnasium(env: str, keys: Mapping[str, Any]) -> Finding:
    """What Gymnasium's own checker says; its warnings are told, its errors are failures."""
    one = make(env, keys)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_by_gymnasium(one.unwrapped, skip_render_check=True)
    except Exception as error:
        return Finding("gymnasium", False, f"Gymnasium's own checker stops: {describe(error)}")
    finally:
        one.close()
    notes = [re.sub(r"\x1b\[\d+m|WARN: ", "", str(warning.message)) for warning in caught]
    return Finding("gymnasium", True, "; it notes: ".join(["Gymnasium's own checker passes", *notes]))


LIFE_LAWS = {
    "exceptions": "nothing was raised",
    "observation type": "every observation has the dtype and shape of its space",
    "observation finite": "every observation is finite",
    "observation bounds": "every observation lies in its space",
    "reward": "every reward is a finite number",
    "ends": "no episode went on without end",
}
ENDLESS_EPISODE = (
    f"the episode never ends: {ENDLESS:,} random actions without terminated or truncated. Give "
    "gymnasium.register(..., max_episode_steps=...), or return terminated or truncated at some time"
)


@dataclass
class _Life:
    """One environment, used for at least 1,500 random steps; the first breach of each law is kept."""

    env: str
    keys: Mapping[str, Any]
    breaches: dict[str, str] = field(default_factory=dict)
    life: int = 0
    episodes: int = 0
    step: int = 0
    seconds: float = 0.0
    info: Mapping[str, Any] = field(default_factory=dict)

    def findings(self) -> list[Finding]:
        one = make(self.env, self.keys)
        try:
            self._live(one)
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            self.breach("exceptions", f"{describe(error)}, raised at {at.filename}:{at.lineno}; mend it there")
        finally:
            one.close()
        cut = " until the exception" if "exceptions" in self.breaches else ""
        return [self._law(name, good + cut) for name, good in LIFE_LAWS.items()] + [self._speed()]

    def _law(self, name: str, good: str) -> Finding:
        return Finding(name, name not in self.breaches, self.breaches.get(name, good))

    def _speed(self) -> Finding:
        cost = self.seconds / max(self.life, 1) * 1e6
        lived = f"{self.life:,} steps and {self.episodes:,} ended episodes"
        return Finding("speed", True, f"{cost:.1f} us a step of one copy, over {lived}")

    def breach(self, law: str, what: str) -> None:
        place = f"episode {self.episodes}, step {self.step} (step {self.life} of the environment's life)"
        self.breaches.setdefault(law, f"{place}: {what}")

    def _live(self, one: Env) -> None:
        limited = one.spec is not None and one.spec.max_episode_steps is not None
        one.action_space.seed(0)
        while self.life < LIFE:
            self.step = 0
            observation, self.info = one.reset(seed=self.episodes)
            self._look(one, observation)
            while not self._one_step(one):
                if limited and self.life >= LIFE:
                    return
                if self.step >= ENDLESS:
                    return self.breach("ends", ENDLESS_EPISODE)
            self.episodes += 1

    def _one_step(self, one: Env) -> bool:
        """Act at random once; whether the episode ended."""
        self.step, self.life = self.step + 1, self.life + 1
        action, began = random_action(one, self.info), time.perf_counter()
        observation, reward, terminated, truncated, self.info = one.step(action)
        self.seconds += time.perf_counter() - began
        self._look(one, observation)
        if not _is_finite_number(reward):
            self.breach("reward", f"the reward is {reward!r}; return a finite float")
        return bool(terminated or truncated)

    def _look(self, one: Env, observation: Any) -> None:
        for law, what in _observation_breaches(one.observation_space, observation):
            self.breach(law, what)


def _is_finite_number(reward: Any) -> bool:
    try:
        return np.ndim(reward) == 0 and bool(np.isfinite(float(reward)))
    except (TypeError, ValueError):
        return False


def _observation_breaches(space: gym_spaces.Space[Any], observation: Any) -> Iterator[tuple[str, str]]:
    """The laws that one observation breaks, and how."""
    if not isinstance(space, gym_spaces.Box):
        if not space.contains(observation):
            yield "observation bounds", f"{observation!r} is not in {space}"
        return
    got = np.asarray(observation)
    if not isinstance(observation, np.ndarray) or got.dtype != space.dtype or got.shape != space.shape:
        what = f"{type(observation).__name__} of {got.dtype} and shape {got.shape}"
        mend = f"return np.asarray(..., dtype=np.{space.dtype}) of that shape"
        yield "observation type", f"the observation is {what}, its space {space.dtype} and {space.shape}; {mend}"
    if got.shape != space.shape or got.dtype.kind not in "iufb":
        return
    broken = ~np.isfinite(got)
    if broken.any():
        yield "observation finite", f"the observation is {got[broken][0]} at {_where(broken)}; look for x/0, log(0)"
    outside = ((got < space.low) | (got > space.high)) & ~broken
    if outside.any():
        bounds = f"[{space.low[outside][0]}, {space.high[outside][0]}]"
        mend = "widen the space, or clip the observation"
        yield "observation bounds", f"{got[outside][0]} at {_where(outside)} is outside its space {bounds}; {mend}"


def _where(mask: np.ndarray[Any, Any]) -> str:
    return f"index {tuple(int(i) for i in np.argwhere(mask)[0])}"


def _determinism(env: str, keys: Mapping[str, Any]) -> Finding:
    """Two new environments, one seed, the same actions."""
    one, other = make(env, keys), make(env, keys)
    try:
        for seed in TRIAL_SEEDS:
            pairs = zip(episode(one, seed, PART), episode(other, seed, PART), strict=True)
            for step, (a, b) in enumerate(pairs):
                if a != b:
                    return Finding("determinism", False, _undetermined(seed, step))
    finally:
        one.close()
        other.close()
    return Finding("determinism", True, "the same seed and actions give the same episode, bit for bit")


def _undetermined(seed: int, step: int) -> str:
    return (
        f"two environments that are reset with seed {seed} and act alike differ at step {step}. Draw all randomness "
        "from self.np_random after super().reset(seed=seed); an interrupted run could not be continued exactly"
    )


def _reuse(env: str, keys: Mapping[str, Any]) -> Finding:
    """A used environment may differ from a new one: devlearn copes, at a price."""
    if reuse_is_safe(env, keys):
        return Finding("reuse", True, "a used environment, reset with a seed, plays as a new one does")
    return Finding(
        "reuse",
        True,
        "a used environment, reset with a seed, does not play as a new one does, so devlearn makes it anew for every "
        "episode. Results stay right; letting reset() restore everything would save the time",
    )


@contextmanager
def _generators_kept() -> Iterator[Callable[[], list[str]]]:
    """Put the global generators back at the end; the function tells which have been drawn from so far."""
    python, numpy = random.getstate(), np.random.get_state()

    def touched() -> list[str]:
        now = np.random.get_state()
        same = all(np.array_equal(a, b) for a, b in zip(numpy, now, strict=True))
        return ["random"] * (random.getstate() != python) + ["numpy.random"] * (not same)

    try:
        yield touched
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _global_randomness(touched: list[str]) -> Finding:
    if not touched:
        return Finding("global randomness", True, "no global generator was drawn from or seeded")
    mend = "draw from self.np_random, which reset(seed=...) seeds"
    return Finding("global randomness", False, f"it uses the global generator of {' and of '.join(touched)}; {mend}")
