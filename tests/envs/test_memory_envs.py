"""Environments that ask for memory and a sense of time: their optima in closed form, and policies that reach them."""

import itertools
from typing import Any

import numpy as np
import pytest
from devlearn_envs.batch import BatchEnv
from devlearn_envs.interval import Interval, spread_of
from devlearn_envs.repeat_back import RepeatBack
from devlearn_envs.t_maze import TMaze

EPISODES = 40_000


def returns(env: BatchEnv, act: Any) -> float:
    """The mean return of one episode in every copy; ``act(observations so far)`` is asked at every step."""
    env.reset(np.arange(env.copies), np.ones(env.copies, bool))
    total, running, seen = np.zeros(env.copies), np.ones(env.copies, bool), [env.observe()]
    while running.any():
        reward, ended, cut = env.step(act(seen))
        assert not cut.any()
        total += reward * running
        running &= ~ended
        seen.append(env.observe())
    return float(total.mean())


def as_told(seen: list[np.ndarray]) -> np.ndarray:
    return (seen[0][:, 0] > 0).astype(np.int64)


@pytest.mark.parametrize(("length", "flip"), [(1, 0.0), (10, 0.0), (1, 0.2), (4, 0.1), (20, 0.02), (3, 0.5)])
def test_turning_as_the_cue_said_reaches_the_closed_form(length: int, flip: float) -> None:
    best = TMaze.optimum(length, flip)
    counted = sum(  # over all courses of changes: those in which the cue is true in the end
        np.prod([flip if change else 1 - flip for change in course])
        for course in itertools.product((0, 1), repeat=length if length < 12 else 0)
        if sum(course) % 2 == 0
    )
    assert length > 12 or counted == pytest.approx(best)
    error = 4 * np.sqrt(best * (1 - best) / EPISODES)
    assert returns(TMaze(EPISODES, length, flip), as_told) == pytest.approx(best, abs=error + 1e-9)


def test_without_memory_the_maze_is_a_coin() -> None:
    drawn = np.random.default_rng(0).integers(2, size=EPISODES)
    for act in (lambda seen: np.ones(EPISODES, np.int64), lambda seen: drawn):
        assert returns(TMaze(EPISODES, 5), act) == pytest.approx(0.5, abs=0.01)


def test_the_maze_shows_its_cue_once_and_the_fork_in_the_end() -> None:
    env = TMaze(2, length=3)
    env.reset(np.array([0, 1]), np.ones(2, bool))
    shown = [env.observe()]
    for _ in range(3):
        assert not env.step(np.ones(2, np.int64))[1].any()
        shown.append(env.observe())
    assert (np.abs(shown[0][:, 0]) == 1).all() and not np.stack(shown[1:])[..., 0].any()
    assert np.stack(shown)[..., 1].T.tolist() == [[0, 0, 0, 1]] * 2
    assert env.step(np.ones(2, np.int64))[1].all()


@pytest.mark.parametrize("k", [1, 3])
def test_who_holds_k_symbols_says_all_of_them_and_who_holds_fewer_guesses(k: int) -> None:
    def back(lag: int) -> Any:
        return lambda seen: seen[max(len(seen) - 1 - lag, 0)].argmax(1)

    assert returns(RepeatBack(500, k, symbols=3), back(k)) == pytest.approx(RepeatBack.optimum(k, 3), abs=1e-5)
    for lag in {0, k - 1}:
        assert returns(RepeatBack(5_000, k, symbols=3), back(lag)) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("keys", [(2, 8, 0.0), (1, 12, 0.25), (3, 9, 0.5), (4, 4, 0.3)])
def test_the_shortest_duration_that_a_light_may_stand_for_is_the_best_answer(keys: tuple[int, int, float]) -> None:
    shortest, longest, scatter = keys
    durations = range(shortest, longest + 1)
    lights = range(1, 2 * longest + 1)
    answers = np.zeros(2 * longest + 1, np.int64)
    for light in lights:
        could = [d for d in durations if abs(light - d) <= spread_of(d, scatter)]
        answers[light] = could[0] if could else 0

    def act(seen: list[np.ndarray]) -> np.ndarray:
        light = np.stack(seen)[..., 0].sum(0).astype(int)
        return (len(seen) - light == answers[np.minimum(light, 2 * longest)]).astype(np.int64)

    best = Interval.optimum(*keys)
    likely = np.array(
        [[(abs(s - d) <= spread_of(d, scatter)) / (2 * spread_of(d, scatter) + 1) for d in durations] for s in lights]
    )
    assert likely.sum(0) == pytest.approx(1) and likely.max(1).sum() / len(durations) == pytest.approx(best)
    assert returns(Interval(EPISODES, *keys), act) == pytest.approx(best, abs=0.01)
    assert (best == 1) == (scatter == 0 or shortest == longest)


def test_the_light_scatters_in_proportion_to_the_duration() -> None:
    deviations = []
    for duration in (8, 16, 32):
        env = Interval(EPISODES, duration, duration, 0.25)
        env.reset(np.arange(EPISODES), np.ones(EPISODES, bool))
        light = env.state()["light"]
        assert light.mean() == pytest.approx(duration, abs=0.1)
        deviations.append(light.std())
        assert deviations[-1] == pytest.approx(np.sqrt(((duration / 2 + 1) ** 2 - 1) / 12), rel=0.02)
    assert deviations[2] / deviations[0] == pytest.approx(4, rel=0.2)
