"""Causes: what can be known in these environments is known in closed form, and observers that know the rules get it."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
from devlearn_envs import BatchEnv, blicket_observers
from devlearn_envs.blicket_observers import named_right as named_blickets
from devlearn_envs.blickets import Blickets, worlds
from devlearn_envs.confounded import Confounded, passive_slope
from devlearn_envs.greedy_casino import WINS, GreedyCasino, contrary, obedient
from devlearn_envs.story_observers import explore, named_right, named_right_freely, observe, posterior
from devlearn_envs.three_stories import ANSWER, ThreeStories

Array = np.ndarray[Any, Any]
Controller = Callable[[Array, Array], tuple[Array, Array]]
EPISODES = 4_000
KNOWN = {1: (0.583, 0.417), 3: (0.880, 0.510), 5: (0.969, 0.547), 10: (0.999, 0.605)}  # k: told who acted, or not


def lived(env: BatchEnv, controller: Controller, first: int = 0) -> Array:
    """The reward of the last step of an episode of each copy, by what a controller finds best of what is allowed."""
    env.reset(np.arange(first, first + env.copies), np.ones(env.copies, bool))
    for _ in range(100):
        said = controller(env.observe().astype(np.float64), np.zeros((env.copies, 0)))[0]
        masks = env.masks()
        reward, terminated, _ = env.step((said if masks is None else np.where(masks, said, -np.inf)).argmax(1))
        if terminated.all():
            return reward
    raise AssertionError("no episode ended")


def share(expected: float) -> Any:
    """A share of all episodes, to within four standard errors."""
    return pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / EPISODES) + 1e-9)


@pytest.mark.parametrize("k", KNOWN)
def test_what_can_be_named_after_k_trials_of_each_kind_is_as_known(k: int) -> None:
    told, untold = KNOWN[k]
    q = 2.0**-k
    assert named_right(k) == pytest.approx(1 - q + q * q / 3, abs=1e-12)
    assert named_right(k) == pytest.approx(told, abs=5e-4)
    assert named_right(k, efference=False) == pytest.approx(untold, abs=5e-4)
    assert named_right_freely(k) > named_right(k)
    assert named_right_freely(k, greedy=True) == pytest.approx(named_right_freely(k), abs=1e-12)


def test_who_is_not_told_who_acted_gets_to_two_thirds_and_no_further() -> None:
    assert 0.6 < named_right(15, efference=False) < named_right(30, efference=False) < 2 / 3


@pytest.mark.parametrize(("k", "eps"), [(1, 0.0), (3, 0.1), (5, 0.0)])
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"acts": "observe"}, lambda k, eps: 1 / 3),
        ({"acts": "observe", "efference": False}, lambda k, eps: 1 / 3),
        ({"acts": "random"}, named_right),
        ({"acts": "choose"}, named_right),
        ({"acts": "random", "efference": False}, lambda k, eps: named_right(k, eps, efference=False)),
        ({"acts": "choose", "free": True}, lambda k, eps: named_right_freely(k, eps, greedy=True)),
    ],
)
def test_the_ideal_observer_is_as_right_as_can_be(
    keys: dict[str, Any], k: int, eps: float, expected: Callable[[int, float], float]
) -> None:
    env = ThreeStories(EPISODES, k=k, eps=eps, **keys)
    assert lived(env, explore, first=1_000_000 * k).mean() == share(expected(k, eps))


def test_what_is_seen_tells_no_stories_apart_and_what_is_done_does() -> None:
    alike = {}
    for acts in ("observe", "random"):
        env = ThreeStories(60_000, k=1, eps=0.2, acts=acts)
        env.reset(np.arange(env.copies), np.ones(env.copies, bool))
        for _ in range(2):
            env.step(np.zeros(env.copies, np.int64))
        state = env.state()
        for graph in range(3):
            alike[acts, graph] = state["counts"][state["graph"] == graph].mean(0)
    for graph in range(3):
        assert alike["observe", graph][0] == pytest.approx([1.6, 0.4], abs=0.03)
        for kind in (1, 2):
            follows = 0.8 if (graph, kind) in ((0, 1), (1, 2)) else 0.5
            assert alike["random", graph][kind] == pytest.approx([follows, 1 - follows], abs=0.02)


def test_the_posterior_is_calibrated_where_nobody_tells_who_acted() -> None:
    """Of all episodes in which a graph is given p, a share of p has it, also in the middle of an episode."""
    env = ThreeStories(20_000, k=3, eps=0.1, acts="random", efference=False)
    env.reset(np.arange(env.copies), np.ones(env.copies, bool))
    for _ in range(4):
        env.step(np.zeros(env.copies, np.int64))
    told = posterior(env.observe().astype(np.float64))
    for graph in range(3):
        for p in np.unique(told[:, graph].round(9)):
            own = np.abs(told[:, graph] - p) < 1e-8
            found = (env.state()["graph"][own] == graph).mean()
            assert found == pytest.approx(p, abs=4.5 * sqrt(p * (1 - p) / own.sum()))


def test_views_change_what_is_seen_and_nothing_else() -> None:
    told, untold, last = (
        ThreeStories(50, acts="random", eps=0.1, **keys) for keys in ({}, {"efference": False}, {"show": "last"})
    )
    for env in (told, untold, last):
        env.reset(np.arange(50), np.ones(50, bool))
    for step in range(told.trials + 1):
        assert np.array_equal(told.masks(), untold.masks())
        seen = [env.observe() for env in (told, untold, last)]
        assert all(np.array_equal(seen[0][:, 14:], other[:, 14:]) for other in seen)
        kinds = [shown[:, :8].reshape(50, 4, 2).sum(1) for shown in seen]
        assert np.allclose(kinds[0], kinds[1], atol=1e-6)
        assert not seen[1][:, :6].any() and not seen[2][:, :8].any() and seen[2][:, 8:14].any() == (step > 0)
        for env in (told, untold, last):
            env.step(np.full(50, ANSWER))
        for name, array in told.state().items():
            assert np.array_equal(array, untold.state()[name]) and np.array_equal(array, last.state()[name])


@pytest.mark.parametrize("trials", [2, 3])
@pytest.mark.parametrize("acts", ["choose", "random"])
@pytest.mark.parametrize("kind", ["disjunctive", "one", "conjunctive", "either"])
def test_blickets_are_found_as_often_as_can_be(kind: str, acts: str, trials: int) -> None:
    own = ("one", "disjunctive") if kind == "one" else ("any", kind)
    env = Blickets(EPISODES, blickets=own[0], rule=own[1], trials=trials, acts=acts)
    found = lived(env, getattr(blicket_observers, kind)).mean()
    best = named_blickets(3, *own, trials, acts)
    if (kind, acts) == ("either", "choose") and trials > 1:  # who looks one trial ahead is not the best explorer there
        assert named_blickets(3, *own, trials, "random") < found < best
    else:
        assert found == share(best)


def test_known_numbers_of_blickets() -> None:
    assert named_blickets(3, "one", "disjunctive", 2) == pytest.approx(1)  # three things, two trials
    assert named_blickets(3, "any", "disjunctive", 3) == pytest.approx(1)
    assert named_blickets(3, "any", "disjunctive", 0) == pytest.approx(1 / 7)
    assert (worlds(3, "any", "conjunctive").lights.sum(1)).tolist() == [2, 2, 2, 4]  # sets that light, by world


def test_the_casino_pays_as_published() -> None:
    meant = np.array([0, 1, 1, 0])
    assert WINS[meant, range(4)].mean() == pytest.approx(0.15)
    assert WINS.mean(1) == pytest.approx([0.30, 0.30])
    assert WINS[1 - meant, range(4)].mean() == pytest.approx(0.45)
    for expected, controller, keys in (
        (0.15, obedient, {}),
        (0.15, contrary, {"acts": "intended"}),
        (0.30, contrary, {"acts": "random"}),
        (0.30, contrary, {"intuition": False}),
        (0.45, contrary, {}),
    ):
        assert lived(GreedyCasino(EPISODES, **keys), controller).mean() == share(expected)


def test_watching_has_the_wrong_sign_and_acting_the_right_one() -> None:
    slopes = {}
    for acts in ("natural", "random"):
        env = Confounded(40_000, acts=acts, limit=1)
        env.reset(np.arange(env.copies), np.ones(env.copies, bool))
        y = env.step(np.zeros((env.copies, 1)))[0]
        slopes[acts] = np.polyfit(env.observe()[:, 1], y, 1)[0]
    assert passive_slope(0.5, 1.0) == pytest.approx(-1)
    assert slopes["natural"] == pytest.approx(-1, abs=0.02)
    assert slopes["random"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("batch", "keys", "says"),
    [
        (ThreeStories, {"k": 0}, "k must be at least 1, not 0"),
        (ThreeStories, {"acts": "watch"}, "acts must be one of observe, random, choose, not 'watch'"),
        (ThreeStories, {"acts": "random", "free": True}, "drop free, or let acts be choose"),
        (ThreeStories, {"show": "all"}, "show must be one of counts, last, not 'all'"),
        (ThreeStories, {"eps": 0.6}, "eps must be from 0 to 0.5, not 0.6"),
        (Blickets, {"objects": 9}, "objects must be from 2 to 5, not 9"),
        (Blickets, {"blickets": "one", "rule": "either"}, "one blicket never lights a machine whose rule is"),
        (Blickets, {"trials": 0}, "trials must be at least 1"),
        (GreedyCasino, {"acts": "meant"}, "acts must be one of intended, random, choose, not 'meant'"),
        (Confounded, {"effect": 2}, "effect must be from 0 to 1, not 2"),
        (Confounded, {"limit": 0}, "limit must be at least 1 step, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(batch: type[BatchEnv], keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        batch(1, **keys)


def test_an_observer_is_not_the_explorer_where_one_may_set_what_one_likes() -> None:
    env = ThreeStories(EPISODES, acts="choose", free=True)
    assert lived(env, observe).mean() == share(1 / 3)  # it looks on, which tells nothing
