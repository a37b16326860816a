"""How long learners take on a device: 1, 32, 256 and 1,024 at once, absolute times and what one more costs.

School (MLP 784-256-128-10, batch 128, Adam) in updates a second; play (PPO, the native CartPole, 64 x 64, 8 x 128) in
env_steps a second; memory at its peak. Both as they are and with ``--compile``, by which a GPU replays an update as one
CUDA graph: whether small networks want that. The same on one thread of the CPU beside it, as far as ``--cpu-learners``.
The page docs/how-to/gpu.md shows what is recorded.

    make gpu
    python benchmarks/gpu.py [--device cuda] [--learners 1 32 256 1024] [--seconds 10] [--out docs/gpu.json]
"""

import argparse
import json
import platform
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage

STAGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "school": (
        "supervise",
        {"data": "mnist.train", "batch": 128, "updates": 100_000},
        {"kind": "mlp", "width": [256, 128]},
    ),
    "play": (
        "trial.ppo",
        {"env": "devlearn/CartPole-v1", "num_envs": 8, "rollout": 128, "env_steps": 10**9},
        {"kind": "mlp", "width": [64, 64], "activation": "tanh"},
    ),
}
UNITS = {"school": "updates", "play": "env_steps"}
WARM = 3  # yields that are not counted: they allocate, compile, choose algorithms


def measured(name: str, learners: int, device: torch.device, seconds: float, compiled: bool) -> dict[str, float]:
    """Units a second and learner, and bytes at the peak (0 on the CPU), of as many learners at once."""
    kind, keys, brain = STAGES[name]
    stage: Stage = get("stages", kind)(**keys)
    seeds = tuple(range(learners))
    cohort = Cohort(brain_builder(brain, stage.needs()), seeds, device, compiled=compiled)
    context = Context(seeds, name, 0, device, 10_000)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    each = getattr(stage.cost(cohort.member(0)), UNITS[name])
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(WARM):
        next(iter(segment))
    begun, yields = _now(device), 0
    while _now(device) - begun < seconds or not yields:
        next(iter(segment))
        yields += 1
    took = _now(device) - begun
    segment.close()  # type: ignore[attr-defined]
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return {"rate": yields * each / took, "all": yields * each * learners / took, "bytes": peak}


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def table(device: torch.device, learners: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    found = []
    for name, compiled, count in product(STAGES, (False, True), learners):
        called = f"{name}, compiled" if compiled else name
        rates = measured(name, count, device, seconds, compiled)
        row = {"stage": called, "unit": UNITS[name], "learners": count, **rates}
        print(f"{device.type} {called}, {count} learners: {row['all']:,.0f} {row['unit']}/s of all", flush=True)
        found.append(row)
    return found


def _device(text: str) -> torch.device:
    try:
        return torch.device(text)
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no device of torch's; as cuda, cuda:1 or cpu") from error


def _learners(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of learners; 1 or more")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=_device, default="cuda")
    parser.add_argument("--learners", type=_learners, nargs="+", default=[1, 32, 256, 1024])
    parser.add_argument("--cpu-learners", type=_learners, nargs="*", default=[1, 32])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    device: torch.device = asked.device
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device here; --device cpu tries the program itself")
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    rows = {
        device.type: table(device, asked.learners, asked.seconds),
        "one thread of the CPU": table(torch.device("cpu"), asked.cpu_learners, asked.seconds),
    }
    if asked.out:
        about = {"device": name, "torch": torch.__version__, "seconds": asked.seconds}
        asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
