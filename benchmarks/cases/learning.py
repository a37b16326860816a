"""School: a cohort of seeds against one seed at a time."""

import tempfile
from pathlib import Path

import mlp_cohort
import torch
from side_by_side import timed
from torch import nn

from cases import Case, peers
from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.tasks.data import IMAGE, IMAGE_SENSE, load

CPU = torch.device("cpu")
BATCH, CHANNELS, WIDTH = 128, (16, 32), 128
KEPT: list[tempfile.TemporaryDirectory[str]] = []  # unpacked images, as long as this process


def mlp(small: bool) -> Case:
    seeds, updates = (4, 20) if small else (32, 60_000 // BATCH)
    mlp_cohort.UPDATES = updates
    load("mnist.train+valid", CPU), load("mnist.test", CPU)
    KEPT.append(tempfile.TemporaryDirectory())
    root = mlp_cohort.unpack(Path(KEPT[-1].name))
    script, missing = peers({"DataLoader script": ("torchvision", lambda r: mlp_cohort.dataloader_script(r, root))})
    runs = {
        f"devlearn, {seeds} seeds": lambda r: mlp_cohort.cohort_run([r * seeds + i for i in range(seeds)]),
        "one seed at a time, data in memory": mlp_cohort.one_at_a_time,
        **script,
    }
    return Case("images", runs, seeds * 60_000, missing=missing)


class Plain(nn.Sequential):
    """The same convolutions as our ``conv`` brain's, as a script has them."""

    def __init__(self) -> None:
        inputs, layers = 1, list[nn.Module]()
        for channels in CHANNELS:
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            inputs = channels
        super().__init__(*layers, nn.Flatten(), nn.Linear(inputs * 49, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))


def conv(small: bool) -> Case:
    seeds, updates = (2, 4) if small else (16, 60)
    load("mnist.train+valid", CPU)

    def cohort(r: int) -> tuple[float, list[float]]:
        numbers = [r * seeds + i for i in range(seeds)]
        stage = get("stages", "supervise")(data="mnist.train+valid", batch=BATCH, updates=updates)
        brain = {"kind": "conv", "channels": [*CHANNELS], "width": [WIDTH]}
        built = Cohort(brain_builder(brain, Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10)})), numbers)
        context = Context(tuple(numbers), "school", 0, CPU, updates)
        segment, last = stage.segment(built, stage.begin(built, context), context), {}

        def work() -> float:
            for _ in range(updates):
                last.update(next(segment))
            return seeds * updates * BATCH

        return timed(work), last["loss"].tolist()

    def one(r: int) -> tuple[float, list[float]]:
        torch.manual_seed(r)
        data, model = load("mnist.train+valid", CPU), Plain()
        optimiser, losses = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True), [0.0]

        def work() -> float:
            order = torch.randperm(len(data))
            for k in range(updates):
                rows = order[k * BATCH : (k + 1) * BATCH]
                optimiser.zero_grad()
                loss = nn.functional.cross_entropy(model(data.images[rows, None] / 255), data.labels[rows])
                loss.backward()
                optimiser.step()
            losses[0] = float(loss.detach())
            return updates * BATCH

        return timed(work), losses

    runs = {f"devlearn, {seeds} seeds": cohort, "one seed at a time, data in memory": one}
    return Case("images", runs, seeds * 60_000)


CASES = {"school, MLP 784-256-128-10": mlp, "school, two convolutions": conv}
