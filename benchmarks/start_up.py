"""Start-up times of the command line, side by side with what they must contain: importing torch.

Each command in a process of its own, in turn, median of several.

    python benchmarks/start_up.py [--repetitions 5]
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
    "devlearn --help": [sys.executable, "-m", "devlearn", "--help"],
    "devlearn run first_steps --dry-run": [sys.executable, "-m", "devlearn", "run", "first_steps", "--dry-run"],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.repetitions):
        for name, command in COMMANDS.items():
            found[name].append(seconds(command))
    torch, *_ = found.values()
    print(f"{'':40}{'seconds':>10}{'beyond torch':>14}")
    for name, times in found.items():
        print(f"{name:40}{statistics.median(times):10.2f}{statistics.median(times) - statistics.median(torch):14.2f}")


if __name__ == "__main__":
    main()
