"""The words of pairs, in their order of precedence, and what learners without a value count with."""

import json
import math
from pathlib import Path

import pytest

from devlearn.records.reader import Json
from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import tiny_run
from tests.evidence.pairs import BASE, PAIR, WOBBLE


def verdict(folder: Path, a: list[float], b: list[float], **keys: object) -> Json:
    run = tiny_run(folder, {"a": a, "b": b}, compare={**PAIR, **keys})
    return dict(only(compare([run]))["comparisons"][0])


def test_identical_comes_before_equivalent(tmp_path: Path) -> None:
    assert verdict(tmp_path, BASE, BASE)["verdict"] == "identical"


def test_equivalent_comes_before_better_and_says_that_it_is_not_zero(tmp_path: Path) -> None:
    pair = verdict(tmp_path, [x + 0.05 for x in BASE], BASE)
    assert (pair["verdict"], pair["reliably_nonzero"]) == ("equivalent", True)


@pytest.mark.parametrize(("gap", "word"), [(0.5, "better"), (-0.5, "worse")])
def test_direction_of_a_large_difference(tmp_path: Path, gap: float, word: str) -> None:
    higher = verdict(tmp_path, [x + gap for x in BASE], BASE)
    assert higher["verdict"] == word
    lower = verdict(tmp_path, [x - gap for x in BASE], BASE, better="lower")
    assert lower["verdict"] == word


def test_undecided_says_about_how_many_seeds(tmp_path: Path) -> None:
    a = [x + 0.1 + 20 * w for x, w in zip(BASE, WOBBLE[::-1], strict=True)]
    pair = verdict(tmp_path, a, BASE, smallest_effect=0.05)
    assert pair["verdict"] == "undecided"
    assert pair["seeds_needed"] > 8


def test_significance_is_judged_after_holm(tmp_path: Path) -> None:
    """At n = 6 the smallest p is 2/64 = 0.031: enough alone, not in a family of two."""
    a, b = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5], [0.0] * 6
    alone = tiny_run(tmp_path / "alone", {"a": a, "b": b}, compare={"pairs": [["a", "b"]]})
    twice = tiny_run(tmp_path / "twice", {"a": a, "b": b}, compare={"pairs": [["a", "b"], ["b", "a"]]})
    assert only(compare([alone]))["comparisons"][0]["verdict"] == "better"
    both = only(compare([twice]))["comparisons"]
    assert [(pair["p_adjusted"], pair["verdict"]) for pair in both] == [(4 / 64, "undecided")] * 2


def test_diverged_learner_counts_with_the_worst_value(made_up: Path) -> None:
    arm = only(compare([made_up]))["arms"]["more-school"]
    assert (arm["diverged"], arm["n"], arm["values"]["11"]) == (1, 16, 0.0)


def test_without_a_worst_value_a_divergence_leaves_the_verdict_open(tmp_path: Path) -> None:
    runs = {"a": [x + 0.5 for x in BASE], "b": BASE}
    run = tiny_run(tmp_path, runs, compare=PAIR, diverged={"a": {3: 12}}, metric={"worst": None})
    body = only(compare([run]))
    assert body["comparisons"][0]["verdict"] == "incomplete"
    assert "a seed 3" in body["comparisons"][0]["reason"]
    assert body["arms"]["a"]["values"]["3"] is None
    assert body["arms"]["a"]["mean"] is None


def test_the_probes_own_worst_overrides_the_metrics(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": BASE}, diverged={"a": {0: 5}})
    resolved = json.loads((run / "resolved.json").read_text())
    resolved["probes"]["score"]["worst"] = -7.0
    (run / "resolved.json").write_text(json.dumps(resolved))
    assert only(compare([run]))["arms"]["a"]["values"]["0"] == -7.0


def test_a_value_that_is_not_a_number_counts_as_diverged(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [0.5, math.nan]})
    body = only(compare([run]))
    assert body["arms"]["a"]["values"] == {"0": 0.5, "1": 0.0}
    assert any("a: score.points of seed 1 is not a finite number" in warning for warning in body["warnings"])
    known = tiny_run(tmp_path / "gone", {"a": [0.5, math.nan]}, diverged={"a": {1: 15}})
    assert not any("finite" in warning for warning in only(compare([known]))["warnings"])


SPREAD = [0.05, -0.06, 0.02, 0.07, -0.01, -0.05, 0.03, 0.06]  # differences of eight pairs
SHIFTED = [base + gap for base, gap in zip(BASE, SPREAD, strict=True)]


def equivalent(folder: Path, effect: float) -> tuple[Json, str]:
    run = tiny_run(folder, {"a": SHIFTED, "b": BASE}, compare={**PAIR, "smallest_effect": effect})
    answer = compare([run])
    return only(answer)["comparisons"][0], words(answer)[1]


def test_equivalence_is_said_as_it_was_tested(tmp_path: Path) -> None:
    """Two one-sided tests at .05 are a 90 % interval: what the printed one of 95 % reaches beyond is not ruled out."""
    pair, said = equivalent(tmp_path / "wide", 0.1)
    assert pair["verdict"] == "equivalent"
    assert said.endswith("Any difference is smaller than 0.1.")
    low, high = pair["interval"]
    assert -high < low < 0 < high
    pair, said = equivalent(tmp_path / "narrow", high - 1e-4)
    assert pair["verdict"] == "equivalent" and pair["interval"] == [low, high]
    assert "Any difference" not in said
    assert "Two one-sided tests put the difference within" in said
    assert said.endswith(", which the 95 % interval, a two-sided one, reaches beyond.")


NEVER = [math.nan] * 8


@pytest.mark.parametrize("at", ["end", "area"])
def test_arms_without_a_finite_value_get_no_verdict(tmp_path: Path, at: str) -> None:
    """Both count with the worst, and the worst against the worst says nothing of either."""
    way = {"on_the_way": {0: NEVER, 10: NEVER}, "birth": math.nan}
    run = tiny_run(tmp_path / "x", {"a": NEVER, "b": NEVER}, compare={**PAIR, "at": at}, **way)  # type: ignore[arg-type]
    answer = compare([run])
    pair = only(answer)["comparisons"][0]
    assert pair["verdict"] == "incomplete"
    assert (pair["p"], pair["p_equivalence"], pair["interval"]) == (None, None, [None, None])
    assert pair["reason"] == "not measured, score.points is finite for no learner of either arm"
    assert not any("identical" in line for line in words(answer))


def test_one_finite_value_in_either_arm_is_a_measurement(tmp_path: Path) -> None:
    assert verdict(tmp_path / "one", NEVER, [0.5, *NEVER[1:]], smallest_effect=0)["verdict"] == "undecided"
    assert verdict(tmp_path / "all", NEVER, BASE, smallest_effect=0)["verdict"] == "worse"
    assert verdict(tmp_path / "worst", [0.0] * 8, [0.0] * 8)["verdict"] == "identical"  # measured, and the worst


def test_an_area_that_was_measured_before_all_diverged_counts(tmp_path: Path) -> None:
    way, gone = {0: BASE, 10: BASE}, dict.fromkeys(range(8), 15)
    run = tiny_run(
        tmp_path,
        {"a": BASE, "b": BASE},
        compare={**PAIR, "at": "area"},
        on_the_way=way,
        diverged={"a": gone, "b": gone},
    )
    assert only(compare([run]))["comparisons"][0]["verdict"] == "identical"
    assert only(compare([run], at="end"))["comparisons"][0]["suggests"] == "incomplete"
