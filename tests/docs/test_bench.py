"""The page of benchmarks is what its file makes of it, and what was only tried is not recorded."""

import json
import subprocess
import sys
from pathlib import Path

from devlearn_docs import aims, bench

CASE = {
    "case": "school, small",
    "unit": "images",
    "lower": False,
    "gflops": 71.6,
    "contenders": {
        "ours": {"rates": [300.0, 330.0, 310.0], "ratio": [1.0, 1.0, 1.0], "start": 4.04, "verdict": 1234.5},
        "theirs": {"rates": [100.0, 90.0, 110.0], "ratio": [3.0, 2.8, 3.7], "start": None},
    },
    "missing": {"another": "torchvision is not installed"},
}
ABOUT = {"date": "2026-01-02", "processor": "a core", "versions": {"torch": "2.9", "jax": None}, "repetitions": 3}


def test_the_page_is_made_of_the_file() -> None:
    made = bench.page(bench.read(), bench.read(bench.START), bench.read(bench.SLOWER))
    assert bench.PAGE.read_text(encoding="utf-8") == made, "docs/devlearn_docs/bench.py"


def test_what_is_recorded_was_measured_at_full_size() -> None:
    assert not (bench.read() or {"small": False})["small"]


def test_a_page_says_rates_ratios_and_what_was_not_measured() -> None:
    page = bench.page({**ABOUT, "cases": [CASE]})
    assert "Recorded on 2026-01-02: a core, torch 2.9; medians of 3 turns." in page
    assert "## School, small (72 GFLOP/s)" in page
    assert "| ours | 310 | 1.00 (1.00 to 1.00) | 4.0 s | 1,234 s |" in page
    assert "| theirs | 100 | 3.00 (2.80 to 3.70) |  |  |" in page
    assert "| another | not measured: torchvision is not installed | | | |" in page


def contender(rate: float, verdict: float, ratio: float = 1.0) -> dict[str, object]:
    return {"rates": [rate], "ratio": [ratio, ratio, ratio], "start": 1.0, "verdict": verdict}


def test_aims_are_held_against_what_was_measured() -> None:
    ours, theirs = contender(100.0, 30.0), contender(200.0, 40.0, 0.5)
    contenders = {"devlearn, 32 seeds": ours, "JAX, PureJaxRL's shape": theirs}
    cases = [{"case": aims.PPO, "contenders": contenders}]
    rows = aims.table({"cases": cases}, None)
    assert any("0.50 x (0.50 to 0.50) | **missed** |" in row for row in rows)
    assert any("30.0 s against 40.0 s | reached |" in row for row in rows)
    assert sum("not measured | **missed** |" in row for row in rows) == 5, "a peer that is missing is no success"
    contenders["devlearn --compile, 32 seeds"] = contender(170.0, 41.0)
    rows = aims.table({"cases": cases}, None)
    assert any("`--compile`" in row and "0.85 x (0.85 to 0.85) | reached |" in row for row in rows)
    assert any("`--compile`" in row and "41.0 s against 40.0 s | **missed** |" in row for row in rows)


def test_commands_are_held_against_their_limits() -> None:
    planned = [2.9, 3.1, 3.0]
    seconds = {aims.TORCH: [2.0], "run first_steps --dry-run": planned, "list stages": [0.6], aims.WHOLE: [59.0]}
    rows = aims.table(None, {"seconds": seconds})
    found = {row.split(" | ")[0].strip("| "): row for row in rows[2:]}
    assert "1.50 x (3.0 s) | reached |" in found["`run first_steps --dry-run`"]
    assert "0.60 s | **missed** |" in found["`list stages`"]
    assert "59.00 s | reached |" in found["first_steps, 16 seeds, two cores, to the report"]
    assert "not measured | **missed** |" in found["`report` of first_steps"]
    slower = {"seconds": {command: [2 * seconds[command][0]] for command in seconds}}
    both = "\n".join(aims.table(None, {"seconds": seconds}, slower))
    assert (
        "0.60 s (1.20 s) | **missed** |" in both and "59.00 s (118.00 s) | reached, **missed** on the slower |" in both
    )


def test_a_case_that_does_not_exist_is_answered_with_those_that_do() -> None:
    command = [sys.executable, "benchmarks/bench.py", "--case", "nonsense", "--small"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=240)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "there is no nonsense; there are: " in done.stderr and "comparison" in done.stderr


def test_a_case_is_measured_in_a_process_of_its_own() -> None:
    command = [sys.executable, "benchmarks/bench.py", "--one", "seeds, MLP", "--small", "--repetitions", "1"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    case = json.loads(done.stdout.splitlines()[-1])
    assert case["gflops"] > 0 and all(found["rates"][0] > 0 for found in case["contenders"].values())
