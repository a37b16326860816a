"""Where updates of convolutions are faster by vmap than in a loop over learners, on one core, and what our rule loses.

A cohort takes one of the two by the size of a minibatch (devlearn.learners.convolutions). The rule was
set by what is measured as ``set``: 28 x 28 images, 3 x 3 kernels. It is judged by what is measured as ``held``: other
kernels, colours, sizes and numbers of learners. Both ways take turns. docs/explanation/speed.md shows what is recorded.

    python benchmarks/convolutions.py [--turns 3] [--seconds 0.2] [--out docs/convolutions.json]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from side_by_side import matmul_peak, pin

from devlearn.learners.brains import Head, Needs, Sense, brain_builder
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.convolutions import FEW, SMALL, growth
from devlearn.learners.objectives import CrossEntropy
from devlearn.learners.optimiser import Optimiser
from devlearn.runs.surroundings import processor


@dataclass(frozen=True)
class Setting:
    """So many learners, each shown so many images of a shape."""

    which: str
    learners: int
    rows: int
    channels: tuple[int, ...]
    shape: tuple[int, ...] = (28, 28)
    kernel: int = 3


def settings() -> Iterator[Setting]:
    for learners in (1, 4, 16, 32):
        for channels in ((4, 8), (8, 16), (16, 32), (32, 64)):
            for rows in (1, 8, 32, 128):
                if learners * rows * channels[0] <= 2**15:
                    yield Setting("set", learners, rows, channels)
    for learners in (2, 5, 8, 20, 40):
        for rows in (1, 3, 6, 12, 24, 48):
            for channels, shape, kernel in (
                ((10,), (20, 20), 3),
                ((6, 12), (28, 28), 5),
                ((8, 8, 8), (32, 32, 3), 3),
                ((16, 32), (40, 40), 3),
                ((4,), (64, 64, 3), 5),
            ):
                if learners * rows * channels[0] * shape[0] ** 2 <= 2**24:
                    yield Setting("held", learners, rows, channels, shape, kernel)


class Work:
    """An update of a setting by one mapper."""

    def __init__(self, setting: Setting, mapper: Mapper) -> None:
        space = spaces.Box(0, 255, setting.shape, np.uint8)
        brain = {"kind": "conv", "channels": [*setting.channels], "width": [32], "kernel": setting.kernel}
        needs = Needs({"seen": Sense(space)}, {"named": Head(10)})
        self.cohort = Cohort(brain_builder(brain, needs), range(setting.learners), mapper=mapper)
        self.optimiser = Optimiser(self.cohort, {}, "adam", 1e-3)
        lead, rng = (setting.learners, setting.rows), torch.Generator().manual_seed(0)
        images = torch.randint(256, (*lead, *setting.shape), dtype=torch.uint8, generator=rng)
        self.batch = {"images": images, "labels": torch.randint(10, lead, generator=rng)}
        self.growth = growth(self.cohort.model)

    def update(self) -> None:
        self.cohort.update(CrossEntropy("seen", "named"), self.batch, self.optimiser)


def took(one: Callable[[], None], seconds: float) -> float:
    """Seconds of one call."""
    one()
    begun = time.perf_counter()
    one()
    count = max(1, int(seconds / (time.perf_counter() - begun)))
    begun = time.perf_counter()
    for _ in range(count):
        one()
    return (time.perf_counter() - begun) / count


def measured(setting: Setting, turns: int, seconds: float) -> dict[str, Any]:
    """How many times as long the loop takes as vmap, and which of the two the rule takes."""
    loop, vmap = Work(setting, "loop"), Work(setting, "vmap")
    made = loop.batch["images"].numel() / setting.learners * loop.growth
    ratios = [took(loop.update, seconds) / took(vmap.update, seconds) for _ in range(turns)]
    ratio, chosen = statistics.median(ratios), setting.learners >= FEW and made <= SMALL
    print(setting, f"{made:.0f} numbers, {'vmap' if chosen else 'loop'}, {ratio:.2f}", flush=True)
    return {**asdict(setting), "made": made, "vmap": chosen, "update": [ratio, min(ratios), max(ratios)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    pin()
    rows = [measured(setting, asked.turns, asked.seconds) for setting in settings()]
    if asked.out:
        about = {"processor": processor(), "torch": torch.__version__, "gflops": matmul_peak(), "turns": asked.turns}
        asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
