"""What more costs: seeds, width, copies; memory a learner; environments stepped; the engine around a stage."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import gymnasium
import numpy as np
import torch
from side_by_side import timed

from cases import Case
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.registry import get
from devlearn.runs import engine
from devlearn.runs.plan import job_specs, plan
from devlearn.scenario import parse
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage
from devlearn.tasks.envs import VectorEnv

CPU = torch.device("cpu")
TANH = {"kind": "mlp", "width": [64, 64], "activation": "tanh", "init": "orthogonal", "critic": "own"}
JOB = """
devlearn: 1
scenario: engine
seeds: 16
brain: {{kind: mlp, width: [256, 128]}}
stages: {{school: {{kind: supervise, data: mnist.train, updates: {updates}}}}}
arms: {{plain: [school]}}
"""


def trained(stage: Stage, brain: dict[str, object], seeds: int, yields: int, each: int) -> tuple[float, list[float]]:
    """Yields of a stage, ``each`` so many units of every learner, after one that warms up."""
    numbers = tuple(range(seeds))
    cohort = Cohort(brain_builder(brain, stage.needs()), numbers)
    context = Context(numbers, "stage", 0, CPU, yields + 1)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    next(segment)

    def work() -> float:
        for _ in range(yields):
            next(segment)
        return seeds * yields * each

    rate = timed(work)
    segment.close()
    return rate, []


def school(width: Sequence[int], seeds: int, yields: int) -> tuple[float, list[float]]:
    stage = get("stages", "supervise")(data="mnist.train", batch=128, updates=10**6)
    return trained(stage, {"kind": "mlp", "width": [*width]}, seeds, yields, 1)


def by_seeds(small: bool) -> Case:
    counts, yields = ((1, 4), 4) if small else ((1, 2, 4, 8, 16, 32, 64, 128), 40)
    return Case("learner-updates", {f"{n} seeds": lambda r, n=n: school((256, 128), n, yields) for n in counts})


def by_width(small: bool) -> Case:
    widths, yields = ((16, 32), 4) if small else ((32, 128, 512, 1024), 10)
    return Case("learner-updates", {f"width {w}": lambda r, w=w: school((w, w), 8, yields) for w in widths})


def by_copies(small: bool) -> Case:
    counts, yields = ((1, 4), 1) if small else ((1, 4, 16, 64), 3)

    def play(copies: int) -> tuple[float, list[float]]:
        keys = {"num_envs": copies, "rollout": 128, "minibatches": 4}
        stage = get("stages", "trial.ppo")(env="devlearn/CartPole-v1", env_steps=10**9, **keys)
        return trained(stage, TANH, 16, yields, copies * 128)

    return Case("env_steps", {f"{c} copies": lambda r, c=c: play(c) for c in counts})


def stepped(world: gymnasium.vector.VectorEnv | VectorEnv, actions: np.ndarray, units: int) -> float:
    """Units a second of stepping a world through ``actions`` (T, ...), which is closed then."""

    def work() -> float:
        for row in actions:
            world.step(row)
        return units

    rate = timed(work)
    world.close()
    return rate


def stepping(env: str, copies: int) -> Callable[[bool], Case]:
    """Random actions in as many copies; ours are those of 16 learners."""

    def case(small: bool) -> Case:
        steps, learners = (20 if small else 500), 16
        each = copies // learners

        def ours(name: str) -> tuple[float, list[float]]:
            world = VectorEnv(name, tuple(range(learners)), each, ("bench",))
            actions = np.random.default_rng(0).integers(0, 2, (steps, learners, each))
            return stepped(world, actions, steps * copies), []

        def theirs(cls: Callable[..., gymnasium.vector.VectorEnv]) -> tuple[float, list[float]]:
            world = cls([lambda: gymnasium.make(env)] * copies)
            world.reset(seed=0)
            actions = np.random.default_rng(0).integers(0, 2, (steps, copies))
            return stepped(world, actions, steps * copies), []

        return Case(
            "env_steps",
            {
                "devlearn, batch-native": lambda r: ours(f"devlearn/{env}"),
                "devlearn, the environment of Gymnasium's": lambda r: ours(env),
                "SyncVectorEnv": lambda r: theirs(gymnasium.vector.SyncVectorEnv),
                "AsyncVectorEnv": lambda r: theirs(gymnasium.vector.AsyncVectorEnv),
            },
        )

    return case


def engine_overhead(small: bool) -> Case:
    """A job with its records and checkpoints, and the stage alone; no probes in either."""
    updates = 20 if small else 400
    (spec,) = job_specs(plan(parse(JOB.format(updates=updates), "engine.yaml"))).values()

    def job(r: int) -> tuple[float, list[float]]:
        with tempfile.TemporaryDirectory() as folder:
            own = RunFolder(Path(folder)).job("jobs/school/seeds-0-15")
            own.root.mkdir(parents=True)
            write_json(own.spec, spec)
            return timed(lambda: (engine.live(own.root), 16 * updates)[1]), []

    return Case(
        "learner-updates",
        {"the engine's job": job, "the stage alone": lambda r: school((256, 128), 16, updates)},
    )


MEMORY = """
import pathlib, sys
sys.path[:0] = {path!r}
from cases import growth
growth.school((256, 128), {seeds}, 3)
peak, = [line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) / 1024)
"""


def memory(small: bool) -> Case:
    """The peak of a process that trains so many seeds, divided by them; a script has a process a seed."""

    def process(seeds: int) -> tuple[float, list[float]]:
        program = MEMORY.format(path=sys.path, seeds=seeds)
        found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return float(found.stdout) / seeds, []

    counts = (1, 4) if small else (64, 16, 4, 1)
    return Case("MiB a learner", {f"{n} seeds a process": lambda r, n=n: process(n) for n in counts}, lower=True)


CASES = {
    "seeds, MLP": by_seeds,
    "width, MLP, 8 seeds": by_width,
    "copies, PPO, 16 seeds": by_copies,
    "environment steps, CartPole, 128 copies": stepping("CartPole-v1", 128),
    "engine around a stage, 16 seeds": engine_overhead,
    "memory, MLP": memory,
}
