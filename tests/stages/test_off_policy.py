"""``trial.dqn`` and ``trial.sac``: what they refuse, what they cost, how they explore; and that they learn."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError

import devlearn
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage

CARTPOLE = {"env": "CartPole-v1", "env_steps": 400, "learning_starts": 100}


def made(kind: str, **keys: Any) -> Stage:
    stage: Stage = get("stages", kind)(**keys)
    return stage


@pytest.mark.parametrize(
    ("env", "takes"),
    [("Pendulum-v1", "1 number"), ("tests.tasks.envs.space_envs:space/Counts-v0", ".*")],
)
def test_actions_that_are_not_one_choice_are_refused_with_the_mend(env: str, takes: str) -> None:
    with pytest.raises(ValueError, match=rf"value of each of several actions.*takes {takes}; use trial.ppo"):
        made("trial.dqn", env=env, env_steps=20_000).needs()


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            {"batch": 100},
            "sequences of 16 steps, and batch = 100 is no multiple of that; change batch or sequence_length",
        ),
        ({"n_step": 2}, "n_step is 2, write 1"),
        ({"learning_starts": 16}, "need 17 in each of 1 environments, and with learning_starts .* there are 16; raise"),
        ({"learning_starts": 0, "rollout": 9}, "there are 9; raise learning_starts or lower sequence_length"),
        ({"capacity": 16}, "with capacity as it is there are 16; raise capacity"),
        ({"capacity": 10**8}, "100,000,001 sequences are 3.0 GiB"),
    ],
)
def test_sequences_that_a_replay_can_not_give_are_refused_with_the_mend(keys: dict[str, Any], why: str) -> None:
    stage = made("trial.dqn", **{**CARTPOLE, **keys})
    with torch.device("meta"):
        brain = brain_builder({"kind": "mlp", "width": [8], "memory": "gru"}, stage.needs())()
    with pytest.raises(ValueError, match=why):
        stage.cost(brain)


def test_a_budget_that_ends_before_learning_starts_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"after 100 env_steps, and the budget is 100: nothing would be learned"):
        made("trial.dqn", **{**CARTPOLE, "env_steps": 100})
    made("trial.dqn", **{**CARTPOLE, "env_steps": 101})
    made("trial.dqn", **{**CARTPOLE, "env_steps": 100, "random": True})


def test_what_a_yield_costs() -> None:
    stage = made("trial.dqn", **{**CARTPOLE, "learning_starts": 99, "num_envs": 2, "gradient_steps": 3})
    cost = stage.cost(brain_builder({"kind": "mlp", "width": [8]}, stage.needs())())
    act, learn = 2 * 2 * (4 * 8 + 8 * 2), 128 * 2 * (3 * (4 * 8 + 8 * 2) - 4 * 8 + 4 * 8 + 8 * 2)
    assert (cost.updates, cost.env_steps, cost.flops) == (3, 20, 10 * act + 3 * learn)
    assert cost.first is not None
    assert (cost.first.updates, cost.first.env_steps, cost.first.flops) == (0, 100, 50 * act)
    assert cost.memory == 10_000 * (2 * 16 + 8 + 4 + 2) + 4 * (4 * 8 + 8 + 8 * 2 + 2)


def test_epsilon_falls_over_its_share_of_the_budget() -> None:
    """400 steps, of which 100 come first and 10 in each of 30 yields; it falls over the first 200."""
    stage = made("trial.dqn", **CARTPOLE, epsilon_start=0.9, epsilon_end=0.1, batch=8)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, stage.needs()), (0, 1))
    context = Context((0, 1), "play", 0, torch.device("cpu"), 31)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    found = [next(segment)["epsilon"][1].item() for _ in range(15)]
    segment.close()  # type: ignore[attr-defined]
    expected = [max(0.1, 0.9 - 0.8 * (99 + 10 * k) / 200) for k in range(15)]
    assert found == pytest.approx(expected, abs=1e-6)
    assert stage.follows_budget() and not made("trial.dqn", **CARTPOLE, exploration=0).follows_budget()


LEARNED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], float, float]] = {
    "dqn": (
        {"kind": "mlp", "width": [64, 64]},
        {"kind": "trial.dqn", "env": "CartPole-v1", "env_steps": 15_000, "learning_starts": 1000, "lr": 1e-3},
        {"exploration": 0.3, "rollout": 4, "gradient_steps": 1, "batch": 64},
        0,
        50,
    ),
    "sac": (
        {"kind": "mlp", "width": [64, 64]},
        {"kind": "trial.sac", "env": "Pendulum-v1", "env_steps": 6000, "learning_starts": 500, "lr": 1e-3},
        {"batch": 128, "capacity": 6000},
        -2000,
        300,
    ),
}


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ("CartPole-v1", r"learns numbers, and CartPole-v1 takes one of 2 actions; use trial.dqn"),
        ("tests.tasks.envs.space_envs:space/Endless-v0", r"numbers between bounds, and .* takes .* without; wrap it"),
    ],
)
def test_actions_that_are_not_bounded_numbers_are_refused_with_the_mend(env: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        made("trial.sac", env=env, env_steps=20_000).needs()


def test_the_critics_are_born_apart_and_by_the_learners_own_seed() -> None:
    stage = made("trial.sac", env="Pendulum-v1", env_steps=400, batch=8)
    born = {}
    for seeds in ((0, 1), (1,)):
        cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, stage.needs()), seeds)
        context = Context(seeds, "play", 0, torch.device("cpu"), 31)
        state = stage.begin(cohort, context)
        segment = stage.segment(cohort, state, context)
        next(segment)
        segment.close()  # type: ignore[attr-defined]
        weights = state["critics"]["heads.worth_Pendulum_v1.layer.weight"]  # (N, 2, 1, 8)
        assert not torch.equal(weights[:, 0], weights[:, 1])
        assert torch.equal(weights, state["target"]["heads.worth_Pendulum_v1.layer.weight"])
        born[seeds] = weights
    assert torch.equal(born[0, 1][1], born[1,][0])


def test_steps_that_fill_the_replay_are_spread_evenly_between_the_bounds() -> None:
    stage = made("trial.sac", env="Pendulum-v1", env_steps=4000, learning_starts=2000)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, stage.needs()), (0, 1))
    context = Context((0, 1), "play", 0, torch.device("cpu"), 31)
    state = stage.begin(cohort, context)
    segment = stage.segment(cohort, state, context)
    next(segment)
    segment.close()  # type: ignore[attr-defined]
    done = state["replay"]["actions"][:, :2000].tanh().flatten()
    assert state["replay"]["filled"] == 2000
    shares = torch.histc(done, 8, -1, 1) / len(done)
    assert ((shares - 1 / 8).abs() < 4.5 * (1 / 8 * 7 / 8 / len(done)) ** 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize("what", sorted(LEARNED))
def test_more_is_won_than_at_random(what: str, tmp_path: Path) -> None:
    """Budgets and rates were chosen on the seeds 100 to 103."""
    brain, play, more, worst, effect = LEARNED[what]
    probe = {"kind": "return", "env": play["env"], "episodes": 8, "worst": worst}
    content = {
        "devlearn": 1,
        "scenario": "learned",
        "seeds": 8,
        "brain": brain,
        "stages": {"play": {**play, **more}},
        "arms": {"random": [{"use": "play", "set": {"random": True}}], "played": ["play"]},
        "probes": {"skill": {**probe, **({"action_scaling": "squash"} if what == "sac" else {})}},
        "compare": {"probe": "skill", "smallest_effect": effect, "pairs": [["played", "random"]]},
    }
    (tmp_path / "learned.yaml").write_text(yaml.safe_dump(content))
    run = devlearn.run(tmp_path / "learned.yaml", out=tmp_path / "run", progress=False, report=False)
    (pair,) = run.compare().document()["comparisons"]
    assert pair["verdict"] == "better" and pair["interval"][0] > effect
