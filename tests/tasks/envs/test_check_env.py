"""check_env: sound environments pass, and each broken one gets its own answer."""

import random

import numpy as np
import pytest
from devlearn_envs import NATIVE

from devlearn.tasks.envs.check import check_env
from devlearn.tasks.envs.finding import Finding

SOUND = (*sorted(NATIVE), "CartPole-v1", "Acrobot-v1", "Pendulum-v1", "BipedalWalker-v3", "Blackjack-v1")


def toy(name: str) -> str:
    return f"toy_envs:toy/{name}-v0"


def by_name(env: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_env(env)}


@pytest.mark.parametrize("env", [*SOUND, toy("Toy"), toy("Structured"), toy("Counter")])
def test_sound_environments_pass(env: str) -> None:
    findings = check_env(env)
    assert [finding for finding in findings if not finding.ok] == []
    names = {finding.name for finding in findings}
    assert len(names) == len(findings) == 14 + ("vector" in names)  # of those that a vector is registered of
    assert ("vector" in names) == (env == "CartPole-v1")
    assert "\x1b" not in " ".join(finding.message for finding in findings)


@pytest.mark.parametrize(
    ("name", "law", "parts"),
    [
        ("NaNObservation", "observation finite", ("episode 0, step 7", "nan at index (0,)")),
        ("WrongDtype", "observation type", ("float64", "its space float32", "dtype=np.float32")),
        ("Outside", "observation bounds", ("episode 0, step 6", "12.0 at index (0,)", "[-10.0, 10.0]", "widen")),
        ("Raises", "exceptions", ("episode 99, step 10 (step 1000 of", "out of memory for the map", "toy_envs.py:")),
        ("RaisesInOneLife", "exceptions", ("episode 0, step 1000 (step 1000 of", "out of memory for the map")),
        ("NeverEnds", "ends", ("never ends", "10,000", "max_episode_steps")),
        ("EndsOnceThenNever", "ends", ("episode 1, step 10000", "never ends")),
        ("NaNReward", "reward", ("step 1 ", "the reward is nan")),
        ("HugeReward", "reward", ("step 1 ", "the reward is 1e+39", "less than 3.4e38")),
        ("HugeObservation", "observation finite", ("e+299", "at index (0,)", "numbers beyond 3.4e38")),
        ("OldReset", "exceptions", ("reset returned ndarray", "return a pair, (observation, info)")),
        ("WrongShape", "observation type", ("shape (3,) instead of (2,)", "dtype=np.float32) of shape (2,)")),
        ("Global", "global randomness", ("random and of numpy.random", "self.np_random")),
        ("Global", "determinism", ("seed 7", "at once", "self.np_random", "unpaired")),
    ],
)
def test_a_broken_environment_gets_a_named_answer(name: str, law: str, parts: tuple[str, ...]) -> None:
    finding = by_name(toy(name))[law]
    assert not finding.ok
    for part in parts:
        assert part in finding.message


def test_only_what_is_broken_is_said_to_be() -> None:
    broken = {name: {f.name for f in check_env(toy(name)) if not f.ok} for name in ("NeverEnds", "Outside", "Raises")}
    assert broken == {"NeverEnds": {"ends"}, "Outside": {"observation bounds"}, "Raises": {"exceptions"}}


def test_actions_are_such_as_a_learner_sends_where_bounds_are_none() -> None:
    """Squares of what is sampled between these bounds are no numbers any more."""
    found = by_name(toy("Vast"))
    assert [finding for finding in found.values() if not finding.ok] == []
    assert "not asked" in found["gymnasium"].message


def test_a_used_environment_that_is_no_new_one_is_told_but_not_refused() -> None:
    finding = by_name("BipedalWalker-v3")["reuse"]
    assert finding.ok and "anew for every episode" in finding.message


@pytest.mark.parametrize(
    ("env", "law", "part"),
    [
        ("Cartpole-v1", "id", "did you mean 'CartPole-v1'"),
        (toy("Speaks"), "spaces", "Wrap the environment"),
        (toy("Endlessly"), "spaces", "have no fixed size"),
    ],
)
def test_what_can_not_be_tried_stops_at_the_reason(env: str, law: str, part: str) -> None:
    *before, last = check_env(env)
    assert all(finding.ok for finding in before)
    assert (last.name, last.ok) == (law, False) and part in last.message


def test_wrong_arguments_are_named() -> None:
    last = check_env("CartPole-v1", {"legs": 2})[-1]
    assert (last.name, last.ok) == ("keys", False) and "legs" in last.message


def test_the_global_generators_are_left_as_they_were() -> None:
    before = random.getstate(), np.random.get_state()[1].copy()
    check_env(toy("Global"))
    assert random.getstate() == before[0] and np.array_equal(np.random.get_state()[1], before[1])
