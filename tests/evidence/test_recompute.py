"""The independent script agrees with comparison.json, and notices when a record is changed behind its back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_run import finish, write_run

from devlearn.evidence import save

SCRIPT = Path(__file__).parents[1] / "independent" / "recompute.py"


def recompute(run: Path) -> tuple[int, str]:
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, SCRIPT, run], capture_output=True, text=True, env=one_thread, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"vary": (10, 1000), "seeds": 8},
        {"seeds": 4},
        {"seeds": 18},
        {"seeds": 8, "compare": {"at": "area"}},
        {"seeds": 8, "compare": {"at": 20}},
        {"seeds": 12, "compare": {"at": "birth"}},
        {"seeds": 12, "compare": {"metric": "cross_entropy", "better": "lower"}},
    ],
    ids=["whole", "vary", "few", "monte-carlo", "area", "update", "birth", "no-worst"],
)
def test_the_script_agrees(tmp_path: Path, keys: dict[str, object]) -> None:
    run = write_run(tmp_path / "run", **keys)  # type: ignore[arg-type]
    save(run)
    code, text = recompute(run)
    assert (code, "0 differ" in text) == (0, True), text
    assert int(text.split(" entries")[0].split()[-1]) > 100


def test_the_script_agrees_while_jobs_are_missing(copy: Path) -> None:
    finish(copy / "jobs/grown/seeds-8-15", "running")
    save(copy)
    assert recompute(copy)[0] == 0


def change(file: Path, line: int, column: int, value: str) -> None:
    rows = [row.split(",") for row in file.read_text().splitlines()]
    assert rows[line][column] != value
    rows[line][column] = value
    file.write_text("\n".join(",".join(row) for row in rows) + "\n")


def test_a_changed_measurement_is_named(copy: Path) -> None:
    save(copy)
    file = copy / "jobs/grown/seeds-0-7/records/03-school.0/probes.csv"
    place = next(
        i for i, line in enumerate(file.read_text().splitlines()) if line.startswith("5,school,0,30,end,digits")
    )
    change(file, place, 7, "0.5")
    code, text = recompute(copy)
    assert code == 1
    assert "arms.developmental.values.5" in text
    assert "developmental against random-init: interval" in text


def test_a_changed_ledger_is_named(copy: Path) -> None:
    save(copy)
    change(copy / "jobs/plain/seeds-0-7/records/00-school.0/train.csv", -1, 4, "481")
    code, text = recompute(copy)
    assert code == 1
    assert "arms.random-init.ledger.images" in text


@pytest.mark.parametrize("key", ["p", "p_adjusted", "probability_of_improvement", "verdict", "interval"])
def test_a_changed_comparison_is_named(copy: Path, key: str) -> None:
    comparison = save(copy)
    assert isinstance(comparison, dict)
    wrong = {"verdict": "worse", "interval": [0.0, 1.0]}.get(key, 0.0300000001)
    comparison["comparisons"][1][key] = wrong
    (copy / "comparison.json").write_text(json.dumps(comparison))
    code, text = recompute(copy)
    assert code == 1
    assert f"developmental against shuffled: {key}:" in text
    assert "1 differ" in text
