"""The update of PPO compiled (``--compile``): what it gains, and from how many updates on its compiling is paid for."""

from collections.abc import Callable
from typing import Any

import torch
from side_by_side import timed

from cases import Case, Run
from cases.growth import CPU, TANH
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.learners.optimiser import Optimiser
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.tasks.envs.acting import Acting
from devlearn.tasks.envs.policy import Policy, policy_of
from devlearn.tasks.envs.rollout import collect
from devlearn.tasks.envs.vector_env import VectorEnv

VERDICT = 100_000 // 1024 * 16  # updates of 100,000 env_steps: 16 of each rollout of 8 x 128


def batch_of(stage: Any, policy: Policy, cohort: Cohort) -> dict[str, torch.Tensor]:
    """A minibatch (N, 256, ...) of what the cohort sees and does at birth."""
    world = VectorEnv(stage.env_spec, cohort.seeds, stage.num_envs, ("bench",))
    streams = Context(cohort.seeds, "play", 0, cohort.device, 1).streams("rollout", counter=0)
    rollout = collect(Acting.of(cohort, policy, stage.num_envs), world, streams, stage.rollout, 0.99, 0.95)
    world.close()
    return {name: entry[:, :256].contiguous() for name, entry in rollout.items()}


def updating(seeds: int, compiled: bool) -> Callable[[], Any]:
    """What makes one update of PPO of as many learners. Compiled it is ready: what is compiled first is behind it."""
    stage = get("stages", "trial.ppo")(env="devlearn/CartPole-v1", env_steps=10**6)
    cohort = Cohort(brain_builder(TANH, stage.needs()), tuple(range(seeds)), CPU, compiled=compiled)
    _, policy = policy_of(stage.env_spec, stage.normalise_observations)
    batch, objective = batch_of(stage, policy, cohort), stage.objective(policy)
    optimiser = Optimiser(cohort, {}, "adam", 1e-4, eps=1e-5)

    def one() -> Any:
        return cohort.update(objective, batch, optimiser, 0.5)

    for _ in range(3):  # compiles, forward and backward
        one()
    return one


def update(seeds: int, updates: int, compiled: bool) -> tuple[float, list[float]]:
    one = updating(seeds, compiled)

    def work() -> float:
        for _ in range(updates):
            one()
        return updates

    return timed(work), []


def case(small: bool) -> Case:
    seeds, updates = (2, 3) if small else (32, 200)
    runs: dict[str, Run] = {
        "devlearn, 32 seeds": lambda r: update(seeds, updates, False),
        "the same, compiled": lambda r: update(seeds, updates, True),
    }
    return Case("updates", runs, VERDICT)


CASES = {"update of PPO, compiled": case}
