"""The independent script agrees with comparison.json, and notices when a record is changed behind its back."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evidence.answers import save
from tests.evidence.fake_run import _arrays, finish, write_run
from tests.recomputed import SCRIPT
from tests.recomputed import recomputed as recompute

MATCHED = {"more-school": {"match": {"arm": "developmental", "by": "flops"}}}
TRIED = {"chosen": {"lr": 0.1}, "seeds": [50], "probe": "digits", "trials": [], "ledger": {"flops": 5e9, "images": 7}}
TUNED = {"sham": {"tuning": TRIED}}
BOTH_MATCHED = MATCHED | {"developmental": {"match": {"arm": "more-school", "by": "flops"}}}
FIXED = {"draws": ["init"]}
GENOMES = {str(seed): f"genome {seed // 3}" for seed in range(12)}
TEACHERS = {"2": "teacher", "3": "teacher"}


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"seeds": 8, "compare": {"looks": [8, 16, 32]}, "pin": ["labels"]},
        {"seeds": 9, "compare": {"looks": [8, 16]}, "seen": [5]},
        {"best": True, "compare": {"select": "digits"}, "arms": MATCHED | TUNED},
        {"best": True, "compare": {"select": "digits", "at": "best"}},
        {"seeds": 14, "arms": {"developmental": {"lineages": GENOMES}, "shuffled": {"lineages": TEACHERS}}},
        {"seeds": 7, "images": True, "compare": {"looks": [7, 9]}, "arms": {"sham": {"lineages": TEACHERS}}},
        {"vary": (10, 1000), "seeds": 8},
        {"seeds": 4},
        {"seeds": 18},
        {"seeds": 8, "compare": {"at": "area"}},
        {"seeds": 8, "compare": {"at": "area", "pairs": [["more-school", "twin"]]}},
        {"seeds": 8, "pin": ["init"], "arms": {"sham": FIXED, "random-init": FIXED, "shuffled": FIXED}},
        {"best": True, "compare": {"select": "digits"}, "arms": BOTH_MATCHED},
        {"seeds": 8, "compare": {"at": 20}},
        {"seeds": 12, "compare": {"at": "birth"}},
        {"seeds": 12, "compare": {"metric": "cross_entropy", "better": "lower"}},
    ],
    ids=[
        "whole",
        "look",
        "unplanned",
        "scored-twice",
        "best",
        "lineages",
        "images",
        "vary",
        "few",
        "monte-carlo",
        "area",
        "area-of-unequal-budgets",
        "pinned",
        "both-matched",
        "update",
        "birth",
        "no-worst",
    ],
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


def test_the_script_agrees_where_nothing_is_finite(copy: Path) -> None:
    for job in (copy / "jobs").rglob("*school.0/probes.csv"):
        if "shuffled" in job.parts or "grown" in job.parts:
            rows = [line.split(",") for line in job.read_text().splitlines()]
            place = rows[0].index("value")
            changed = [[*row[:place], "nan", *row[place + 1 :]] if "accuracy" in row else row for row in rows]
            job.write_text("\n".join(map(",".join, changed)) + "\n")
    words = [pair["verdict"] for pair in json.loads(json.dumps(save(copy)))["comparisons"]]
    assert words[:3] == ["worse", "incomplete", "worse"]
    code, text = recompute(copy)
    assert (code, "0 differ" in text) == (0, True), text


def test_a_run_that_was_not_compared_is_told_of(copy: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{copy} has no comparison.json: nothing to recompute\n"


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
    change(copy / "jobs/plain/seeds-0-7/records/00-school.0/train.csv", -1, 5, "481")
    code, text = recompute(copy)
    assert code == 1
    assert "arms.random-init.ledger.images" in text


def test_a_changed_verdict_on_an_image_is_named(tmp_path: Path) -> None:
    """Two images of one learner swapped: its accuracy is the same, the interval for new images is not."""
    run = write_run(tmp_path / "run", seeds=6, images=True, compare={"pairs": [["developmental", "random-init"]]})
    save(run)
    path = run / "jobs/grown/seeds-0-2/records/03-school.0/arrays/digits.npz"
    with np.load(path) as arrays:
        right = np.unpackbits(arrays["correct"], axis=1)
    hit, miss = np.flatnonzero(right[0])[0], np.flatnonzero(right[0] == 0)[0]
    right[0, [hit, miss]] = right[0, [miss, hit]]
    _arrays(path.parents[1], "digits", [0, 1, 2], right)
    code, text = recompute(run)
    assert code == 1
    assert "developmental against random-init: interval_new_images" in text
    assert all("interval_new_images" in line for line in text.splitlines()[:-1])


@pytest.mark.parametrize("key", ["p", "p_adjusted", "probability_of_improvement", "verdict", "interval", "scored"])
def test_a_changed_comparison_is_named(copy: Path, key: str) -> None:
    comparison = save(copy)
    assert isinstance(comparison, dict)
    wrong = {"verdict": "worse", "interval": [0.0, 1.0], "scored": "best"}.get(key, 0.0300000001)
    comparison["comparisons"][1][key] = wrong
    (copy / "comparison.json").write_text(json.dumps(comparison))
    code, text = recompute(copy)
    assert code == 1
    assert f"developmental against shuffled: {key}:" in text
    assert "1 differ" in text
