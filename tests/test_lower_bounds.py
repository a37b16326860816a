"""A run from the file to the report: what the lowest versions have to bear (`make check-lower-bounds`)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import devlearn

ROOT = Path(__file__).parents[1]
TOY = {
    "stages.waves.updates": 2,
    "stages.look.updates": 2,
    "stages.play.env_steps": 512,
    "stages.school.updates": 8,
    "probes.digits.every": 2,
    "probes.held.every": 4,
    "compare.at": "area",
}


@pytest.mark.slow  # with the lowest versions, by make check-lower-bounds; other tests run this with the newest
def test_a_run_from_the_file_to_the_report(tmp_path: Path) -> None:
    run = devlearn.run("first_steps", seeds=2, out=tmp_path / "run", set=TOY, jobs=1, progress=False)
    assert (run.folder / "report.html").exists()
    assert all(entry["n"] == 2 for entry in json.loads((run.folder / "comparison.json").read_text())["arms"].values())


def test_every_dependency_has_one_lower_bound() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lower_bounds.py"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.split()
    assert "numpy==2.0" in lines and all(line.count("==") == 1 for line in lines)
