"""Behavioural cloning: the demonstrator's return is reached, and is not where its actions are permuted."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Factors, Imitation
from devlearn.probes.probe import Probing
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage
from devlearn.tasks.demonstrations import controller, record
from devlearn.tasks.envs import EnvSpec, WorldError
from tests.laws.rows import context_for, go_on, live
from tests.stages.imitate.controllers import POLE, SWING, cohort_of, leaning

SEEDS = tuple(range(8))
WATCHED = {
    "env": "CartPole-v1",
    "controller": POLE,
    "env_steps": 10_000,
    "num_envs": 4,
    "rollout": 32,
    "minibatches": 12,
    "lr": 1e-2,
}


def clone(**keys: Any) -> Stage:
    stage: Stage = get("stages", "imitate.clone")(**keys)
    return stage


def returns(cohort: Cohort) -> torch.Tensor:
    """Of 8 greedy episodes of each learner, (N,)."""
    probe = get("probes", "return")(env="CartPole-v1", episodes=8)
    context = Context(cohort.seeds, "probe", 0, torch.device("cpu"), planned=0, measuring=True)
    found: torch.Tensor = probe.measure(cohort, Probing(context, {}), False).values["return"]
    return found


def trained(stage: Stage, yields: int) -> Cohort:
    cohort = cohort_of(stage, SEEDS)
    live(stage, cohort, yields)
    return cohort


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ten of the controller's."""
    return str(record(EnvSpec("CartPole-v1"), POLE, 10, 0).write(tmp_path_factory.mktemp("told") / "pole.npz"))


def test_clones_do_as_well_as_a_controller_and_permuted_ones_do_not() -> None:
    told, permuted = (trained(clone(**WATCHED, sham=sham), 40) for sham in ("none", "actions"))
    assert returns(told).min() > 450, "the controller's is 500"
    assert returns(permuted).max() < 250


def test_who_clones_a_file_does_as_well_and_with_permuted_actions_does_not(episodes: str) -> None:
    keys = {"env": "CartPole-v1", "demonstrations": episodes, "updates": 400, "lr": 1e-2}
    told, permuted = (trained(clone(**keys, sham=sham), 400) for sham in ("none", "actions"))
    assert returns(told).min() > 450
    assert returns(permuted).max() < 250


def test_the_cost_is_the_demonstrators_steps_and_of_a_file_none(episodes: str) -> None:
    watched, read = clone(**WATCHED), clone(env="CartPole-v1", demonstrations=episodes, updates=9, episodes=2)
    cohort = cohort_of(watched, SEEDS[:2])
    brain = cohort.member(0).to("meta")
    assert (watched.cost(brain).env_steps, watched.cost(brain).updates) == (128, 12)
    assert (read.cost(brain).env_steps, read.cost(brain).updates) == (0, 1)
    _, metrics = live(watched, cohort, 3)
    assert [found["demonstrations"].tolist() for found in metrics] == [[128] * 2, [256] * 2, [384] * 2]
    assert [found["demonstrator_steps"].tolist() for found in metrics] == [[128] * 2, [256] * 2, [384] * 2]
    assert metrics[-1]["imitator_steps"].tolist() == [0, 0]
    _, metrics = live(read, cohort, 1)
    assert metrics[0]["demonstrations"].tolist() == [1000] * 2 and metrics[0]["return"].tolist() == [500] * 2
    assert metrics[0]["demonstrator_steps"].tolist() == [0, 0]


def test_what_is_learned_from_is_what_the_controller_does_where_it_was() -> None:
    stage = clone(**{**WATCHED, "num_envs": 2, "rollout": 5})
    cohort = cohort_of(stage, SEEDS[:2])
    state, _ = live(stage, cohort, 3)
    seen, done = state["shown"]["observations"], state["shown"]["actions"]
    assert seen.shape == (2, 30, 4) and done.shape == (2, 30)
    for observation, action in zip(seen.flatten(0, 1), done.flatten(), strict=True):
        assert int(action) == leaning(observation.numpy(), np.random.default_rng(0))
    permuted = clone(**{**WATCHED, "num_envs": 2, "rollout": 5, "sham": "actions"})
    shammed, _ = live(permuted, cohort_of(permuted, SEEDS[:2]), 3)
    assert torch.equal(shammed["shown"]["observations"], seen)
    blocks = (shammed["shown"]["actions"].unflatten(1, (3, 10)), done.unflatten(1, (3, 10)))
    assert not torch.equal(*blocks) and torch.equal(*(block.sort(-1).values for block in blocks))


def test_only_the_last_steps_are_kept() -> None:
    keys = {**WATCHED, "num_envs": 2, "rollout": 5}
    states = []
    for capacity in (1000, 12):
        stage = clone(**keys, capacity=capacity)
        states.append(live(stage, cohort_of(stage, SEEDS[:2]), 3)[0]["shown"])
    assert torch.equal(states[0]["observations"][:, -12:], states[1]["observations"])


def test_numbers_are_cloned_before_they_are_scaled() -> None:
    spec = EnvSpec("Pendulum-v1")
    asked = controller(SWING, spec).actions(np.zeros((2, 3, 3), np.float32), [np.random.default_rng(s) for s in (0, 1)])
    assert asked.shape == (2, 3, 1) and np.allclose(asked, 0.5)  # a torque of 1 within -2..2
    stage = clone(env="Pendulum-v1", controller=SWING, env_steps=10_000, num_envs=2, rollout=16)
    cohort = cohort_of(stage, SEEDS[:2])
    state, metrics = live(stage, cohort, 2)
    metrics += go_on(stage, cohort, state, 60)
    assert metrics[-1]["error"].max() < 0.01 < metrics[0]["error"].min()


def test_the_loss_by_hand() -> None:
    objective = Imitation("eye", "actor", Factors((2,), 1), least_std=0.5)
    output = torch.tensor([[0.0, math.log(3.0), 1.0, 0.0, 0.0, -9.0]])  # logits of 2, a mean, log deviations
    loss, metrics = objective(lambda *_: output, {"observations": output, "actions": torch.tensor([[0.0, 1.5]])})
    density = math.exp(-0.5 * (0.5 / 0.5) ** 2) / (0.5 * math.sqrt(2 * math.pi))
    assert float(loss) == pytest.approx(-math.log(0.25) - math.log(density))
    assert float(metrics["error"]) == pytest.approx((1 + 0.25) / 2)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"updates": 5}, "exactly one demonstrator"),
        ({"updates": 5, "controller": POLE, "demonstrations": True}, "exactly one demonstrator"),
        ({"env_steps": 5, "demonstrations": True}, "no steps of an environment"),
        ({"updates": 5, "controller": POLE, "episodes": 3}, "those of a file"),
        ({"updates": 5, "demonstrations": True, "episodes": 11}, "has 10 episodes, not 11"),
    ],
)
def test_what_can_not_be_is_refused(keys: dict[str, Any], why: str, episodes: str) -> None:
    if "demonstrations" in keys:
        keys = {**keys, "demonstrations": episodes}
    with pytest.raises(ValidationError, match=why):
        clone(env="CartPole-v1", **keys)


@pytest.mark.parametrize(
    ("name", "env", "why"),
    [
        ("leaning", "CartPole-v1", "write module:function, or bot"),
        ("tests.stages.imitate.controllers:POLE", "CartPole-v1", "is no function"),
        ("tests.stages.imitate.controllers:nobody", "CartPole-v1", "nobody"),
        ("bot", "Pendulum-v1", r"has no bot\(observation, rng\)"),
        (POLE, "Blackjack-v1", "asked about one array"),
    ],
)
def test_who_is_no_demonstrator_is_refused(name: str, env: str, why: str) -> None:
    with pytest.raises(Exception, match=why):
        clone(env=env, controller=name, updates=5).needs()


def test_an_action_that_there_is_not_is_told_with_the_controller() -> None:
    stage = clone(env="CartPole-v1", controller="tests.stages.imitate.controllers:third", env_steps=100)
    with pytest.raises(WorldError, match=r"third.*row 0: 2 is not in Discrete\(2\)"):
        live(stage, cohort_of(stage, (0,)), 1)


def test_an_environments_own_bot_reaches_the_digit(tmp_path: Path) -> None:
    stage = clone(env="devlearn/DigitReach-v0", controller="bot", env_steps=10_000)
    _, metrics = live(stage, cohort_of(stage, (0, 1)), 3)
    assert metrics[-1]["return"].min() > 1


def test_a_brain_with_memory_is_refused() -> None:
    stage = clone(**WATCHED)
    cohort = cohort_of(stage, (0,), memory="gru")
    with pytest.raises(ValueError, match="memory: none"):
        stage.cost(cohort.member(0).to("meta"))


def test_it_is_resumed_where_it_was() -> None:
    lives = []
    for pieces in ((6,), (2, 4)):
        stage = clone(**WATCHED)
        cohort = cohort_of(stage, (0, 1))
        state = stage.begin(cohort, context_for((0, 1)))
        for count in pieces:
            go_on(stage, cohort, state, count)
        lives.append(cohort.flat)
    assert torch.equal(*lives)
