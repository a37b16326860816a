"""DAgger: what is learned are the demonstrator's answers where the learner goes."""

from typing import Any

import numpy as np
import torch

from devlearn.registry import get
from devlearn.stages.stage import Stage
from tests.laws.rows import live
from tests.stages.imitate.controllers import POLE, cohort_of, leaning

KEYS = {"env": "CartPole-v1", "controller": POLE, "env_steps": 10_000, "num_envs": 2, "rollout": 8}


def dagger(**keys: Any) -> Stage:
    stage: Stage = get("stages", "imitate.dagger")(**{**KEYS, **keys})
    return stage


def test_the_answers_are_the_demonstrators_where_the_learner_went() -> None:
    """With beta 0 the learner goes on alone: its likeliest action, and not the answer, is what was done."""
    stage = dagger(beta=0, minibatches=1, lr=1e-9)  # so slow that it stays as it was born
    cohort = cohort_of(stage, (0, 1, 2))
    state, metrics = live(stage, cohort, 4)
    seen, told = state["shown"]["observations"], state["shown"]["actions"]
    for observation, action in zip(seen.flatten(0, 1), told.flatten(), strict=True):
        assert int(action) == leaning(observation.numpy(), np.random.default_rng(0))
    assert metrics[-1]["demonstrations"].tolist() == [64] * 3
    assert metrics[-1]["demonstrator_steps"].tolist() == [16] * 3, "the first rollout"
    assert metrics[-1]["imitator_steps"].tolist() == [48] * 3
    own = cohort(seen, "CartPole_v1", "actor_CartPole_v1").argmax(-1)
    speed = seen.unflatten(1, (4, 8, 2))[..., 1]  # (N, rollout, T, E): an action pushes the cart right or left
    pushed = speed[:, 1:, 1:] > speed[:, 1:, :-1]
    acted = own.unflatten(1, (4, 8, 2))[:, 1:, :-1].bool()
    change = (speed[:, 1:, 1:] - speed[:, 1:, :-1]).abs()
    went_on = (change > 0.15) & (change < 0.25)  # a push of 10 N; else a new episode began in between
    assert went_on.float().mean() > 0.8 and (pushed == acted)[went_on].all()
    assert (own != told).any(), "else it would tell nothing"


def test_beta_is_the_share_of_steps_that_are_the_demonstrators() -> None:
    stage = dagger(beta=0.5, num_envs=64, rollout=16, minibatches=1)
    _, metrics = live(stage, cohort_of(stage, (0, 1)), 3)
    led = torch.stack([found["demonstrator_steps"] for found in metrics]).diff(dim=0, prepend=torch.zeros(1, 2)) / 1024
    assert led[0].tolist() == [1, 1]
    assert torch.allclose(led[1:].mean(1), torch.tensor([0.5, 0.25], dtype=led.dtype), atol=0.05)
