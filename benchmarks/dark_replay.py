"""Why DER falls short of its published number here: a plain loop over permuted MNIST, without devlearn's cohorts.

Twenty tasks, each all 60,000 images once, 128 at a time, 784-100-100-10, SGD 0.2, 200 images with their logits (Buzzega
et al. 2020, eq. 4). What differs between their program and devlearn's is put in and out: the weights at birth, and
whether the memory is asked from the second minibatch on or from the second task on.

    python benchmarks/dark_replay.py [--seeds 100 101] [--tasks 20]
"""

import argparse
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from devlearn.tasks.data import load

CPU = torch.device("cpu")
SIZE, BATCH, RATE = 200, 128, 0.2


def network(xavier: bool) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10))
    for layer in net:
        if xavier and isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net


def images(split: str) -> tuple[Tensor, Tensor]:
    data = load(split, CPU)
    return data.images.flatten(1).float() / 255, data.labels.long()


def average(seed: int, xavier: bool, at_once: bool, tasks: int) -> float:
    """Mean test accuracy over all tasks at the end."""
    torch.manual_seed(seed)
    (pixels, labels), (test, truth), net = images("mnist.train+valid"), images("mnist.test"), network(xavier)
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE)
    kept, answers, seen = torch.zeros(SIZE, 784), torch.zeros(SIZE, 10), 0
    views = [torch.randperm(784) for _ in range(tasks)]
    for task, view in enumerate(views):
        for rows in torch.randperm(len(pixels)).split(BATCH)[: len(pixels) // BATCH]:
            shown = pixels[rows][:, view]
            outputs = net(shown)
            loss = F.cross_entropy(outputs, labels[rows])
            if seen and (at_once or task):
                old = torch.randint(min(seen, SIZE), (BATCH,))
                loss = loss + F.mse_loss(net(kept[old]), answers[old])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            for row, u in enumerate(torch.rand(BATCH).tolist()):
                slot = seen if seen < SIZE else int(u * (seen + 1))
                if slot < SIZE:
                    kept[slot], answers[slot] = shown[row], outputs[row].detach()
                seen += 1
    with torch.no_grad():
        right = [(net(test[:, view]).argmax(1) == truth).float().mean() for view in views]
    return float(torch.stack(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101])
    parser.add_argument("--tasks", type=int, default=20)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for at_once, xavier in itertools.product((True, False), repeat=2):
        found = [average(seed, xavier, at_once, asked.tasks) for seed in asked.seeds]
        when = "second minibatch" if at_once else "second task"
        birth = "Xavier's weights" if xavier else "torch's weights"
        print(f"{birth}, memory from the {when} on: {', '.join(f'{100 * one:.1f} %' for one in found)}", flush=True)


if __name__ == "__main__":
    main()
