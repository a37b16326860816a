"""Times of the command line from start to end, beside what most of them once had to contain: importing torch.

Each command in a process of its own, in turn; medians, and the ratio to the import. With --beside DIR the same commands
of another checkout are run between them. The run that is compared and reported is made first, with small budgets. With
--out, first_steps is run in full too, and all is written to a file, from which the page of benchmarks is made.

    python benchmarks/start_up.py [--repetitions 5] [--beside DIR] [--keep FOLDER] [--out docs/start_up.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import side_by_side
import torch
from bench import found_version, processor

ROOT = Path(__file__).resolve().parent.parent
TORCH = "python -c 'import torch'"
SMALL = ("stages.look.updates=20", "stages.school.updates=60", "stages.play.env_steps=1024", "stages.waves.updates=10")
COMMANDS = (
    "--help",
    "list stages",
    "list priors",
    "check scenario first_steps",
    "run first_steps --dry-run",
    "compare RUN",
    "report RUN",
)
FIRST_LINE, WHOLE = "run first_steps, its first line", "run first_steps, from the command to the report"


def environment(code: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(code), str(code / "envs")]), "OMP_NUM_THREADS": "1"}


def seconds(command: list[str], code: Path) -> float:
    start = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd=code, env=environment(code), **quiet)  # -m takes the folder it stands in
    return time.perf_counter() - start


def to_first_line(code: Path, folder: Path) -> float:
    """Seconds from the command to the first line that a run says."""
    command = [sys.executable, "-m", "devlearn", "run", "first_steps", "--out", str(folder)]
    start = time.perf_counter()
    heard = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=code, env=environment(code), **heard)
    assert process.stdout is not None
    process.stdout.readline()
    spent = time.perf_counter() - start
    process.terminate()
    process.stdout.close()
    process.wait()
    return spent


def whole_run(code: Path, folder: Path) -> float:
    """Seconds of first_steps with all its budgets."""
    return seconds([sys.executable, "-m", "devlearn", "run", "first_steps", "--out", str(folder)], code)


def a_run(code: Path, folder: Path) -> Path:
    """A run of first_steps with all its arms and 16 seeds, and next to no training."""
    if not (folder / "comparison.json").exists():
        command = [sys.executable, "-m", "devlearn", "run", "first_steps", "--out", str(folder), "--no-report"]
        sets = [word for one in SMALL for word in ("--set", one)]
        subprocess.run([*command, *sets], check=True, stdout=subprocess.DEVNULL, cwd=code, env=environment(code))
    return folder


def measured(codes: dict[str, Path], kept: Path, repetitions: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of every command, by it and whose it is."""
    runs = {who: a_run(code, kept / who) for who, code in codes.items()}
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(repetitions):
        found.setdefault((TORCH, "this"), []).append(seconds([sys.executable, "-c", "import torch"], ROOT))
        for command in COMMANDS:
            for who, code in codes.items():
                words = [str(runs[who]) if word == "RUN" else word for word in command.split()]
                spent = seconds([sys.executable, "-m", "devlearn", *words], code)
                found.setdefault((command, who), []).append(spent)
        for who, code in codes.items():
            spent = to_first_line(code, kept / f"first-{who}-{number}")
            found.setdefault((FIRST_LINE, who), []).append(spent)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--beside", type=Path, help="another checkout, whose commands are run between")
    parser.add_argument("--keep", type=Path, help="where the runs are kept, to be found again")
    parser.add_argument("--out", type=Path, help="run first_steps in full too, and write all to this file")
    options = parser.parse_args()
    codes = {"this": ROOT, **({"beside": options.beside.resolve()} if options.beside else {})}
    with tempfile.TemporaryDirectory() as scratch:
        found = measured(codes, options.keep or Path(scratch), options.repetitions)
        if options.out:
            torch.set_num_threads(1)
            gflops = side_by_side.matmul_peak()
            found[WHOLE, "this"] = [whole_run(ROOT, Path(scratch) / "whole")]
    show(found)
    if options.out:
        about = {"date": datetime.now(UTC).date().isoformat(), "processor": processor(), "cores": os.cpu_count()}
        times = {command: times for (command, who), times in found.items() if who == "this"}
        content = {**about, "torch": found_version("torch"), "gflops": gflops, "seconds": times}
        options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def show(found: dict[tuple[str, str], list[float]]) -> None:
    imported = statistics.median(found[TORCH, "this"])
    print(f"{'':48}{'':8}{'median s':>9}{'range':>14}{'of torch':>10}")
    for (command, who), times in found.items():
        spread = f"{min(times):.2f}..{max(times):.2f}"
        median = statistics.median(times)
        print(f"{command:48}{who:8}{median:9.2f}{spread:>14}{median / imported:10.2f}")


if __name__ == "__main__":
    main()
