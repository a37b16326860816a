"""Supervised MNIST, MLP 784-256-128-10, batch 128, Adam 1e-3, one epoch of 60,000 images.

A cohort of 32 seeds as one program, against one seed at a time with tensors in memory, against the script that
everybody writes (torchvision's MNIST, ToTensor, a shuffling DataLoader). One core, one thread, alternating runs.

    python benchmarks/mlp_cohort.py [--repetitions 5] [--seeds 32]
"""

import argparse
import gzip
import statistics
import tempfile
from pathlib import Path

import torch
from side_by_side import alternate, matmul_peak, pin, report, timed
from torch import nn

from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.tasks.data import IMAGE, IMAGE_SENSE, load, mnist

CPU = torch.device("cpu")
BATCH, UPDATES = 128, 60_000 // 128
BRAIN = {"kind": "mlp", "width": [256, 128]}


def cohort_run(seeds: list[int]) -> tuple[float, list[float]]:
    """The stage ``supervise`` as the engine runs it; test accuracy of each learner."""
    stage = get("stages", "supervise")(data="mnist.train+valid", batch=BATCH, updates=UPDATES)
    cohort = Cohort(brain_builder(BRAIN, Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10)})), seeds)
    context = Context(tuple(seeds), "school", 0, CPU, UPDATES)
    state = stage.begin(cohort, context)

    def work() -> float:
        segment = stage.segment(cohort, state, context)
        for _ in range(UPDATES):
            next(segment)
        segment.close()
        return len(seeds) * UPDATES * BATCH

    rate = timed(work)
    return rate, [accuracy(cohort.member(i)) for i in range(len(seeds))]


def accuracy(model: nn.Module) -> float:
    test = load("mnist.test", CPU)
    with torch.no_grad():
        return float((model(test.images, IMAGE_SENSE, "digits").argmax(-1) == test.labels).float().mean())


def one_at_a_time(seed: int) -> tuple[float, list[float]]:
    """A plain PyTorch loop for one seed, images as bytes in memory, permuted indices."""
    data = load("mnist.train+valid", CPU)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def work() -> float:
        order = torch.randperm(len(data))
        for k in range(UPDATES):
            rows = order[k * BATCH : (k + 1) * BATCH]
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(data.images[rows].flatten(1) / 255), data.labels[rows])
            loss.backward()
            optimiser.step()
        return UPDATES * BATCH

    rate = timed(work)
    test = load("mnist.test", CPU)
    with torch.no_grad():
        return rate, [float((model(test.images.flatten(1) / 255).argmax(-1) == test.labels).float().mean())]


def dataloader_script(seed: int, root: Path) -> tuple[float, list[float]]:
    """torchvision's MNIST and a DataLoader, as in PyTorch's own examples."""
    from torchvision import datasets, transforms

    torch.manual_seed(seed)
    train = datasets.MNIST(root, train=True, transform=transforms.ToTensor())
    loader = torch.utils.data.DataLoader(train, batch_size=BATCH, shuffle=True, drop_last=True)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def work() -> float:
        for images, labels in loader:
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimiser.step()
        return UPDATES * BATCH

    rate = timed(work)
    test = load("mnist.test", CPU)
    with torch.no_grad():
        return rate, [float((model(test.images / 255).argmax(-1) == test.labels).float().mean())]


def flops_an_image() -> float:
    """As the ledger counts them, forward and backward."""
    stage = get("stages", "supervise")(data="mnist.train+valid", batch=BATCH, updates=UPDATES)
    with torch.device("meta"):
        brain = brain_builder(BRAIN, Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10)}))()
    return stage.cost(brain).flops / BATCH


def unpack(root: Path) -> Path:
    """The embedded files where torchvision looks for them."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.FILES:
        (raw / name).write_bytes(gzip.decompress((mnist.FOLDER / f"{name}.gz").read_bytes()))
    return root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=32)
    options = parser.parse_args()
    pin()
    load("mnist.train+valid", CPU), load("mnist.test", CPU)
    ours = f"cohort of {options.seeds} seeds"
    with tempfile.TemporaryDirectory() as folder:
        root = unpack(Path(folder))
        runs = {
            ours: lambda r: cohort_run([r * options.seeds + i for i in range(options.seeds)]),
            "one seed at a time, in memory": one_at_a_time,
            "DataLoader script": lambda r: dataloader_script(r, root),
        }
        results = alternate(runs, options.repetitions)
    report(results, ours, "images", "test accuracy", margin=0.005)
    reached, peak = statistics.median(results[ours].rates) * flops_an_image() / 1e9, matmul_peak()
    print(
        f"{ours}: {reached:.0f} GFLOP/s; this core's 1024 x 1024 matrix product: {peak:.0f}; {reached / peak:.0%} of it"
    )


if __name__ == "__main__":
    main()
