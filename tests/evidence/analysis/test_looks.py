"""Planned looks share the alpha; verdicts at other numbers of seeds are exploratory; pinned draws narrow the words."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from devlearn.evidence import statistics as t
from devlearn.evidence.analysis.looks import look
from devlearn.evidence.text.comparison import claim, means
from devlearn.records.reader import Json
from devlearn.records.results import Reason
from tests.evidence.answers import compare, words
from tests.evidence.fake_run import tiny_run, write_run

RISE = [1.0, 1.1, 1.3, 1.7, 1.2, 1.4, 1.6, 1.5]
FLAT = [0.0] * 8
QUESTION = {"pairs": [["a", "b"]], "looks": [8, 16, 32]}


def body(folder: Path, a: list[float], b: list[float], **keys: object) -> Json:
    found = compare([tiny_run(folder, {"a": a, "b": b}, **{"compare": QUESTION, **keys})])  # type: ignore[arg-type]
    assert isinstance(found, dict)
    return found


def test_the_alpha_is_spent_in_equal_parts(tmp_path: Path) -> None:
    """All eight differences positive: p = 2/256, times three looks .0234."""
    found = body(tmp_path, RISE, FLAT)
    assert found["look"] == {"looks": [8, 16, 32], "n": 8, "index": 0, "planned": True}
    pair = found["comparisons"][0]
    assert (pair["p"], pair["p_adjusted"], pair["verdict"]) == (2 / 256, 6 / 256, "better")
    assert pair["level"] == pytest.approx(1 - 0.05 / 3)
    low, high = pair["interval"]
    kept = [t.sign_flip(RISE, shift) > 0.05 / 3 for shift in (low - 1e-6, low + 1e-6, high - 1e-6, high + 1e-6)]
    assert kept == [False, True, True, False]


def test_what_one_look_would_have_found_may_not_be_enough_for_one_of_three(tmp_path: Path) -> None:
    """One small negative: 4/256 = .0156 alone, .047 of three looks, .09 of six."""
    almost = [*RISE[:7], -0.1]
    assert body(tmp_path / "three", almost, FLAT)["comparisons"][0]["verdict"] == "better"
    six = {**QUESTION, "looks": [8, 9, 10, 11, 12, 13]}
    assert body(tmp_path / "six", almost, FLAT, compare=six)["comparisons"][0]["verdict"] == "undecided"


def test_equivalence_pays_for_looks_too(tmp_path: Path) -> None:
    close = [0.01, -0.02, 0.03, 0.0, -0.01, 0.02, -0.03, 0.01]
    pair = body(tmp_path, close, FLAT, compare={**QUESTION, "smallest_effect": 0.2})["comparisons"][0]
    assert (pair["p_equivalence"], pair["p_equivalence_adjusted"]) == (1 / 256, 3 / 256)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"compare": {**QUESTION, "looks": [6, 16]}}, "8 seeds are not one of the planned looks, 6, 16"),
        ({"seeds": range(1, 9)}, "the planned look at 8 takes the seeds 0 to 7"),
        ({"seen": [5]}, "a verdict on 5 seeds had been seen"),
    ],
    ids=["count", "seeds", "seen"],
)
def test_other_seeds_than_planned_are_exploratory(tmp_path: Path, keys: dict[str, object], reason: str) -> None:
    found = body(tmp_path, RISE, FLAT, **keys)
    assert found["exploratory"] and not found["look"]["planned"]
    assert (found["comparisons"][0]["verdict"], found["comparisons"][0]["suggests"]) == ("exploratory", "better")
    assert words(found)[0].startswith(f"Exploratory, {reason}")


def test_an_earlier_planned_look_is_no_reason_to_doubt(tmp_path: Path) -> None:
    found = body(tmp_path, RISE * 2, FLAT * 2, seen=[8])
    assert not found["exploratory"]
    assert not any("seeds were added" in warning for warning in found["warnings"])
    unplanned = body(tmp_path / "b", RISE, FLAT, seen=[6], compare={"pairs": [["a", "b"]]})
    assert any("seeds were added after a verdict on 6 seeds" in warning for warning in unplanned["warnings"])


def test_words_say_which_look_it_is(tmp_path: Path) -> None:
    found = words(body(tmp_path, RISE, FLAT))
    unless = "All of this holds unless some fail: 8 seeds can't exclude that up to 32 % do."
    assert found[0] == f"Look 1 of 3: a is better than b. {unless}"
    assert "98.33 % interval" in found[1]
    assert "after adjustment for 3 looks" in found[1]
    assert found[2] == (
        "Looks are planned at 8, 16 and 32 seeds, each at 0.05 / 3, and this is look 1 of 3; "
        "p and intervals allow for it."
    )


def test_too_few_seeds_for_the_looks_are_named(tmp_path: Path) -> None:
    found = body(tmp_path, RISE[:6], FLAT[:6], compare={**QUESTION, "looks": [6, 12]})
    assert any(
        "with 6 seeds, 1 comparison and 2 looks no difference can reach" in warning for warning in found["warnings"]
    )
    assert "6 seeds, 1 comparison and 2 looks can't reach significance" in words(found)[1]


def test_planned_looks_keep_the_rate_of_false_verdicts() -> None:
    """A/A, looked at after 8 and after 12 seeds: with the alpha halved at most 5 % ever say "different"; unplanned
    looks at .05 each say so more often."""
    experiments = 3000
    d = np.random.default_rng(21).normal(0, 1, (experiments, 12))
    p = np.array([[t.sign_flip(row[:8]), t.sign_flip(row)] for row in d])
    spread = 4 * np.sqrt(0.05 * 0.95 / experiments)
    planned, naive = np.mean((p <= 0.025).any(1)), np.mean((p <= 0.05).any(1))
    assert planned <= 0.05 + spread
    assert naive > planned + 0.02


def test_a_pinned_draw_narrows_headline_and_claim(tmp_path: Path) -> None:
    found = body(tmp_path, RISE, FLAT, compare={"pairs": [["a", "b"]]}, pin=["labels", "init"])
    assert found["pin"] == ["labels", "init"]
    text = words(found)
    assert text[0].startswith("For this one draw of labels and initial weights: a is better than b.")
    assert text[2].startswith("The claim holds for this one draw of labels and initial weights, the same for all seeds")
    assert claim(found.found.points[0]) == (
        "8 seeds; each seed redraws order, environments and action noise, and the verdicts speak for all such draws; "
        "for this one draw of labels and initial weights, the same for all seeds."
    )
    assert means(found.found.points[0]) == f"score points at the end: a {np.mean(RISE):.4g}, b 0."


def test_nothing_pinned_nothing_said(made_up: Path) -> None:
    found = compare([made_up])
    assert isinstance(found, dict)
    assert (found["pin"], found["look"], found["alpha"]) == ([], None, 0.05)
    *_, last = told = words(found)
    assert len(told) == 1 + len(found["comparisons"]) + 1
    assert last.startswith("Unless some fail: 16 seeds can't exclude that up to 18 % do.")
    assert claim(found.found.points[0]) == (
        "16 seeds; each seed redraws initial weights, labels, order, environments and action noise, and the verdicts "
        "speak for all such draws."
    )
    point = found.found.points[0]
    assert point.comparisons[0].against == "random-init" and len(point.comparisons) > 1
    first = [f"{100 * mean:.2f} %" for mean in point.comparisons[0].means or ()]
    assert means(point) == f"digits accuracy at the end: developmental {first[0]}, random-init {first[1]}."
    others = sorted(point.comparisons, key=lambda pair: pair.against == "random-init")
    turned = point.model_copy(update={"comparisons": tuple(others)})
    assert means(turned) == "", "of several pairs only the one against newborns"


def test_looks_count_for_every_point_of_a_grid(tmp_path: Path) -> None:
    found = compare([write_run(tmp_path, seeds=8, vary=[10, 100], compare={"looks": [8, 16]})])
    assert isinstance(found, list)
    family = [pair for point in found for pair in point["comparisons"]]
    raw = sorted(pair["p"] for pair in family)
    adjusted = sorted(pair["p_adjusted"] for pair in family)
    steps = [min(1.0, (len(raw) - i) * p) for i, p in enumerate(raw)]
    holm = list(itertools.accumulate(steps, max))
    assert adjusted == pytest.approx([min(1.0, 2 * p) for p in holm])


def test_the_first_unplanned_verdict_that_was_seen_is_named() -> None:
    found, why = look([8, 16], range(8), [8, 5, 6])
    assert found is not None and not found.planned
    assert why == [Reason.of("seen_unplanned", seeds=5)]
