"""Where nothing differs between the seeds they are one lineage."""

from pathlib import Path

from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import tiny_run
from tests.evidence.pairs import BASE, PAIR

PINNED = {"pin": ["init", "labels", "order"]}


def test_where_nothing_differs_between_the_seeds_n_is_one(tmp_path: Path) -> None:
    body = only(compare([tiny_run(tmp_path, {"a": [0.9] * 8, "b": [0.5] * 8}, compare=PAIR)]))
    pair = body["comparisons"][0]
    assert (pair["n"], pair["seeds"], pair["suggests"], pair["p"]) == (1, 8, "undecided", 1.0)
    assert pair["reason"] == "nothing differs between the seeds: n = 1, so no test is possible"
    assert "Not decidable: nothing differs between the seeds: n = 1" in words(body)[1]
    assert (body["arms"]["a"]["n"], pair["interval"]) == (1, [None, None])


def test_pinning_all_that_is_drawn_leaves_one_lineage_whatever_is_measured(tmp_path: Path) -> None:
    """A noisy probe of equal learners says nothing of other learners; with one stream free in an arm, seeds count."""
    ends, drawn = {"a": [x + 0.4 for x in BASE], "b": BASE}, {"draws": ["init", "labels", "order"]}
    whole = tiny_run(tmp_path / "whole", ends, compare=PAIR, entries={"a": drawn, "b": drawn}, **PINNED)
    assert only(compare([whole]))["comparisons"][0]["n"] == 1
    free = {"a": {"draws": ["init", "labels", "order", "mask"]}, "b": drawn}
    part = tiny_run(tmp_path / "part", ends, compare=PAIR, entries=free, **PINNED)
    assert only(compare([part]))["comparisons"][0]["n"] == 8


def test_learners_that_all_end_at_the_top_still_count(tmp_path: Path) -> None:
    """Equal at the end, but not on the way: other learners, so every seed counts."""
    ends = {"a": [1.0] * 8, "b": [0.0] * 8}
    pair = only(compare([tiny_run(tmp_path, ends, on_the_way={10: BASE}, compare=PAIR)]))["comparisons"][0]
    assert (pair["n"], pair["suggests"], pair["p"]) == (8, "better", 2 / 2**8)


def test_learners_that_were_trained_otherwise_count_where_all_score_alike(tmp_path: Path) -> None:
    """Every learner solves a small task wholly, as no newborn does: other weights, other losses, the same score."""
    ends = {"a": [1.0] * 8, "b": [0.0] * 8}
    pair = only(compare([tiny_run(tmp_path, ends, losses=BASE, compare=PAIR)]))["comparisons"][0]
    assert (pair["n"], pair["suggests"], pair["p"]) == (8, "better", 2 / 2**8)
