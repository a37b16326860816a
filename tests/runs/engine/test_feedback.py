"""What caregivers say, on the ledger of the engine: columns of lives that have one, through kills too."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.runs.engine import live
from tests.runs.engine.jobs import digest, killed_after, write_job

EACH = {"data": "digits.train", "labels": 20, "batch": 10}
HEAR = {"kind": "caregiver.words", "updates": 3, **EACH}
GUESS = {"kind": "caregiver.guess", "updates": 7, **EACH, "says": ["judgement", "label"], "opens": 0.02, "noise": 0.1}
LATE = {"kind": "caregiver.guess", "updates": 6, **EACH, "says": "hint", "delay": 2, "rule": "likelihood"}
STAGES = {"school": {"kind": "supervise", "updates": 2, **EACH}, "hear": HEAR, "grow": GUESS, "late": LATE, "after": {}}
STAGES["after"] = STAGES["school"]
PROBES = {"one": {"kind": "feedback", "data": "digits.valid", "says": "hint", "every": 3}}


def last(job: Path, visit: str) -> dict[str, float]:
    text = (job / "records" / visit / "train.csv").read_text().splitlines()
    return {name: float(value or "nan") for name, value in list(csv.DictReader(text))[-1].items()}


def test_a_life_pays_for_what_it_is_told_from_the_first_caregiver_on(tmp_path: Path) -> None:
    job = write_job(tmp_path / "run", "branch", STAGES, PROBES)
    live(job)
    assert "feedback_events" not in last(job, "00-school.0")
    heard = last(job, "01-hear.0")
    assert heard["feedback_events"] == 3 * 10
    assert heard["feedback_bits"] == pytest.approx(3 * 10 * (np.log2(3) + 2))
    assert last(job, "02-grow.0")["feedback_events"] == 10 * (3 + 7)
    assert last(job, "03-late.0")["feedback_events"] == 10 * (3 + 7 + 6 - 2), "two answers have not come"
    told, after = last(job, "03-late.0"), last(job, "04-after.0")
    assert all(after[name] == told[name] for name in ("feedback_events", "feedback_bits"))
    late = last(job, "03-late.0")["feedback_bits"] - last(job, "02-grow.0")["feedback_bits"]
    assert late == pytest.approx(10 * 4 * np.log2(10 / 3))


@pytest.mark.parametrize(("yields", "segment"), [(4, 2), (9, 3), (13, 1), (11, 2)])
def test_killed_and_resumed_it_is_the_same_life(tmp_path: Path, yields: int, segment: int) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", STAGES, PROBES) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, yields, segment=segment)
    live(cut)
    assert digest(cut) == digest(whole)


def test_the_next_branch_goes_on_with_what_the_one_before_was_told(tmp_path: Path) -> None:
    parent = write_job(tmp_path, "first", {"hear": HEAR}, PROBES)
    live(parent)
    child: Any = write_job(
        tmp_path, "second", {"after": STAGES["after"]}, PROBES, parent="jobs/first/block",
        others={"hear": HEAR}, first=1,
    )  # fmt: skip
    live(child)
    assert last(child, "01-after.0")["feedback_events"] == 30
