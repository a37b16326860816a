"""PPO on CartPole: a cohort of 32 seeds against stable-baselines3, one seed at a time.

Both: 64 x 64 tanh for the policy and for the value, orthogonal initialisation, 8 environments x 128 steps, 4 epochs x
4 minibatches, Adam 2.5e-4 (eps 1e-5) constant, gamma .99, lambda .95, clip .2, no value clipping, entropy .01, value
.5, gradient norm .5. Ours plays devlearn/CartPole-v1, which equals CartPole-v1 bit for bit (a test shows it), and with
--foreign Gymnasium's own through the vector wrapper. One core, one thread, alternating runs. Needs the group ``bench``.

    python benchmarks/ppo_cohort.py [--repetitions 5] [--seeds 32] [--env-steps 102400] [--foreign]
"""

import argparse

import torch
from side_by_side import alternate, pin, report, timed

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context

PEERS = 3  # seeds of stable-baselines3 in each repetition: enough to compare the scores
BRAIN = {"kind": "mlp", "width": [64, 64], "activation": "tanh", "init": "orthogonal", "critic": "own"}


def cohort_run(env: str, seeds: list[int], env_steps: int, compiled: bool = False) -> tuple[float, list[float]]:
    """The stage ``trial.ppo`` as the engine runs it; each learner's mean over its last 100 training episodes.

    ``compiled`` as by ``--compile``: the first rollout's updates, which compile, are not in the rate, as no peer's
    compiling is.
    """
    keys = {"schedule": "constant", "clip_values": False, "entropy": 0.01}
    stage = get("stages", "trial.ppo")(env=env, env_steps=env_steps, **keys)
    cohort = Cohort(brain_builder(BRAIN, stage.needs()), seeds, compiled=compiled)
    rollouts = env_steps // (8 * 128)
    context = Context(tuple(seeds), "play", 0, torch.device("cpu"), rollouts + compiled)
    state, last = stage.begin(cohort, context), {}
    segment = stage.segment(cohort, state, context)
    if compiled:
        next(segment)

    def work() -> float:
        for _ in range(rollouts):
            last.update(next(segment))
        segment.close()
        return len(seeds) * rollouts * 8 * 128

    return timed(work), last["return"].tolist()


def sb3_runs(seeds: list[int], env_steps: int) -> tuple[float, list[float]]:
    """One seed after another; their common rate and each one's score."""
    runs = [sb3_run(seed, env_steps) for seed in seeds]
    return len(runs) / sum(1 / rate for rate, _ in runs), [score for _, scores in runs for score in scores]


def sb3_run(seed: int, env_steps: int) -> tuple[float, list[float]]:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    env = make_vec_env("CartPole-v1", n_envs=8, seed=seed)
    optimiser = {"optimizer_kwargs": {"eps": 1e-5}, "net_arch": {"pi": [64, 64], "vf": [64, 64]}}
    model = PPO(
        "MlpPolicy", env, n_steps=128, batch_size=256, n_epochs=4, learning_rate=2.5e-4, gamma=0.99, gae_lambda=0.95,
        clip_range=0.2, ent_coef=0.01, vf_coef=0.5, max_grad_norm=0.5, policy_kwargs=optimiser, device="cpu", seed=seed,
    )  # fmt: skip

    def work() -> float:
        model.learn(env_steps)
        return model.num_timesteps

    rate = timed(work)
    return rate, [float(sum(episode["r"] for episode in model.ep_info_buffer) / len(model.ep_info_buffer))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--env-steps", type=int, default=102_400)
    parser.add_argument("--foreign", action="store_true", help="Gymnasium's CartPole-v1 through the vector wrapper")
    options = parser.parse_args()
    pin()
    env = "CartPole-v1" if options.foreign else "devlearn/CartPole-v1"
    ours = f"cohort of {options.seeds} seeds"
    runs = {
        ours: lambda r: cohort_run(env, [r * options.seeds + i for i in range(options.seeds)], options.env_steps),
        "stable-baselines3": lambda r: sb3_runs([PEERS * r + i for i in range(PEERS)], options.env_steps),
    }
    report(alternate(runs, options.repetitions), ours, "env-steps", "training return", margin=50.0)


if __name__ == "__main__":
    main()
