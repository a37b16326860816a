"""The best checkpoint, matched arms that are scored twice, and what tuning cost."""

from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence import EvidenceError, load
from devlearn.records.reader import Json
from tests.evidence.answers import compare, words
from tests.evidence.fake_run import tiny_run, write_run

GROWN = [0.80, 0.82, 0.81, 0.83, 0.80, 0.84, 0.82, 0.81]
ENDS = [0.70, 0.71, 0.70, 0.72, 0.71, 0.72, 0.70, 0.71]  # overfitted by the end
BEST = [0.79, 0.80, 0.80, 0.81, 0.79, 0.82, 0.81, 0.80]
MATCH = {"more": {"match": {"arm": "grown", "by": "flops"}}}


def body(folder: Path, values: dict[str, list[float]] | None = None, **keys: Any) -> Json:
    question = {"pairs": [["grown", "more"]], "select": "score", **keys.pop("compare", {})}
    given = {"grown": GROWN, "more": ENDS} if values is None else values
    entries = keys.pop("entries", MATCH)
    found = compare([tiny_run(folder, given, compare=question, entries=entries, **keys)])
    assert isinstance(found, dict)
    return found


def gap(a: list[float], b: list[float]) -> Any:
    return pytest.approx(sum(x - y for x, y in zip(a, b, strict=True)) / len(a))


def test_a_matched_arm_that_overfits_is_scored_at_its_best(tmp_path: Path) -> None:
    found = body(tmp_path, best={"grown": GROWN, "more": BEST})
    pair = found["comparisons"][0]
    assert pair["scored"] == "best"
    assert pair["difference"] == pair["at_best"]["difference"] == gap(GROWN, BEST)
    assert pair["at_end"]["difference"] == gap(GROWN, ENDS)
    assert pair["interval"] == pair["at_best"]["interval"]
    assert (pair["p"], pair["at_end"]["p"]) == (2 / 256, 2 / 256)
    assert pair["means"][1] == pytest.approx(sum(BEST) / 8)
    assert found["arms"]["more"]["best"] == pytest.approx(sum(BEST) / 8)
    assert "Scored with the matched arm at its best checkpoint, the smaller gain; at its end" in words(found)[1]


def test_where_the_end_is_the_smaller_gain_the_end_counts(tmp_path: Path) -> None:
    pair = body(tmp_path, {"grown": GROWN, "more": BEST}, best={"grown": GROWN, "more": ENDS})["comparisons"][0]
    assert (pair["scored"], pair["difference"]) == ("end", pair["at_end"]["difference"])
    assert pair["at_best"]["difference"] == gap(GROWN, ENDS)


def test_the_developmental_side_may_stand_second_and_lower_may_be_better(tmp_path: Path) -> None:
    best = {"grown": GROWN, "more": BEST}
    turned = body(tmp_path / "turned", best=best, compare={"pairs": [["more", "grown"]]})["comparisons"][0]
    assert (turned["scored"], turned["difference"]) == ("best", gap(BEST, GROWN))
    lower = {"metric": {"better": "lower"}, "compare": {"better": "lower"}}
    pair = body(tmp_path / "lower", best=best, **lower)["comparisons"][0]
    assert pair["scored"] == "end"  # of a loss, the end is where the matched arm has less of it


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("ends", [ENDS, BEST])
def test_the_order_of_a_pair_mirrors_it(tmp_path: Path, ends: list[float], better: str) -> None:
    best = {"grown": GROWN, "more": BEST if ends is ENDS else ENDS}
    keys: Json = {"best": best, "metric": {"better": better}}
    both = [
        body(tmp_path / str(i), {"grown": GROWN, "more": ends}, compare={"pairs": [pair], "better": better}, **keys)
        for i, pair in enumerate((["grown", "more"], ["more", "grown"]))
    ]
    one, other = (found["comparisons"][0] for found in both)
    assert (one["scored"], one["p"], one["difference"]) == (other["scored"], other["p"], -other["difference"])
    assert one["interval"] == [-end for end in reversed(other["interval"])]


def test_two_matched_arms_are_scored_at_the_same_moment(tmp_path: Path) -> None:
    entries = {**MATCH, "grown": {"match": {"arm": "more", "by": "flops"}}}
    found = body(tmp_path, best={"grown": GROWN, "more": BEST}, entries=entries)
    pair = found["comparisons"][0]
    assert (pair["scored"], pair["at_best"], pair["difference"]) == ("end", None, gap(GROWN, ENDS))
    assert any("grown is matched too, so both are scored at the same moment" in w for w in found["warnings"])


def test_over_several_runs_all_are_scored_at_the_same_moment(tmp_path: Path) -> None:
    given = {"more": ENDS}
    runs = [
        tiny_run(tmp_path / name, given, best={"more": BEST}, entries=MATCH, compare={"select": "score"})
        for name in ("one", "two")
    ]
    found = compare(runs)
    assert isinstance(found, dict)
    assert (found["comparisons"][0]["scored"], found["comparisons"][0]["at_best"]) == ("end", None)
    assert any("--at best scores" in warning for warning in found["warnings"])


@pytest.mark.parametrize("entries", [{}, MATCH], ids=["not matched", "no select"])
def test_a_pair_is_scored_once_unless_matched_and_selected(tmp_path: Path, entries: Json) -> None:
    select = None if entries else "score"
    found = body(tmp_path, best={"grown": GROWN, "more": BEST}, entries=entries, compare={"select": select})
    pair = found["comparisons"][0]
    assert (pair["scored"], pair["at_best"], pair["at_end"]) == ("end", None, None)
    warned = [w for w in found["warnings"] if "more is matched and scored at its end only" in w]
    assert len(warned) == len(entries)


def test_at_best_scores_every_arm_there(tmp_path: Path) -> None:
    found = body(tmp_path, best={"grown": ENDS, "more": BEST}, compare={"at": "best"})
    assert (found["comparisons"][0]["scored"], found["exploratory"]) == ("best", False)
    assert found["comparisons"][0]["difference"] == gap(ENDS, BEST)
    assert "score points at the best checkpoint" in words(found)[1]


def test_without_a_best_on_record_the_mend_is_named(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": GROWN})
    with pytest.raises(EvidenceError, match=r"not on record at its best.*compare\.select"):
        compare([run], at="best")


def test_a_best_checkpoint_from_before_a_divergence_counts_as_it_is(tmp_path: Path) -> None:
    """Update 10 is the best; seed 2 diverged at 15, seed 3 already at 5."""
    found = body(
        tmp_path,
        best={"grown": GROWN, "more": BEST},
        diverged={"more": {2: 15, 3: 5}},
        compare={"at": "best"},
    )
    values = found["arms"]["more"]["values"]
    assert (values["2"], values["3"]) == (BEST[2], 0.0)


def test_an_end_that_is_not_known_is_not_replaced_by_a_best_that_is(tmp_path: Path) -> None:
    """A matched arm gains least at its best, but a learner of it was lost after that: open, not decided there."""
    lost = {"diverged": {"more": {3: 15}}, "metric": {"worst": None}}
    pair = body(tmp_path, best={"grown": GROWN, "more": BEST}, **lost)["comparisons"][0]
    assert (pair["scored"], pair["verdict"], pair["p"]) == ("end", "incomplete", None)
    assert "more seed 3" in pair["reason"]


def test_the_best_is_no_point_of_the_curve(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": GROWN}, best={"a": BEST}, on_the_way={5: ENDS})
    life = load(run).points[0].arms["a"].lives[0]
    assert [moment.when for moment in life.moments] == ["birth", "every", "end"]
    assert life.best is not None and (life.best.update, life.best.when) == (10, "best")
    assert compare([run], at=20)["arms"]["a"]["values"]["0"] == GROWN[0]  # type: ignore[call-overload]


def test_tuning_is_an_entry_of_its_own_and_part_of_the_total(tmp_path: Path) -> None:
    """8 learners of 1e6 FLOPs and 5e6 of trials; gains and ledgers stay those of a learner's life."""
    tuning = {
        "chosen": {"learning_rate": 0.1},
        "seeds": [100],
        "probe": "score",
        "trials": [],
        "ledger": {"flops": 5e6},
    }
    found = body(tmp_path, entries={"grown": {"tuning": tuning}})
    arm = found["arms"]["grown"]
    assert arm["tuning"] == tuning
    assert (arm["ledger"]["flops"], arm["total"]["flops"], arm["total"]["labels"]) == (1e6, 13e6, 40)
    assert found["arms"]["more"]["tuning"] is None
    assert found["comparisons"][0]["gain_per"]["flops"] is None


def test_tuning_counts_when_controls_are_looked_for(tmp_path: Path) -> None:
    """Equal lives, but one arm's trials cost as much again: its rival computed less."""
    tuning = {"chosen": {}, "seeds": [100], "probe": "score", "trials": [], "ledger": {"flops": 8e6}}
    assert any("no control pair" in w for w in body(tmp_path / "a", entries={"grown": {"tuning": tuning}})["warnings"])
    assert not any("no control pair" in w for w in body(tmp_path / "b", entries={})["warnings"])


def test_gain_per_unit_of_a_whole_life(made_up: Path) -> None:
    """sham lived 30 updates of 8 images before the same school, and gained next to nothing."""
    found = compare([made_up])
    assert isinstance(found, dict)
    pair = next(pair for pair in found["comparisons"] if pair["arm"] == "sham")
    assert pair["gain_per"]["images"] == pytest.approx(pair["difference"] / 240)
    assert pair["gain_per"]["labels"] is None


def test_scored_twice_in_a_larger_run(tmp_path: Path) -> None:
    """`more-school` is .004 better at its best, in all seeds but the one that diverged (which counts there too)."""
    matched = {"more-school": {"match": {"arm": "developmental", "by": "flops"}}}
    found = compare([write_run(tmp_path, best=True, arms=matched, compare={"select": "digits"})])
    assert isinstance(found, dict)
    pairs = {pair["against"]: pair for pair in found["comparisons"] if pair["arm"] == "developmental"}
    assert pairs["more-school"]["scored"] == "best"
    assert pairs["random-init"]["at_best"] is None
    assert pairs["more-school"]["at_end"]["difference"] > pairs["more-school"]["difference"]
