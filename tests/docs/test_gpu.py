"""The page of a GPU's times is made of what the benchmark writes; the benchmark is tried on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

from devlearn_docs import gpu

ROOT = Path(__file__).parents[2]


def benchmark(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "benchmarks/gpu.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)


def test_the_page_is_made_of_what_the_benchmark_writes(tmp_path: Path) -> None:
    few = ("--learners", "1", "2", "--cpu-learners", "1", "--seconds", "0.01")
    done = benchmark("--device", "cpu", *few, "--out", str(tmp_path / "gpu.json"))
    assert done.returncode == 0, done.stderr
    lines = gpu.page(json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))).splitlines()
    assert "## Cpu" in lines and "## One thread of the CPU" in lines
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines if line.endswith("| not measured |")]
    assert rows == [["1", "school"], ["2", "school"], ["1", "play"], ["2", "play"], ["1", "school"], ["1", "play"]]


def test_make_writes_the_page() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ngpu:")[2].partition("\n\n")[0]
    assert "docs/devlearn_docs/gpu.py" in recipe


def test_what_can_not_be_measured_is_told_in_a_line() -> None:
    for given in (("--device", "nonsense"), ("--device", "cpu", "--learners", "0")):
        done = benchmark(*given)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith(f"gpu.py: error: argument {given[-2]}: ")
