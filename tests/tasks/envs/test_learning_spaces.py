"""Tasks that can be learned only where every entry is seen, masks are heeded and bounds are reached."""

from typing import Any

import numpy as np
import pytest
import torch

from devlearn.evidence.statistics import sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context

SEEDS = tuple(range(8))
PLAY = {"env_steps": 100_000, "num_envs": 16, "rollout": 8, "epochs": 4, "minibatches": 2, "schedule": "constant"}
PLAY |= {"lr": 0.005, "gamma": 0.0, "normalise_advantages": True}


def played(name: str, yields: int, **more: Any) -> np.ndarray:
    """The mean return of each learner's last 100 episodes of one step, (N,), after so many rollouts."""
    stage: Any = get("stages", "trial.ppo")(env=f"space_envs:space/{name}-v0", **{**PLAY, **more})
    brain = {"kind": "mlp", "width": [16, 16], "activation": "tanh", "init": "orthogonal", "critic": "own"}
    cohort = Cohort(brain_builder(brain, stage.needs()), SEEDS)
    context = Context(SEEDS, "play", 0, torch.device("cpu"), yields)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    for _ in range(yields):
        returns = next(segment)["return"]
    segment.close()
    return returns.numpy()


@pytest.mark.parametrize(
    ("name", "yields", "more", "against", "least"),
    [
        ("Which", 40, {}, {"random": True}, 0.4),  # a picture and a word, of which one alone says nothing
        ("Last", 40, {}, {"env_kwargs": {"says": False}}, 0.4),  # two of sixteen actions are allowed
        ("Far", 40, {"entropy": 0.0}, {"entropy": 0.0, "action_scaling": "none"}, 0.2),  # a target in [0, 512]
    ],
)
def test_it_is_learned_and_not_without(
    name: str, yields: int, more: dict[str, Any], against: dict[str, Any], least: float
) -> None:
    difference = played(name, yields, **more) - played(name, yields, **against)
    assert sign_flip(difference) < 0.01
    assert difference.mean() > least
