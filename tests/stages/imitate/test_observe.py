"""Imitation from observation: what was done is told from what was seen, and from nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from devlearn.learners.cohort import Cohort
from devlearn.learners.inverse_model import InverseModel, Telling
from devlearn.learners.objectives import Factors
from devlearn.probes.probe import Probing
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage
from devlearn.tasks.demonstrations import record
from devlearn.tasks.envs import EnvSpec
from tests.laws.rows import live
from tests.stages.imitate.controllers import POLE, SWING, cohort_of

SEEDS = tuple(range(6))
SEEN = {
    "env": "CartPole-v1",
    "controller": POLE,
    "observed": 2000,
    "play": 2000,
    "num_envs": 4,
    "minibatches": 20,
    "lr": 1e-2,
    "model_updates": 600,
    "model_lr": 3e-3,
    "updates": 600,
}


def observe(**keys: Any) -> Stage:
    stage: Stage = get("stages", "imitate.observe")(**keys)
    return stage


def returns(cohort: Cohort) -> torch.Tensor:
    """Of 8 greedy episodes of each learner, (N,)."""
    probe = get("probes", "return")(env="CartPole-v1", episodes=8)
    context = Context(cohort.seeds, "probe", 0, torch.device("cpu"), planned=0, measuring=True)
    found: torch.Tensor = probe.measure(cohort, Probing(context, {}), False).values["return"]
    return found


def trained(stage: Stage, yields: int) -> tuple[Cohort, list[Any]]:
    cohort = cohort_of(stage, SEEDS)
    return cohort, live(stage, cohort, yields)[1]


def test_who_only_sees_does_nearly_as_well_and_with_actions_permuted_does_not() -> None:
    (seen, metrics), (permuted, shammed) = (trained(observe(**SEEN, sham=sham), 25) for sham in ("none", "actions"))
    assert returns(seen).min() > 300, "the controller's is 500"
    assert returns(permuted).mean() < 150
    assert metrics[-1]["model_error"].max() < 0.05, "own play tells which push led where"
    assert metrics[-1]["inferred_error"].max() < 0.1, "and so what the controller did"
    assert torch.equal(metrics[-1]["model_error"], shammed[-1]["model_error"]), "the sham knows it as well"
    assert (shammed[-1]["inferred_error"] - 0.5).abs().max() < 0.1, "and gives it to other steps"


def test_the_first_yield_plays_and_watches_and_learns_no_policy() -> None:
    stage = observe(**{**SEEN, "observed": 90, "play": 50})
    cohort = cohort_of(stage, SEEDS[:2])
    before = cohort.flat
    cost = stage.cost(cohort.member(0).to("meta"))
    assert cost.first is not None
    assert (cost.first.env_steps, cost.first.updates) == (4 * 13 + 4 * 23, 0)
    assert (cost.env_steps, cost.updates) == (0, 20)
    state, metrics = live(stage, cohort, 1)
    assert torch.equal(before, cohort.flat) and cohort.updates == 0
    assert state["shown"]["before"].shape == (2, 92, 4) and state["played"] == {}
    assert metrics[0]["demonstrations"].tolist() == metrics[0]["demonstrator_steps"].tolist() == [92, 92]
    assert metrics[0]["imitator_steps"].tolist() == [52, 52] and metrics[0]["loss"].isnan().all()


def test_own_play_goes_on_where_a_rollout_says_so() -> None:
    keys = {**SEEN, "updates": None, "env_steps": 10_000, "rollout": 5, "observed": 40, "play": 40}
    stage = observe(**keys)
    assert stage.cost(cohort_of(stage, (0,)).member(0).to("meta")).env_steps == 20
    state, metrics = live(stage, cohort_of(stage, SEEDS[:2]), 4)
    assert metrics[-1]["imitator_steps"].tolist() == [40 + 3 * 20] * 2
    assert state["played"]["actions"].shape == (2, 36 + 3 * 20), "a tenth of the play at random is held out"
    state, _ = live(observe(**keys, capacity=50), cohort_of(stage, SEEDS[:2]), 4)
    assert state["played"]["actions"].shape == (2, 50)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Ten episodes of the controller's, and the same with its actions in another order."""
    folder = tmp_path_factory.mktemp("told")
    told = record(EnvSpec("CartPole-v1"), POLE, 10, 0)
    mixed = {key: np.random.default_rng(0).permutation(column) for key, column in told.actions.items()}
    return str(told.write(folder / "told.npz")), str(replace(told, actions=mixed).write(folder / "mixed.npz"))


def test_the_actions_of_a_file_are_not_learned_from(files: tuple[str, str]) -> None:
    keys = {**SEEN, "controller": None, "episodes": 4}
    (told, metrics), (mixed, others) = (trained(observe(**keys, demonstrations=file), 6) for file in files)
    assert torch.equal(told.flat, mixed.flat)
    assert metrics[-1]["return"].tolist() == [500] * 6 and metrics[-1]["demonstrations"].tolist() == [2000] * 6
    assert metrics[-1]["demonstrator_steps"].tolist() == [0] * 6
    assert metrics[-1]["inferred_error"].max() < 0.1 < 0.4 < others[-1]["inferred_error"].min()


def test_numbers_are_told_before_they_are_scaled() -> None:
    keys = {**SEEN, "env": "Pendulum-v1", "controller": SWING, "observed": 400, "model_updates": 1500}
    _, metrics = trained(observe(**keys), 20)
    assert metrics[-1]["model_error"].max() < 0.03, "what is beyond a bound counts as the bound; else 0.06 at least"
    assert metrics[-1]["inferred_error"].min() < 0.01, "a half of the torque"
    assert metrics[-1]["error"].max() < 0.05


def test_the_models_loss_by_hand() -> None:
    model = InverseModel(2, Factors((), 1), 4)
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
    rows = {name: torch.randn(3, 2) for name in ("before", "after")}
    loss, metrics = Telling(Factors((), 1))(model, {**rows, "actions": torch.tensor([[1.0], [2.0], [-1.0]])})
    assert float(metrics["error"]) == 2.0
    assert float(loss.detach()) == pytest.approx(0.5 * 2.0 + 0.5 * np.log(2 * np.pi)), (
        "a Gaussian of unit variance about 0"
    )


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"controller": None}, "exactly one demonstrator"),
        ({"of": {"arm": "expert", "stage": "play"}}, "exactly one demonstrator"),
        ({"episodes": 3}, "those of a file"),
        ({"updates": None, "env_steps": 9000}, "give the budget in updates or flops"),
        ({"updates": None, "env_steps": 4000, "rollout": 8}, "play and watching take 4,000 env_steps"),
    ],
)
def test_what_can_not_be_is_refused(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        observe(**{**SEEN, **keys})


def test_a_brain_with_memory_is_refused() -> None:
    stage = observe(**SEEN)
    with pytest.raises(ValueError, match="memory: none"):
        stage.cost(cohort_of(stage, (0,), memory="gru").member(0).to("meta"))


def test_a_file_that_is_not_of_the_environment_is_refused(files: tuple[str, str], tmp_path: Path) -> None:
    stage = observe(**{**SEEN, "env": "Acrobot-v1", "controller": None, "demonstrations": files[0]})
    with pytest.raises(Exception, match=r"told\.npz: observations"):
        stage.needs()
