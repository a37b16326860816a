"""The contract test of an environment: what is wrong with it, where, and how to mend it."""

import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.utils.env_checker import check_env as check_by_gymnasium

from devlearn.records import flight
from devlearn.registry import nearest
from devlearn.tasks.envs import registered_vector_env
from devlearn.tasks.envs.actions import is_wide, masks_by_method, offered_mask
from devlearn.tasks.envs.check_life import OBSERVATION_LAWS, Life
from devlearn.tasks.envs.failures import begun, describe, failures
from devlearn.tasks.envs.finding import Clock, Finding, Tell
from devlearn.tasks.envs.own_process import CanNotBeTried, Cut, in_own_process
from devlearn.tasks.envs.registration import UnknownEnv, WorldError, check_id, described, make
from devlearn.tasks.envs.reset_safety import ACTIONS, PART, TRIAL_SEEDS, difference, episode, reuse_is_safe
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec, WrapperItem
from devlearn.tasks.envs.vector_env import undetermined
from devlearn.tasks.envs.wrappers import BadWrapper

SECONDS = 60.0  # that a check takes, where nothing else is said
GRACE = 5.0  # seconds on top, in which it ends by itself
TIME = "time"  # the name of a finding that not all laws were tried
FIRST_CALL = "it hangs, or what it imports or loads there for the first time takes longer"
MUCH = 100_000  # bytes that are worth a word


def check_env(
    env: str,
    keys: Mapping[str, Any] | None = None,
    wrappers: Sequence[WrapperItem] = (),
    seconds: float = SECONDS,
    vocabulary: Sequence[str] | None = None,
) -> list[Finding]:
    """Try the environment ``env`` (made with ``keys``, in ``wrappers``) against every law. Its errors become findings.

    ``vocabulary`` are the words of its texts, where it does not say them itself.

    It is made, looked over by Gymnasium's own checker, and lives 1,500 random steps or more, through as many episodes
    as that takes, and until one has ended; all in this process, as long as ``seconds`` are not over. A law that there
    was no time for says so.
    """
    return list(findings(EnvSpec.of(env, keys, wrappers, vocabulary=vocabulary), Clock(seconds, lambda what: None)))


def check_env_apart(spec: EnvSpec, seconds: float, tell: Tell) -> list[Finding]:
    """The same in a process of its own, so that what hangs, exits or crashes is a finding too.

    ``tell`` hears what is being tried. A call that takes half of the ``seconds`` counts as one that hangs.
    """
    patient = replace(spec, timeout=min(spec.timeout, seconds / 2))
    found: list[Finding] = []

    def hear(what: Any) -> None:
        found.append(what) if isinstance(what, Finding) else tell(what)

    try:
        answer = in_own_process(_tell_findings, (patient, seconds), [spec], seconds + GRACE, hear)
    except CanNotBeTried:
        return list(findings(spec, Clock(seconds, tell)))
    if answer.cut is not None:
        found.append(_cut_short(answer.cut, spec, seconds))
    if answer.printed >= MUCH:
        kept = "a run keeps that in the log.txt of each job, no more than its first and its last MB where it is much"
        what = f"it printed {answer.printed / 1e6:.1f} MB in this check; {kept}"
        found.append(Finding("output", True, what))
    return found


def _tell_findings(spec: EnvSpec, seconds: float, tell: Tell) -> None:
    for finding in findings(spec, Clock(seconds, tell)):
        tell(finding)


def _cut_short(cut: Cut, spec: EnvSpec, seconds: float) -> Finding:
    if cut.over:
        return Finding(TIME, True, f"what has no line here was not tried: {seconds:g} seconds were over; give it more")
    if cut.hung and cut.found is not None and cut.found.timeout < spec.timeout:
        waits = f"a run waits {spec.timeout:g} seconds (step_timeout); to wait as long, give this check more than"
        slow = f" ({FIRST_CALL})" if cut.found.call in (flight.IMPORT, flight.MAKE, flight.RESET) else ""
        return Finding("returns", False, f"{cut}{slow}; {waits} {2 * spec.timeout:g} seconds")
    return Finding("returns", False, str(cut))


def findings(spec: EnvSpec, clock: Clock) -> Iterator[Finding]:
    """Law by law, what is found of an environment in this process."""
    with _generators_kept() as touched:
        opening = _opening(spec, clock)
        yield from opening
        if not all(finding.ok for finding in opening):
            return
        life = Life(spec, clock)
        yield from life.findings()
        yield _guarded("gymnasium", lambda: _gymnasium(spec, life), clock)
        yield _guarded("determinism", lambda: _determinism(spec, clock), clock)
        yield _guarded("reuse", lambda: _reuse(spec), clock)
        if registered_vector_env.is_registered(spec):
            yield _guarded("vector", lambda: _vector(spec), clock)
        yield _global_randomness(touched())


def _guarded(name: str, law: Callable[[], Finding], clock: Clock) -> Finding:
    if clock.over:
        return clock.skipped(name)
    clock.tell(name)
    try:
        return law()
    except failures() as error:
        what = f"could not be tried, because the environment raised {describe(error)}"
        return Finding(name, False, what, runs=True)  # where a run would meet it, another law has


def _opening(spec: EnvSpec, clock: Clock) -> list[Finding]:
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
        law = ("id", "make", "spaces")[len(findings)]
        misspelt = str(error) if isinstance(error, BadWrapper) and error.key is not None else ""
        unknown = misspelt or (_unknown_key(spec) if law == "make" else "")
        findings.append(Finding("keys", False, unknown) if unknown else Finding(law, False, str(error)))
    return findings


def _unknown_key(spec: EnvSpec) -> str:
    """Which of its keyword arguments an environment does not take, in words; empty where that is not why it fails."""
    takes = described(spec.id)
    unknown = next((key for key in spec.kwargs if key not in takes.kwargs and not takes.open), None)
    if unknown is None:
        return ""
    likely = nearest(unknown, tuple(takes.kwargs))
    return f"{spec.id} takes no {unknown!r}; {f'did you mean {likely!r}?' if likely else _takes(takes.kwargs)}"


def _takes(names: Iterable[str]) -> str:
    return f"it takes: {', '.join(names)}"


def _gymnasium(spec: EnvSpec, life: Life) -> Finding:
    """What Gymnasium's own checker says; its warnings are told, its errors are failures.

    It allows for no rounding and for no other library's arrays: what it says of observations is no failure where our
    own laws of them hold.
    """
    one = make(spec)
    try:
        with flight.recorder().call(spec, flight.RESET, (0, 0)):
            _, info = begun(one.reset(seed=0))
        if offered_mask(one, info, masks_by_method(one)) is not None:
            return Finding("gymnasium", True, "not asked: Gymnasium's own checker does what a mask of actions forbids")
        if is_wide(one.action_space):
            what = "not asked: Gymnasium's own checker acts in numbers up to the bounds, which no learner reaches"
            return Finding("gymnasium", True, what)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_by_gymnasium(one.unwrapped, skip_render_check=True)
    except failures() as error:
        what, seen = f"Gymnasium's own checker stops: {describe(error)}", not OBSERVATION_LAWS & life.breaches.keys()
        if seen and (life.package or "observation" in str(error)):
            return Finding("gymnasium", True, f"{what}; it is stricter than a run, which takes them")
        return Finding("gymnasium", False, what, runs=True)
    finally:
        one.close()
    notes = [re.sub(r"\x1b\[\d+m|WARN: ", "", str(warning.message)) for warning in caught]
    return Finding("gymnasium", True, "; it notes: ".join(["Gymnasium's own checker passes", *notes]))


UNDETERMINED = "{what}. Draw all randomness from self.np_random after super().reset(seed=seed). A run goes on, {but}"
KNOWN = "says so, and counts its pairs as unpaired"
UNKNOWN = "until it is interrupted: then it can not be continued"


def _determinism(spec: EnvSpec, clock: Clock) -> Finding:
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


def _vector(spec: EnvSpec) -> Finding:
    """A vector environment that is not used costs time and nothing else."""
    why = registered_vector_env.breach(spec)
    if why:
        return Finding("vector", True, f"its vector_entry_point is not used, copies are stepped one by one: {why}")
    return Finding("vector", True, "its vector_entry_point is used: each copy of it plays as one alone does")


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
