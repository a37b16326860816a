"""Curiosity: what each kind of bonus is worth where the answer is known, and what becomes of rewards."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from pydantic import ValidationError
from torch import Tensor

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.learners.curiosity import encoded
from devlearn.learners.flop_counter import Counter
from devlearn.learners.objectives import Factors
from devlearn.registry import get
from devlearn.runs.plan.changes import refusal
from devlearn.stages.shared.intrinsic import CURIOSITY_METRICS, Curiosity, Foresight, Intrinsic
from devlearn.stages.stage import Stage
from tests.laws.rows import BRAIN, context_for, go_on, live

SEEDS, COPIES, STEPS, SIZE = (3, 8), 2, 6, 5
ROOM, CHOICE = Box(-np.inf, np.inf, (SIZE,), np.float32), Factors((3,))
SMALL = {"hidden": 6, "features": 4}
KINDS = ("rnd", "icm", "progress", "count")
KEYS = {
    "env": "devlearn/NoisyTV-v0",
    "env_kwargs": {"size": 3, "limit": 5},
    "env_steps": 10_000,
    "num_envs": 2,
    "rollout": 8,
    "minibatches": 2,
}


def play(**keys: Any) -> Stage:
    stage: Stage = get("stages", "trial.ppo")(**{**KEYS, **keys})
    return stage


def learners(stage: Stage, memory: str = "none") -> Cohort:
    return Cohort(brain_builder({**BRAIN, "memory": memory}, stage.needs()), SEEDS)


def curiosity(kind: str, factors: Factors = CHOICE, seeds: tuple[int, ...] = SEEDS, **keys: Any) -> Curiosity:
    own = Intrinsic.model_validate({"kind": kind, **SMALL, **keys})
    return Curiosity.of(own, ROOM, factors, COPIES, 2, 0.9, learners_of_nothing(seeds), context_for(seeds))


def networks(one: Curiosity) -> Cohort:
    assert isinstance(one.judge, Foresight)
    return one.judge.networks


def learners_of_nothing(seeds: tuple[int, ...]) -> Cohort:
    """What curiosity reads of learners: how many there are, where, and in which precision."""
    return Cohort(lambda: torch.nn.Linear(1, 1), seeds, dtype=torch.float64)


def lived(factors: Factors = CHOICE, n: int = len(SEEDS), noise: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """A rollout (N, T, E, ...) in a world that shows the last action or, with ``noise``, anything."""
    generator = torch.Generator().manual_seed(seed)
    shape = (n, STEPS, COPIES)
    drawn = [torch.randint(options, shape, generator=generator) for options in factors.choices]
    drawn += [torch.randn(shape, generator=generator).double() for _ in range(factors.numbers)]
    actions = torch.stack(drawn, -1) if factors.shape else drawn[0]
    seen = torch.randn(*shape, SIZE, generator=generator)
    shown = encoded(factors, actions, seen)
    after = torch.randn(*shape, SIZE, generator=generator) if noise else torch.zeros(*shape, SIZE)
    after[..., -1] = shown.sum(-1) if noise else shown[..., 0]
    rewards = torch.randn(*shape, generator=generator).double()
    return {"observations": seen, "following": after, "actions": actions, "rewards": rewards}


@pytest.mark.parametrize("kind", KINDS)
def test_bonuses_come_on_top_of_rewards_or_alone_and_have_one_scale(kind: str) -> None:
    steps = lived()
    added, alone, double = (
        curiosity(kind, **keys) for keys in ({"weight": 0.5}, {"weight": 0.5, "only": True}, {"only": True})
    )
    for block in range(3):
        bonus = alone.rewards(steps, block)
        torch.testing.assert_close(added.rewards(steps, block), steps["rewards"] + bonus)
        torch.testing.assert_close(double.rewards(steps, block), 2 * bonus)
        torch.testing.assert_close(bonus.flatten(1).std(1, correction=0), alone.found["bonus"])
        torch.testing.assert_close(bonus.mean((1, 2)), torch.zeros(len(SEEDS), dtype=torch.float64))
    assert (bonus != 0).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sham_has_the_same_bonuses_in_another_order(kind: str) -> None:
    honest, sham = (curiosity(kind, only=True, sham=order) for order in ("none", "order"))
    for block in range(2):
        true, false = (one.rewards(lived(seed=block), block).flatten(1) for one in (honest, sham))
        torch.testing.assert_close(true.sort(1).values, false.sort(1).values)
    assert not torch.equal(true, false)


def test_bonuses_are_divided_by_the_spread_of_their_discounted_sums() -> None:
    """By hand, over two rollouts in which copies go on; the first guess of the spread counts next to nothing."""
    one, again = curiosity("count", only=True), curiosity("count").judge
    now, sums = torch.zeros(len(SEEDS), COPIES, dtype=torch.float64), []
    for block in range(2):
        steps = lived(seed=block)
        found = one.rewards(steps, block)
        raw = again.bonus({"following": steps["following"].flatten(1, 2).double()}).unflatten(1, (STEPS, COPIES))
        for t in range(STEPS):
            now = 0.9 * now + raw[:, t]
            sums.append(now)
    spread = torch.stack(sums, 1).flatten(1).std(1, correction=0)[:, None, None]
    expected = (raw - raw.mean((1, 2), keepdim=True)) / spread
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_what_was_seen_n_times_is_worth_one_over_the_root_of_n() -> None:
    counts = curiosity("count").judge
    seen = torch.randn(1, 4, SIZE, generator=torch.Generator().manual_seed(1)).expand(len(SEEDS), -1, -1)
    first = counts.bonus({"following": seen[:, [0, 1, 1, 2]]})
    torch.testing.assert_close(first, torch.tensor([[1, 0.5**0.5, 0.5**0.5, 1]]).expand(len(SEEDS), -1))
    again = counts.bonus({"following": seen[:, [1, 1, 3]]})
    torch.testing.assert_close(again, torch.tensor([[0.5, 0.5, 1]]).expand(len(SEEDS), -1))


def followed(kind: str, noise: bool, rollouts: int = 80) -> tuple[Curiosity, list[float]]:
    """Curiosity in a world of many rollouts, each another one, and their mean novelty."""
    one, found = curiosity(kind, lr=1e-2, hidden=16), []
    for block in range(rollouts):
        one.rewards(lived(noise=noise, seed=block), block)
        found.append(float(one.found["novelty"].mean()))
    return one, found


@pytest.mark.parametrize("kind", ["rnd", "icm"])
def test_what_can_be_foreseen_is_no_news_for_long(kind: str) -> None:
    found = followed(kind, noise=False)[1]
    assert np.mean(found[-10:]) < 0.2 * np.mean(found[:3])


@pytest.mark.parametrize("noise", [False, True])
def test_a_forecasts_error_stays_on_noise_and_its_progress_does_not(noise: bool) -> None:
    """In numbers of unit variance: on noise nothing beats the mean, whose error is 1."""
    one, found = followed("progress", noise)
    steps = {name: entry.flatten(1, 2).double() for name, entry in lived(noise=noise, seed=999).items()}
    with torch.no_grad():
        error = float(networks(one)({**steps, "actions": steps["actions"].long()}, "loss").mean())
    assert error > 0.7 if noise else error < 0.05
    assert abs(np.mean(found[-20:])) < 0.1
    assert noise or max(found) > 0.1


def test_progress_is_nothing_before_anything_was_learned() -> None:
    one = curiosity("progress")
    one.rewards(lived(), 0)
    assert torch.equal(one.found["novelty"], torch.zeros(len(SEEDS), dtype=torch.float64))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factors", [CHOICE, Factors((3, 2)), Factors((), 2), Factors((3,), 2)], ids=str)
def test_flops_are_those_of_a_rollout_for_all_sorts_of_actions(kind: str, factors: Factors) -> None:
    one = curiosity(kind, factors, SEEDS[:1])
    with Counter() as counter:
        one.rewards({name: entry[:1] for name, entry in lived(factors).items()}, 0)
    assert counter.total == one.keys.costs(ROOM, factors, STEPS * COPIES, 2)[0]


def test_what_does_not_move_a_network_is_left_alone() -> None:
    for kind, still, moved in (("rnd", "target.", "predictor."), ("progress", "none", "slow."), ("icm", "none", "")):
        one = curiosity(kind)
        before = networks(one).state()
        one.rewards(lived(), 0)
        changed = {name for name, now in networks(one).state().items() if not torch.equal(now, before[name])}
        assert not any(name.startswith(still) for name in changed)
        assert {name for name in networks(one).parameters() if name.startswith(moved)} <= changed


@pytest.mark.parametrize(("kind", "memory"), [*((kind, "none") for kind in KINDS), ("progress", "gru")])
def test_a_curious_life_that_was_cut_is_the_same_life(kind: str, memory: str) -> None:
    stage = play(intrinsic={"kind": kind, **SMALL})
    whole, cut = learners(stage, memory), learners(stage, memory)
    expected = live(stage, whole, 4)[1]
    state, found = live(stage, cut, 1)
    for _ in range(3):
        state = copy.deepcopy(state)
        found += go_on(stage, cut, state, 1)
    assert torch.equal(whole.flat, cut.flat)
    for a, b in zip(expected, found, strict=True):
        assert set(a) == set(stage.columns()) == set(b)
        assert all(torch.equal(a[name].nan_to_num(), b[name].nan_to_num()) for name in a)


def test_a_bonus_that_counts_nothing_changes_nothing_and_none_has_no_columns() -> None:
    plain, idle = play(), play(intrinsic={"kind": "rnd", "weight": 0, **SMALL})
    lives = [learners(stage) for stage in (plain, idle)]
    metrics = [live(stage, cohort, 3)[1] for stage, cohort in zip((plain, idle), lives, strict=True)]
    assert torch.equal(lives[0].flat, lives[1].flat)
    assert set(metrics[0][0]) == set(plain.columns()) == set(idle.columns()) - set(CURIOSITY_METRICS)
    assert "intrinsic" not in plain.model_dump()
    meta = lives[0].member(0).to("meta")
    assert plain.cost(meta).memory == 0 < idle.cost(meta).memory
    assert plain.cost(meta).flops < idle.cost(meta).flops


def test_the_weight_may_change_on_the_way_and_the_kind_may_not() -> None:
    keys: dict[str, Any] = {"kind": "rnd", **SMALL}
    stage, build = play(intrinsic=keys), brain_builder(BRAIN, play().needs())
    meta = learners(stage).member(0).to("meta")
    for other, why in (
        ({**keys, "weight": 0.1, "only": True}, ""),
        ({**keys, "kind": "progress"}, "its state has another shape"),
        (None, "its state has another shape"),
    ):
        changed = play(intrinsic=other)
        assert refusal(stage, changed, (stage.cost(meta), changed.cost(meta)), build) == why


def test_who_acts_at_random_is_not_curious() -> None:
    with pytest.raises(ValidationError, match="drop random or intrinsic"):
        play(random=True, intrinsic={"kind": "rnd"})
