"""What ``--compile`` gains on one core, stage by stage: rates side by side, and the seconds that it takes first.

Each stage and number of learners is measured in turns, plain and compiled, on one thread; the ratio is of the two in
the same turn. Then a process of its own trains the first updates with nothing on disk (cold) and with what that one
has left there (warm), and one without compiling. The page docs/how-to/compile.md shows what is recorded.

    python benchmarks/compiled.py [--learners 1 8 32] [--turns 3] [--seconds 3] [--out docs/compiled.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from side_by_side import matmul_peak, pin

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.runs.surroundings import processor
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage

SMALL = {"kind": "mlp", "width": [64, 64], "activation": "tanh"}
CARTPOLE = {"env": "devlearn/CartPole-v1", "env_steps": 10**9}
STAGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "school, 784-256-128-10": ("supervise", {"batch": 128, "updates": 10**9}, {"kind": "mlp", "width": [256, 128]}),
    "school, 784-32-10": ("supervise", {"batch": 32, "updates": 10**9}, {"kind": "mlp", "width": [32]}),
    "play, PPO, 64-64": ("trial.ppo", {**CARTPOLE, "num_envs": 8, "rollout": 128}, SMALL),
    "play, PPO, 64-64, memory": ("trial.ppo", {**CARTPOLE, "num_envs": 8, "rollout": 32}, {**SMALL, "memory": "gru"}),
    "play, DQN, 64-64": ("trial.dqn", {**CARTPOLE, "learning_starts": 100}, SMALL),
    "play, SAC, 64-64": ("trial.sac", {"env": "Pendulum-v1", "env_steps": 10**9, "learning_starts": 100}, SMALL),
}


def living(name: str, learners: int, compiled: bool) -> Callable[[], None]:
    """What makes one yield of as many learners; the first, which compile, are behind it."""
    kind, keys, brain = STAGES[name]
    stage: Stage = get("stages", kind)(**keys)
    seeds = tuple(range(learners))
    cohort = Cohort(brain_builder(brain, stage.needs()), seeds, compiled=compiled)
    context = Context(seeds, name, 0, torch.device("cpu"), 10_000)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    for _ in range(3):
        next(iter(segment))
    return lambda: next(iter(segment))  # type: ignore[return-value]


def rate(one: Callable[[], None], seconds: float) -> float:
    """Yields a second."""
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds or not done:
        one()
        done += 1
    return done / (time.perf_counter() - begun)


def start(name: str, cache: Path, compiled: bool) -> float:
    """Seconds that a process needs until the first yields of four learners are done."""
    begun = time.perf_counter()
    command = [sys.executable, __file__, "--start", name, *(["--compiled"] if compiled else [])]
    subprocess.run(command, check=True, env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache)})
    return time.perf_counter() - begun


def measured(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    ratios: dict[int, list[float]] = {}
    for learners in asked.learners:
        plain, compiled = living(name, learners, False), living(name, learners, True)
        turns = [rate(compiled, asked.seconds) / rate(plain, asked.seconds) for _ in range(asked.turns)]
        ratios[learners] = [statistics.median(turns), min(turns), max(turns)]
        print(f"{name}, {learners} learners: {ratios[learners][0]:.2f} x", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        plain_start, cold, warm = (start(name, Path(folder), compiled) for compiled in (False, True, True))
    print(f"{name}: {plain_start:.1f} s plain, {cold:.1f} s cold, {warm:.1f} s warm", flush=True)
    return {"stage": name, "ratios": ratios, "cold": cold - plain_start, "warm": warm - plain_start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--start", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--compiled", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.start:
        living(asked.start, 4, asked.compiled)
        return
    pin()
    rows = [measured(name, asked) for name in STAGES]
    if asked.out:
        about = {"processor": processor(), "torch": torch.__version__, "gflops": matmul_peak(), "turns": asked.turns}
        asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
