"""PPO in environments of others: cohorts of 1, 4 and 16 seeds against stable-baselines3, one seed at a time.

Both: the same network, 8 environments, 4 epochs x 4 minibatches, Adam 2.5e-4 (eps 1e-5) constant, gamma .99, lambda
.95, clip .2, no value clipping, entropy .01, value .5, gradient norm .5, orthogonal initialisation. CartPole-v1 and
HalfCheetah-v5: 64 x 64 tanh for the policy and for the value, 128 steps between updates. CarRacing-v3 with its five
discrete actions: three 3 x 3 convolutions (8, 16, 16 channels, ReLU, 2 x 2 max pooling) and 64 units for both, 16
steps. The first rollout, in which environments are made, is not timed. Contenders alternate on the same core, with one
thread, and seconds are those of the process on it (CPU time); with --processes N on N cores, where ours steps
environments in N processes and stable-baselines3 in a SubprocVecEnv, they are the clock's. Beside the rates stands what
the core can do: a 1024 x 1024 float32 product. Needs the group ``bench`` and the extras ``mujoco`` and ``box2d``.

    python benchmarks/ppo_environments.py [--env HalfCheetah-v5] [--seeds 1 4 16] [--repetitions 3] [--processes 1]
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from side_by_side import Result, alternate, pin, timed
from torch import Tensor, nn

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.tasks.envs.stepping import Allowance, allowed

COPIES = 8
VECTOR = {"kind": "mlp", "width": [64, 64], "activation": "tanh", "init": "orthogonal", "critic": "own"}
PIXELS = {"kind": "conv", "channels": [8, 16, 16], "width": [64], "init": "orthogonal"}
PEER = "stable-baselines3"


@dataclass(frozen=True)
class Work:
    """An environment, what learns in it, the steps between updates, and how many rollouts are timed."""

    brain: Mapping[str, Any]
    rollout: int
    rollouts: int
    kwargs: Mapping[str, Any] = field(default_factory=dict)


WORKS = {
    "CartPole-v1": Work(VECTOR, 128, 6),
    "HalfCheetah-v5": Work(VECTOR, 128, 3),
    "CarRacing-v3": Work(PIXELS, 16, 1, {"continuous": False}),
}


class Picture(nn.Module):
    """The senses of our ``conv`` brain, for stable-baselines3: (B, C, H, W) in 0..1 -> (B, 64)."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__()
        inputs, *side = observation_space.shape
        layers: list[nn.Module] = []
        for outputs in PIXELS["channels"]:  # type: ignore[attr-defined]
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            inputs, side = outputs, [length // 2 for length in side]
        self.features_dim = 64
        self.all = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * side[0] * side[1], 64), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.all(x)
        return seen


def clock(processes: int) -> Callable[[], float]:
    """Of one process its own time, which nobody else on the machine lengthens."""
    return time.process_time if processes == 1 else time.perf_counter


def ours(env: str, work: Work, seeds: list[int], processes: int) -> tuple[float, list[float]]:
    """The stage ``trial.ppo`` as the engine runs it; each learner's mean over its last training episodes."""
    keys = {"schedule": "constant", "clip_values": False, "entropy": 0.01, "rollout": work.rollout}
    stage = get("stages", "trial.ppo")(env=env, env_kwargs=work.kwargs, env_steps=10**6, **keys)
    cohort = Cohort(brain_builder(work.brain, stage.needs()), seeds)
    context = Context(tuple(seeds), "play", 0, torch.device("cpu"), work.rollouts + 1)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    last = next(segment)

    def some() -> float:
        for _ in range(work.rollouts):
            last.update(next(segment))
        return len(seeds) * work.rollouts * COPIES * work.rollout

    rate = timed(some, clock(processes))
    segment.close()
    return rate, last["return"].tolist()


def theirs(env: str, work: Work, seed: int, processes: int) -> tuple[float, list[float]]:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import SubprocVecEnv

    several = {"vec_env_cls": SubprocVecEnv} if processes > 1 else {}
    worlds = make_vec_env(env, n_envs=COPIES, seed=seed, env_kwargs=dict(work.kwargs), **several)
    policy: dict[str, Any] = {"optimizer_kwargs": {"eps": 1e-5}, "net_arch": {"pi": [64, 64], "vf": [64, 64]}}
    if work.brain is PIXELS:
        policy |= {"net_arch": [], "features_extractor_class": Picture}
    size = COPIES * work.rollout
    model = PPO(
        "CnnPolicy" if work.brain is PIXELS else "MlpPolicy", worlds, n_steps=work.rollout, batch_size=size // 4,
        n_epochs=4, learning_rate=2.5e-4, gamma=0.99, gae_lambda=0.95, clip_range=0.2, ent_coef=0.01, vf_coef=0.5,
        max_grad_norm=0.5, policy_kwargs=policy, device="cpu", seed=seed,
    )  # fmt: skip
    model.learn(size)

    def some() -> float:
        model.learn(work.rollouts * size, reset_num_timesteps=False)
        return work.rollouts * size

    rate = timed(some, clock(processes))
    worlds.close()
    ended = [episode["r"] for episode in model.ep_info_buffer or ()]
    return rate, [float(sum(ended) / len(ended))] if ended else []


def product(repetition: int) -> tuple[float, list[float]]:
    """GFLOP/s of a 1024 x 1024 product."""
    a = torch.rand(1024, 1024)

    def some() -> float:
        for _ in range(20):
            a @ a
        return 20 * 2 * 1024**3 / 1e9

    return timed(some, time.process_time), []


def measure(env: str, numbers: list[int], repetitions: int, processes: int) -> dict[str, Result]:
    """Of one environment: a cohort for each number of seeds, the peer, and the core."""
    work = WORKS[env]

    def cohort(count: int, repetition: int) -> tuple[float, list[float]]:
        with allowed(Allowance(processes, forced=True)):
            return ours(env, work, [repetition * count + i for i in range(count)], processes)

    runs = {f"{count} seeds": lambda r, count=count: cohort(count, r) for count in numbers}
    peer = {PEER: lambda r: theirs(env, work, r, processes), "GFLOP/s": product}
    return alternate({**runs, **peer}, repetitions)


def table(env: str, results: Mapping[str, Result]) -> None:
    """A row for each number of seeds: rates (medians), and their ratio, repetition by repetition."""
    core, peer = (results[name].rates for name in ("GFLOP/s", PEER))
    print(f"\n{env}: {PEER} {statistics.median(peer):,.0f} env-steps/s; the core {statistics.median(core):.0f} GFLOP/s")
    for name, result in results.items():
        if name not in (PEER, "GFLOP/s"):
            ratios = [mine / other for mine, other in zip(result.rates, peer, strict=True)]
            spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
            print(f"  {name:10}{statistics.median(result.rates):12,.0f} env-steps/s  {spread} times {PEER}")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", nargs="+", choices=[*WORKS], default=[*WORKS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    if importlib.util.find_spec("stable_baselines3") is None:
        parser.error(f"needs {PEER}: pip install -e '.[mujoco,box2d]' --group bench")
    pin(options.processes)
    for env in options.env:
        table(env, measure(env, options.seeds, options.repetitions, options.processes))


if __name__ == "__main__":
    main()
