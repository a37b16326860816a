"""The probe causal: an ideal observer differs from itself in nothing, a newborn gives each answer the same chance."""

from typing import Any

import pytest
import torch
from devlearn_envs.story_observers import named_right

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.causal import Causal
from devlearn.registry import get
from tests.laws.rows import live, measure

KEYS: dict[str, Any] = {"env_kwargs": {"k": 2, "acts": "random"}, "trials": 4, "episodes": 2000}
ENV = "devlearn/ThreeStories-v0"


def found(cohort: Cohort, **keys: Any) -> dict[str, torch.Tensor]:
    return dict(measure(Causal(**{**KEYS, **keys}), cohort).values)


def born(controller: str | None, brain: dict[str, Any]) -> Cohort:
    stage = get("stages", "innate.reflex")(env=ENV, controller=controller or "devlearn_envs.story_observers:observe")
    cohort = Cohort(brain_builder(brain, stage.needs()), (3, 4), dtype=torch.float64)
    if controller is not None:
        live(stage, cohort, 1)
    return cohort


@pytest.mark.parametrize("brain", [{"kind": "mlp", "width": [8]}, {"kind": "mlp", "width": [8], "memory": "gru"}])
def test_an_ideal_observer_is_as_the_ideal_observer(brain: dict[str, Any]) -> None:
    values = found(born("devlearn_envs.story_observers:explore", brain))
    for name in ("difference", "divergence", "on_the_way"):
        assert values[name] == pytest.approx(torch.zeros(2), abs=1e-5)
    assert torch.equal(values["named"], values["ideal"])
    assert values["named"] == pytest.approx(torch.full((2,), named_right(2)), abs=0.02)
    for t in range(5):
        assert values[f"network_{t}"] == pytest.approx(values[f"ideal_{t}"], abs=1e-4)
    assert values["ideal_0"] == pytest.approx(torch.full((2,), 1 / 3))
    assert (values["ideal_1"] < values["ideal_2"]).all() and (values["ideal_2"] < values["ideal_4"]).all()


def test_who_knows_nothing_gives_each_answer_a_third() -> None:
    cohort = born(None, {"kind": "mlp", "width": [8]})
    for weights in cohort.parameters().values():
        weights.zero_()
    values = found(cohort)
    for t in range(5):
        assert values[f"network_{t}"] == pytest.approx(torch.full((2,), 1 / 3))
    assert (values["divergence"] > 0.5).all() and (values["difference"] > 0.4).all()


def test_blickets_have_an_ideal_observer_too() -> None:
    observer = "devlearn_envs.blicket_observers:disjunctive"
    probe = Causal(env="devlearn/Blickets-v0", observer=observer, trials=3, episodes=8)
    stage = get("stages", "innate.reflex")(env="devlearn/Blickets-v0", controller=observer)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, stage.needs()), (3,))
    live(stage, cohort, 1)
    values = measure(probe, cohort).values
    assert values["named"] == pytest.approx(torch.ones(1), abs=1e-5)  # three trials that one chooses tell all
    assert values["divergence"] == pytest.approx(torch.zeros(1), abs=1e-4)


def test_what_can_not_be_asked_is_told_so() -> None:
    with pytest.raises(ValueError, match="asks after 4 trials, and the probe causal has trials 7; give it as many"):
        found(born(None, {"kind": "mlp", "width": [8]}), trials=7)
    nobody: Any = None
    for trials, when in {7: "after 4 trials", 2: "after more than 2 trials"}.items():  # the plan says so too
        with pytest.raises(ValueError, match=f"asks {when}, and the probe has trials: {trials}"):
            Causal(env="devlearn/ThreeStories-v0", trials=trials, env_kwargs={"k": 2}).check_brain(nobody)
    with pytest.raises(ValueError, match="CartPole-v1 does not say which actions are answers"):
        Causal(env="CartPole-v1").needs()
    with pytest.raises(ValueError, match="no controller 'nobody'; write module:function"):
        Causal(observer="nobody")
