"""Play: PPO, DQN and SAC, in our batch-native environment and in others' through the vector wrapper."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ppo_cohort
import ppo_environments
import torch
from side_by_side import timed

from cases import Case, Run, jax_ppo, peers, script_ppo
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context

SB3 = "stable-baselines3"
OURS, THEIRS = "devlearn/CartPole-v1", "CartPole-v1"
VERDICT = 100_000  # env_steps of each seed


def ppo(env: str, small: bool) -> Case:
    seeds, steps = (4, 2048) if small else (32, 102_400)
    others, missing = peers(
        {
            SB3: ("stable_baselines3", lambda r: ppo_cohort.sb3_runs([r], min(steps, 20_480))),
            "one file, CleanRL's shape": ("torch", lambda r: script_ppo.run(r, min(steps, 20_480))),
            **({"JAX, PureJaxRL's shape": ("gymnax", lambda r: jax_ppo.run(r, seeds, steps))} if env == OURS else {}),
        }
    )
    ways = {f"devlearn, {seeds} seeds": False, **({f"devlearn --compile, {seeds} seeds": True} if env == OURS else {})}
    ours: dict[str, Run] = {
        name: lambda r, way=way: ppo_cohort.cohort_run(env, [r * seeds + i for i in range(seeds)], steps, way)  # type: ignore[misc]
        for name, way in ways.items()
    }
    return Case("env_steps", {**ours, **others}, seeds * VERDICT, missing=missing)


def bodies(small: bool) -> Case:
    """A simulated body: what one worker of ``run --jobs 2`` has of 16 seeds, and all of them."""
    env, seeds = "HalfCheetah-v5", (2,) if small else (8, 16)
    work = replace(ppo_environments.WORKS[env], rollouts=1 if small else 3)
    ours: dict[str, Run] = {
        f"devlearn, {count} seeds": lambda r, count=count: ppo_environments.ours(  # type: ignore[misc]
            env, work, [r * count + i for i in range(count)], 1
        )
        for count in reversed(seeds)
    }
    others, missing = peers({SB3: ("stable_baselines3", lambda r: ppo_environments.theirs(env, work, r, 1))})
    return Case("env_steps", {**ours, **others}, max(seeds) * VERDICT, missing=missing)


def off_policy(kind: str, env: str, small: bool) -> Case:
    """DQN with CleanRL's keys, SAC with those of stable-baselines3; the replay's warming up is no part of the rate."""
    seeds = 2 if small else 10
    starts, steps = (200, 40) if small else (1000, {"dqn": 10_000, "sac": 300}[kind])
    width, keys = KEYS[kind]
    keys = {**keys, "learning_starts": starts, "env": env, "env_steps": VERDICT}

    def ours(r: int) -> tuple[float, list[float]]:
        numbers = tuple(r * seeds + i for i in range(seeds))
        stage = get("stages", f"trial.{kind}")(**keys)
        cohort = Cohort(brain_builder({"kind": "mlp", "width": width}, stage.needs()), numbers)
        context = Context(numbers, "play", 0, torch.device("cpu"), VERDICT)
        segment = stage.segment(cohort, stage.begin(cohort, context), context)
        each = stage.cost(cohort.member(0)).env_steps
        last = next(segment)  # the first yield fills the replay

        def work() -> float:
            for _ in range(steps // each):
                last.update(next(segment))
            return seeds * (steps // each) * each

        rate = timed(work)
        segment.close()
        return rate, last["return"].tolist()

    theirs, missing = peers({SB3: ("stable_baselines3", lambda r: sb3(kind, width, keys, r, starts, steps))})
    return Case("env_steps", {f"devlearn, {seeds} seeds": ours, **theirs}, seeds * VERDICT, missing=missing)


KEYS: Mapping[str, tuple[list[int], dict[str, Any]]] = {
    "dqn": ([120, 84], {"batch": 128, "rollout": 10, "capacity": 10_000}),
    "sac": ([256, 256], {"batch": 256, "capacity": 20_000}),
}


def sb3(
    kind: str, width: list[int], keys: Mapping[str, Any], seed: int, starts: int, steps: int
) -> tuple[float, list[float]]:
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env

    world = make_vec_env(THEIRS if kind == "dqn" else keys["env"], n_envs=1, seed=seed)
    more = {"train_freq": keys["rollout"], "target_update_interval": 500} if kind == "dqn" else {}
    model = getattr(stable_baselines3, kind.upper())(
        "MlpPolicy", world, learning_starts=starts, buffer_size=keys["capacity"], batch_size=keys["batch"],
        policy_kwargs={"net_arch": width}, device="cpu", seed=seed, **more,
    )  # fmt: skip
    model.learn(starts)

    def work() -> float:
        model.learn(steps, reset_num_timesteps=False)
        return steps

    rate = timed(work)
    ended = [episode["r"] for episode in model.ep_info_buffer or ()]
    return rate, [float(sum(ended) / len(ended))] if ended else []


CASES = {
    "play, PPO, CartPole, native": lambda small: ppo(OURS, small),
    "play, PPO, CartPole of Gymnasium's": lambda small: ppo(THEIRS, small),
    "play, PPO, HalfCheetah of Gymnasium's": bodies,
    "play, DQN, CartPole, native": lambda small: off_policy("dqn", OURS, small),
    "play, DQN, CartPole of Gymnasium's": lambda small: off_policy("dqn", THEIRS, small),
    "play, SAC, Pendulum of Gymnasium's": lambda small: off_policy("sac", "Pendulum-v1", small),
}
