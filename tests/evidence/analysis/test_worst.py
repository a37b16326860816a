"""A word that hangs on what diverged learners count with, and a ``worst`` that rewards divergence, are told of."""

from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence import worst_above_chance
from devlearn.records.reader import load
from tests.evidence.answers import compare
from tests.evidence.fake_run import tiny_run

SHARE = {"unit": "share", "chance": 0.1}
PLAIN = [0.50 + 0.001 * seed for seed in range(12)]


def told(folder: Path, of: str) -> list[str]:
    found = compare([folder])
    assert isinstance(found, dict)
    return [warning for warning in found["warnings"] if of in warning]


def run(folder: Path, metric: dict[str, Any], gain: float, *, diverged: int = 4, effect: float = 0.02) -> Path:
    """Arm a is better by ``gain`` in all learners; ``diverged`` of b's turned non-finite."""
    values = {"a": [value + gain for value in PLAIN], "b": PLAIN}
    return tiny_run(
        folder, values, metric=metric, diverged={"b": dict.fromkeys(range(diverged), 5)},
        compare={"pairs": [["a", "b"]], "smallest_effect": effect},
    )  # fmt: skip


def test_a_word_that_another_worst_would_change_is_named(tmp_path: Path) -> None:
    """All of the difference comes from what b's diverged learners count with: the others are alike."""
    (line,) = told(run(tmp_path, {**SHARE, "worst": 0.3}, 0.001, diverged=6), "hangs on")
    assert line == (
        "a against b: the word 'better' hangs on what diverged learners (6 seeds) count with, 0.3; it would be "
        "equivalent if they were left out, better if they counted with the bad end of its range and better if they "
        "counted with chance"
    )


def test_of_learners_that_all_diverged_nobody_says_what_would_be_without_them(tmp_path: Path) -> None:
    alike = {"a": [0.1] * 12, "b": PLAIN}
    folder = tiny_run(
        tmp_path, alike, metric={**SHARE, "worst": 0.0}, diverged={"b": dict.fromkeys(range(12), 5)},
        compare={"pairs": [["a", "b"]], "smallest_effect": 0.02},
    )  # fmt: skip
    (line,) = told(folder, "hangs on")
    assert line.endswith("12 seeds) count with, 0; it would be identical if they counted with chance")


def test_a_word_that_stays_is_not(tmp_path: Path) -> None:
    assert told(run(tmp_path, {**SHARE, "worst": 0.0}, 0.2), "hangs on") == []
    assert told(run(tmp_path, {**SHARE, "worst": 0.0}, 0.2, diverged=0), "hangs on") == []


def test_without_a_range_the_worst_that_any_learner_got_is_tried(tmp_path: Path) -> None:
    (line,) = told(run(tmp_path, {"worst": 0.9}, 0.2, diverged=6), "hangs on")
    assert "the word 'undecided' hangs on" in line and "better if they were left out" in line
    assert "better if they counted with the worst value that any learner got" in line and "chance" not in line


def test_without_a_worst_there_is_no_word_to_hang(tmp_path: Path) -> None:
    assert told(run(tmp_path, {**SHARE, "worst": None}, 0.2), "hangs on") == []


@pytest.mark.parametrize(
    ("metric", "rewarded"),
    [
        ({"worst": 0.2, "chance": 0.1}, True),
        ({"worst": 0.1, "chance": 0.1}, False),
        ({"worst": 0.0, "chance": 0.1}, False),
        ({"worst": 0.2}, False),
        ({"worst": -0.1, "chance": 0.0, "better": "lower"}, True),
        ({"worst": 2.0, "chance": 0.5, "better": "lower"}, False),
    ],
)
def test_a_worst_that_is_better_than_guessing_is_told_before_and_after(
    tmp_path: Path, metric: dict[str, Any], rewarded: bool
) -> None:
    folder = tiny_run(tmp_path, {"a": PLAIN, "b": PLAIN}, metric=metric, compare={"pairs": [["a", "b"]]})
    lines = told(folder, "divergence is rewarded")
    assert len(lines) == rewarded
    assert worst_above_chance(load(folder).resolved) == lines
