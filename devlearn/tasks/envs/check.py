"""The contract test of an environment: what is wrong with it, where, and how to mend it."""

import random
import re
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from gymnasium import spaces as gym_spaces
from gymnasium.utils.env_checker import check_env as check_by_gymnasium

from devlearn.records import flight
from devlearn.tasks.envs.actions import offered_mask, random_action
from devlearn.tasks.envs.apart import CanNotBeTried, Cut, Tell, apart
from devlearn.tasks.envs.arrays import library_of, to_numpy
from devlearn.tasks.envs.failures import FAILURES, describe
from devlearn.tasks.envs.observations import View
from devlearn.tasks.envs.registration import Env, UnknownEnv, WorldError, check_id, make
from devlearn.tasks.envs.reset_safety import ACTIONS, PART, TRIAL_SEEDS, difference, episode, reuse_is_safe
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec, WrapperItem
from devlearn.tasks.envs.vector_env import undetermined
from devlearn.tasks.envs.wrappers import BadWrapper

LIFE, ENDLESS = 1500, 10_000  # steps that an environment lives at least, and steps after which an episode never ends
SECONDS = 60.0  # that a check takes, where nothing else is said
GRACE = 5.0  # seconds on top, in which it ends by itself
TIME = "time"  # the name of a finding that not all laws were tried
MUCH = 100_000  # bytes that are worth a word
ROUNDING = float(np.finfo(np.float32).eps)  # what a number may lie outside of a bound, by the size of the bounds


@dataclass(frozen=True)
class Finding:
    """One law of environments: its name, whether it holds, and what was seen: place and mend where it does not.

    ``runs``: where it does not hold, that a run goes on all the same. What it is worth then, the message says.
    """

    name: str
    ok: bool
    message: str
    runs: bool = False


@dataclass
class _Clock:
    """How much of the check's time is left, and who is told what is being tried."""

    seconds: float
    tell: Tell
    began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        return time.monotonic() - self.began > self.seconds

    def skipped(self, name: str, done: str = "") -> Finding:
        """That there was no time for a law, or not for all of it."""
        what = f"only {done}" if done else "not tried"
        return Finding(name, True, f"{what}: the {self.seconds:g} seconds of this check were over; give it more")


def check_env(
    env: str, keys: Mapping[str, Any] | None = None, wrappers: Sequence[WrapperItem] = (), seconds: float = SECONDS
) -> list[Finding]:
    """Try the environment ``env`` (made with ``keys``, in ``wrappers``) against every law. Its errors become findings.

    It is made, looked over by Gymnasium's own checker, and lives 1,500 random steps or more, through as many episodes
    as that takes, and until one has ended; all in this process, as long as ``seconds`` are not over. A law that there
    was no time for says so.
    """
    return list(findings(EnvSpec.of(env, keys, wrappers), _Clock(seconds, lambda what: None)))


def check_env_apart(spec: EnvSpec, seconds: float, tell: Tell) -> list[Finding]:
    """The same in a process of its own, so that what hangs, exits or crashes is a finding too.

    ``tell`` hears what is being tried. A call that takes half of the ``seconds`` counts as one that hangs.
    """
    patient = replace(spec, timeout=min(spec.timeout, seconds / 2))
    found: list[Finding] = []

    def hear(what: Any) -> None:
        found.append(what) if isinstance(what, Finding) else tell(what)

    try:
        answer = apart(_tell_findings, (patient, seconds), [spec], seconds + GRACE, hear)
    except CanNotBeTried:
        return list(findings(spec, _Clock(seconds, tell)))
    if answer.cut is not None:
        found.append(_cut_short(answer.cut, spec, seconds))
    if answer.printed >= MUCH:
        what = f"it printed {answer.printed / 1e6:.1f} MB in this check; a run keeps that in the log.txt of each job"
        found.append(Finding("output", True, what))
    return found


def _tell_findings(spec: EnvSpec, seconds: float, tell: Tell) -> None:
    for finding in findings(spec, _Clock(seconds, tell)):
        tell(finding)


def _cut_short(cut: Cut, spec: EnvSpec, seconds: float) -> Finding:
    if cut.over:
        return Finding(TIME, True, f"what has no line here was not tried: {seconds:g} seconds were over; give it more")
    if cut.hung and cut.found is not None and cut.found.timeout < spec.timeout:
        waits = f"a run waits {spec.timeout:g} seconds (step_timeout); to wait as long, give this check more than"
        return Finding("returns", False, f"{cut}; {waits} {2 * spec.timeout:g} seconds")
    return Finding("returns", False, str(cut))


def findings(spec: EnvSpec, clock: "_Clock") -> Iterator[Finding]:
    """Law by law, what is found of an environment in this process."""
    with _generators_kept() as touched:
        opening = _opening(spec, clock)
        yield from opening
        if not all(finding.ok for finding in opening):
            return
        life = _Life(spec, clock)
        yield from life.findings()
        yield _guarded("gymnasium", lambda: _gymnasium(spec, life), clock)
        yield _guarded("determinism", lambda: _determinism(spec, clock), clock)
        yield _guarded("reuse", lambda: _reuse(spec), clock)
        yield _global_randomness(touched())


def _guarded(name: str, law: Callable[[], Finding], clock: _Clock) -> Finding:
    if clock.over:
        return clock.skipped(name)
    clock.tell(name)
    try:
        return law()
    except FAILURES as error:
        what = f"could not be tried, because the environment raised {describe(error)}"
        return Finding(name, False, what, runs=True)  # where a run would meet it, another law has


def _opening(spec: EnvSpec, clock: _Clock) -> list[Finding]:
    """Whether it can be found, made, and has spaces that devlearn can use; stops at the first that fails."""
    findings: list[Finding] = []
    try:
        check_id(spec)
        findings.append(Finding("id", True, f"{spec.id} is registered"))
        clock.tell("make")
        make(spec).close()
        findings.append(Finding("make", True, "it can be made"))
        seen, acted = view_and_controls(spec)
        findings.append(Finding("spaces", True, f"the learner sees {seen}, and does {acted}"))
    except (UnknownEnv, WorldError, BadWrapper) as error:
        findings.append(Finding(("id", "make", "spaces")[len(findings)], False, str(error)))
    return findings


def _gymnasium(spec: EnvSpec, life: "_Life") -> Finding:
    """What Gymnasium's own checker says; its warnings are told, its errors are failures.

    It allows for no rounding and for no other library's arrays: what it says of observations is no failure where our
    own laws of them hold.
    """
    one = make(spec)
    try:
        if offered_mask(one, one.reset(seed=0)[1]) is not None:
            return Finding("gymnasium", True, "not asked: Gymnasium's own checker does what a mask of actions forbids")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_by_gymnasium(one.unwrapped, skip_render_check=True)
    except FAILURES as error:
        what, seen = f"Gymnasium's own checker stops: {describe(error)}", not OBSERVATION_LAWS & life.breaches.keys()
        if seen and (life.library or "observation" in str(error)):
            return Finding("gymnasium", True, f"{what}; it is stricter than a run, which takes them")
        return Finding("gymnasium", False, what, runs=True)
    finally:
        one.close()
    notes = [re.sub(r"\x1b\[\d+m|WARN: ", "", str(warning.message)) for warning in caught]
    return Finding("gymnasium", True, "; it notes: ".join(["Gymnasium's own checker passes", *notes]))


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
class _Life:
    """One environment, used for at least 1,500 random steps; the first breach of each law is kept.

    Of a law that is broken in two ways the one counts that a run refuses.
    """

    spec: EnvSpec
    clock: _Clock
    breaches: dict[str, Finding] = field(default_factory=dict)
    life: int = 0
    episodes: int = 0
    step: int = 0
    seconds: float = 0.0
    library: str = ""  # that made its arrays, where it is not numpy
    info: Mapping[str, Any] = field(default_factory=dict)

    def findings(self) -> list[Finding]:
        one = make(self.spec)
        self.clock.tell(f"step 0 of {LIFE:,}")
        try:
            self._live(one)
        except FAILURES as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            self.breach("exceptions", f"{describe(error)}, raised at {at.filename}:{at.lineno}; mend it there")
        finally:
            one.close()
        cut = " until the exception" if "exceptions" in self.breaches else ""
        return [self._law(name, good + cut) for name, good in LIFE_LAWS.items()] + [self._speed()]

    def _law(self, name: str, good: str) -> Finding:
        if self.library and name == "observation type":
            good = f"{good}; they are arrays of {self.library}, and numpy's are made of them at every step"
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
                observation, self.info = one.reset(seed=self.episodes)
            self._look(one, observation, view)
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
            self.breach("reward", f"the reward is {reward!r}; return a finite float")
        elif np.ndim(to_numpy(reward)):
            self.breach("reward", f"the reward is {reward!r}, an array; return a float", runs=True)
        return bool(terminated or truncated)

    def _look(self, one: Env, observation: Any, view: View) -> None:
        self.library = self.library or library_of(observation)
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
    except FAILURES as error:
        why = str(error) if isinstance(error, ValueError) else describe(error)
        yield "observation type", f"{why}; {mend}", False
        return
    broken = ~np.isfinite(seen)
    if broken.any():
        what = f"the observation is {seen[broken][0]} at {_where(broken)}; look for x/0, log(0)"
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


UNDETERMINED = "{what}. Draw all randomness from self.np_random after super().reset(seed=seed). A run goes on, {but}"
KNOWN = "says so, and counts its pairs as unpaired"
UNKNOWN = "until it is interrupted: then it can not be continued"


def _determinism(spec: EnvSpec, clock: _Clock) -> Finding:
    """Two new environments, one seed, the same actions."""
    if what := undetermined(spec):
        return Finding("determinism", False, UNDETERMINED.format(what=what, but=KNOWN), runs=True)
    one, other, steps = make(spec), make(spec), 0
    try:
        for seed in TRIAL_SEEDS:
            pairs = zip(episode(one, spec, seed, PART), episode(other, spec, seed, PART), strict=True)
            for step, (a, b) in enumerate(pairs):
                if a != b:
                    what = UNDETERMINED.format(what=difference(seed, step), but=KNOWN if step <= ACTIONS else UNKNOWN)
                    return Finding("determinism", False, what, runs=True)
                if clock.over:
                    return clock.skipped("determinism", f"{steps:,} steps were compared, and are the same")
                steps += 1
    finally:
        one.close()
        other.close()
    return Finding("determinism", True, "the same seed and actions give the same episode, bit for bit")


def _reuse(spec: EnvSpec) -> Finding:
    """A used environment may differ from a new one: devlearn copes, at a price."""
    if reuse_is_safe(spec):
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
    what = f"it uses the global generator of {' and of '.join(touched)}; {mend}"
    return Finding("global randomness", False, what, runs=True)
