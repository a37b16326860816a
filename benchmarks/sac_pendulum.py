"""The peer of ``scenarios/pendulum.yaml``: stable-baselines3's SAC on Pendulum-v1, its zoo's keys, seed after seed.

Both: 256 x 256 ReLU units, 20,000 env_steps of one environment, replay of as many, batch 256, learning rate 1e-3, tau
.005, gamma .99, an update a step from step 100 on, the entropy's weight learned. Afterwards each seed's policy plays 16
episodes by its mean. With --ours FILE (docs/results/pendulum.json) the two are laid side by side. Needs the group
``bench``.

    python benchmarks/sac_pendulum.py [--seeds 10] [--env-steps 20000] [--processes 2] [--ours FILE]
"""

import argparse
import importlib.util
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from side_by_side import equivalence

EPISODES, MARGIN = 16, 25.0


def trained(job: tuple[int, int]) -> tuple[float, float]:
    """Mean return of ``EPISODES`` episodes of one (seed, env_steps), and the seconds of training."""
    from stable_baselines3 import SAC
    from stable_baselines3.common.evaluation import evaluate_policy

    seed, env_steps = job
    torch.set_num_threads(1)
    model = SAC("MlpPolicy", "Pendulum-v1", learning_rate=1e-3, buffer_size=env_steps, device="cpu", seed=seed)
    start = time.perf_counter()
    model.learn(env_steps)
    seconds = time.perf_counter() - start
    world = model.get_env()
    assert world is not None
    world.seed(10_000 + seed)
    returns, _ = evaluate_policy(model, world, EPISODES, deterministic=True)
    return float(returns), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--env-steps", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--ours", type=Path)
    options = parser.parse_args()
    if importlib.util.find_spec("stable_baselines3") is None:
        parser.error("needs stable-baselines3: pip install --group bench")
    jobs = [(seed, options.env_steps) for seed in range(options.seeds)]
    theirs, seconds = [], []
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for seed, (returns, spent) in enumerate(pool.imap(trained, jobs)):
            theirs.append(returns)
            seconds.append(spent)
            print(f"seed {seed}: return {returns:.1f}, {options.env_steps / spent:.0f} env-steps/s", flush=True)
    half = stats.t.ppf(0.975, len(theirs) - 1) * stats.sem(theirs)
    told = f"{np.mean(theirs):.1f} +- {half:.1f} (95 %), sd {np.std(theirs, ddof=1):.1f}"
    print(f"stable-baselines3: {told}, {len(theirs)} seeds, median {np.median(seconds):.0f} s a seed")
    if options.ours is not None:
        (point,) = [each for each in json.loads(options.ours.read_text("utf-8"))["points"] if not each["exploratory"]]
        ours = [*point["arms"]["random-init"]["values"].values()]
        print(f"ours: {np.mean(ours):.1f}, sd {np.std(ours, ddof=1):.1f}, {len(ours)} seeds")
        print(f"ours minus theirs: {equivalence(ours, theirs, MARGIN)}")


if __name__ == "__main__":
    main()
