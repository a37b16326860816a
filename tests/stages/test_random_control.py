"""``random: true``: what acts at random learns nothing, costs steps alone, and is compared as any arm is."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pydantic import ValidationError

import devlearn
from devlearn.learners.objectives import Factors
from devlearn.registry import get
from devlearn.stages.stage import Cost
from devlearn.streams import streams
from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.rollout import act_randomly
from tests.laws.rows import cohort_for, live, make


class Recorded(VectorEnv):
    """A world that keeps what was done in it."""

    done: list[np.ndarray]

    def step(self, actions: np.ndarray):  # type: ignore[no-untyped-def]
        self.done.append(actions)
        return super().step(actions)


def acted(env: str, factors: Factors, seeds: tuple[int, ...], copies: int, length: int) -> np.ndarray:
    """The actions of a random life, (T, N, E, ...)."""
    world = Recorded(EnvSpec(env), seeds, copies, ("random",))
    world.done = []
    act_randomly(world, factors, streams(seeds, "rollout"), length)
    world.close()
    return np.stack(world.done)


def test_choices_are_uniform_and_numbers_standard_normal() -> None:
    choices = acted("CartPole-v1", Factors((2,)), (0,), 4, 1000)
    assert abs(choices.mean() - 0.5) < 4 * 0.5 / np.sqrt(choices.size)
    numbers = acted("Pendulum-v1", Factors((), 1), (0,), 4, 1000)
    assert abs(numbers.mean()) < 4 / np.sqrt(numbers.size) and abs(numbers.std() - 1) < 4 / np.sqrt(2 * numbers.size)


def test_a_learner_acts_alike_in_any_cohort() -> None:
    among, alone = (acted("CartPole-v1", Factors((2,)), seeds, 2, 20) for seeds in ((3, 5), (5,)))
    np.testing.assert_array_equal(among[:, 1], alone[:, 0])


def test_it_leaves_the_weights_and_costs_steps_alone() -> None:
    stage = make("play-random")
    cohort = cohort_for("play-random", (0, 1))
    before = cohort.flat
    _, found = live(stage, cohort, 14)
    assert torch.equal(cohort.flat, before) and cohort.updates == 0
    assert stage.cost(cohort.member(0)) == Cost(env_steps=32)
    assert not stage.follows_budget()
    assert torch.isfinite(found[-1]["return"]).all() and (found[-1]["length"] == 200).all()
    assert torch.isnan(found[-1]["loss"]).all()


@pytest.mark.parametrize("unit", ["updates", "flops"])
def test_a_budget_that_never_ends_is_refused(unit: str) -> None:
    with pytest.raises(ValidationError, match=rf"act at random take no {unit}.*use env_steps"):
        get("stages", "trial.ppo")(env="CartPole-v1", random=True, **{unit: 10})


PLAY = {"kind": "trial.ppo", "env": "CartPole-v1", "env_steps": 64, "num_envs": 2, "rollout": 16}


def test_the_control_runs_to_a_verdict_and_has_steps_on_its_ledger(tmp_path: Path) -> None:
    content = {
        "devlearn": 1,
        "scenario": "control",
        "seeds": 2,
        "brain": {"kind": "mlp", "width": [8]},
        "stages": {"play": PLAY},
        "arms": {"random": [{"use": "play", "set": {"random": True}}], "played": ["play"]},
        "probes": {"skill": {"kind": "return", "env": "CartPole-v1", "episodes": 2, "worst": 0}},
        "compare": {"probe": "skill", "smallest_effect": 1, "pairs": [["played", "random"]]},
    }
    (tmp_path / "control.yaml").write_text(yaml.safe_dump(content))
    run = devlearn.run(tmp_path / "control.yaml", out=tmp_path / "run", progress=False, report=True)
    spent = run.compare().document()["arms"]
    assert spent["random"]["ledger"]["env_steps"] == spent["played"]["ledger"]["env_steps"] == 64
    assert spent["random"]["ledger"]["updates"] == spent["random"]["ledger"]["flops"] == 0
