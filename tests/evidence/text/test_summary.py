"""A headline reports few verdicts one by one and counts many; who beat all of its rivals is named."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from devlearn.evidence.text import summary
from devlearn.evidence.text.comparison import FEW
from devlearn.records.results import Comparison, Comparisons, Failures, PairResult, Reason, TestKind, Warning_

Pairs = Sequence[tuple[str, str, str]]


def body(pairs: Pairs, point: Mapping[str, Any] | None = None) -> Comparison:
    """What a headline reads of a point of a comparison; the rest is not there."""
    plain: dict[str, Any] = {
        "fragile": (),
        "unless": None,
        "failures": None,
        "beyond_smallest_effect": True,
        "n": 16,
        "seeds": 16,
        "reason": None,
        "test": TestKind.WELCH,
    }
    made = (
        PairResult.model_construct(arm=arm, against=against, suggests=word, **plain) for arm, against, word in pairs
    )  # type: ignore[arg-type]
    return Comparison.model_construct(
        comparisons=tuple(made),
        point=dict(point or {}),
        exploratory_reasons=(),
        look=None,
        pin=(),
        smallest_effect=0.01,
        unit="share",
        warnings=(),
    )


def headline(*points: Comparison) -> str:
    return summary.headline(Comparisons.model_construct(points=points))


def family(arm: str, *words: str) -> list[tuple[str, str, str]]:
    return [(arm, f"{arm}-{place}", word) for place, word in enumerate(words)]


def test_few_pairs_are_told_one_by_one() -> None:
    few = family("a", *["better"] * (FEW - 1)) + family("b", "undecided")
    assert headline(body(few)).startswith("a is better than a-0, a-1, ")
    assert headline(body(few)).endswith("b is undecided against b-0.")
    assert headline(body([*few, ("b", "c", "worse")])) == (
        f"The verdict is better in {FEW - 1} of {FEW + 1} pairs, worse in 1 and undecided in 1. "
        "a beats every arm that it is paired with."
    )


def warned(pairs: Pairs, *warnings: Warning_, point: Mapping[str, Any] | None = None) -> Comparison:
    return body(pairs, point).model_copy(update={"warnings": warnings})


def test_failures_are_said_before_differences() -> None:
    """Whoever ended with an error, then whoever diverged; over points with where."""
    gone = Warning_.of("diverged", arm="wild", diverged=6, seeds=6, counted=True)
    some = Warning_.of("diverged", arm="odd", diverged=1, seeds=6, counted=True)
    error = Warning_.of("failed", arm="lost", failed=3, seeds=6, job="j", why="w", more=0)
    pairs = [("wild", "calm", "worse")]
    assert headline(warned(pairs, gone, some, error)) == (
        "3 of 6 learners of lost ended with an error. All 6 learners of wild diverged and 1 of 6 learners of odd "
        "diverged. wild is worse than calm."
    )
    two = [warned(pairs, *own, point={"s.labels": n}) for n, own in ((1, [gone]), (2, [gone, some]))]
    assert headline(*two).startswith(
        "All 6 learners of wild diverged at every point and 1 of 6 learners of odd diverged at 1 of 2 points. At all"
    )
    many = [Warning_.of("diverged", arm=str(i), diverged=1, seeds=6, counted=True) for i in range(9)]
    assert headline(warned(pairs, *many)).startswith("9 of 54 learners of 9 arms diverged. ")


def test_a_verdict_over_nothing_but_failed_learners_is_called_that() -> None:
    point = body([("a", "b", "better"), ("a", "c", "better")])
    counts = {"only_arm": None, "only_against": None, "p": None, "bound": 0.2, "accepted": None, "alive": None}
    for arm, against, told in ((0, 6, True), (6, 1, True), (5, 5, False)):
        gone = Failures(arm=arm, against=against, n=6, **counts)
        pairs = (point.comparisons[0].model_copy(update={"failures": gone}), point.comparisons[1])
        found = headline(point.model_copy(update={"comparisons": pairs}))
        assert ("All learners of one side failed and count with the worst value: a against b." in found) is told


def test_what_so_few_seeds_cannot_settle_is_said_as_that() -> None:
    short = Warning_.of("out_of_reach", n=6, seeds=6, family=2, looks=1, enough=8, smallest=0.1)
    open_ = [("a", "b", "undecided"), ("a", "c", "undecided")]
    assert headline(warned(open_, short)) == "Undecided: 6 seeds can't settle 2 comparisons."
    assert headline(warned([*open_, ("a", "d", "incomplete")], short)).endswith("Not comparable yet: a against d.")
    over = warned([*open_, ("a", "d", "incomplete")], short)
    lost = over.comparisons[2].model_copy(update={"reason": Reason.of("never_finite", measure="score")})
    found = over.model_copy(update={"comparisons": (*over.comparisons[:2], lost), "arms": {"a": None, "d": None}})
    why = "no learner of a or d has a finite result, and devlearn resume changes nothing"
    assert headline(found).endswith(f"2 comparisons. Not comparable: a against d ({why}).")
    assert headline(warned([*open_, ("a", "d", "identical")], short)).startswith("a is identical to d and is undecided")


def test_many_pairs_of_one_verdict_are_one_sentence() -> None:
    assert headline(body(family("a", *["undecided"] * 39))) == "The verdict is undecided in all 39 pairs."


def test_who_loses_one_pair_is_not_named() -> None:
    """On whichever side of the pair it stands."""
    pairs = family("a", *["better"] * 4) + family("b", *["better"] * 4) + family("c", *["better"] * 4)
    all_but_b = headline(body([*pairs, ("c", "b", "better")]))
    assert all_but_b.endswith("all 13 pairs.")
    assert headline(body([*pairs, ("d", "b", "better"), ("d", "e", "undecided")])).endswith(
        "a and c beat every arm that they are paired with."
    )
    assert headline(body([*pairs, ("e", "b", "worse"), ("d", "f", "worse")])).endswith(
        "a, b and c beat every arm that they are paired with."
    )
    none = family("a", *["better"] * 8, "undecided") + family("b", "worse", "better")
    assert headline(body(none)).endswith("No arm beats every arm that it is paired with.")


def test_points_at_which_an_arm_wins_are_named_while_they_are_few() -> None:
    won, open_ = family("a", *["better"] * 5), family("a", *["better"] * 4, "undecided")
    at = [{"stages.s.shift": shift, "probes.p.shift": shift} for shift in range(4)]
    two = headline(body(won, at[0]), body(open_, at[1]))
    assert two == (
        "The verdict is better in 9 of 10 pairs over 2 points and undecided in 1. "
        "a beats every arm that it is paired with at shift = 0."
    )
    four = headline(*(body(won, point) for point in at[:3]), body(open_, at[3]))
    assert four.endswith("a beats every arm that it is paired with at 3 of 4 points.")


def test_the_same_few_verdicts_at_many_points_are_told_once() -> None:
    points = [{"stages.s.labels": labels} for labels in (1, 10, 100, 1000, 10_000)]
    text = headline(*(body(family("a", "better", "worse"), point) for point in points))
    assert text == "At all 5 points of labels: a is better than a-0 and is worse than a-1."


@pytest.mark.parametrize("arms", [FEW, FEW + 1])
def test_many_winners_are_counted(arms: int) -> None:
    pairs = [pair for name in range(arms) for pair in family(f"arm{name}", "better", "better")]
    text = headline(body([*pairs, ("x", "y", "worse")]))
    assert (f" {arms} arms beat every arm" in text) == (arms > FEW)
    assert ("arm7 beat every" in text) == (arms == FEW)
    assert text.count(". ") == 1


def test_few_pairs_over_many_points_are_told_over_what_is_varied() -> None:
    """`all` is a place like the numbers; what changes besides is not what the points are told by."""
    labels: list[dict[str, Any]] = [{"stages.s.labels": count} for count in (10, 100, 1000)]
    points = [*labels, {"stages.s.labels": "all", "stages.s.updates": 800}]
    words = ("better", "better", "better", "equivalent")
    bodies = [
        body([("a", "b", word), ("a", "c", "worse"), ("a", "d", "undecided")], p)
        for p, word in zip(points, words, strict=True)
    ]
    assert headline(*bodies) == (
        "Over 4 values of labels, 10 to all: a against b: better from 10 to 1000, equivalent at all; "
        "a against c: worse at every; a against d: undecided at every."
    )


def test_a_headline_stays_short_over_many_points() -> None:
    """Where a word holds at more than two of them, by their first and last, or by how many."""
    words = ["better"] * 4 + ["undecided", "worse", "undecided", "better", "undecided", "undecided"]
    bodies = [body([("a", "b", word)], {"stages.s.lr": 10.0**place}) for place, word in enumerate(words)]
    assert headline(*bodies) == (
        "Over 10 values of lr, 1 to 1e9: a against b: better at 5 of 10, worse at 100000, undecided at 4 of 10."
    )
    assert (
        headline(*bodies[:5])
        == "Over 5 values of lr, 1 to 10000: a against b: better from 1 to 1000, undecided at 10000."
    )
    assert headline(*bodies[3:5]) == "lr = 1000: a is better than b. lr = 10000: a is undecided against b."
    jumbled = [bodies[place] for place in (2, 0, 3, 4)]
    assert "better at 3 of 4, undecided at 10000" in headline(*jumbled)
    unnamed = [body([("a", "b", word)], {"stages.s.keys": {"x": word}}) for word in ("better", "worse", "better")]
    assert headline(*unnamed).startswith("The verdict is better in 2 of 3 pairs over 3 points and worse in 1.")
    lone = [body([], {"stages.s.lr": value}) for value in (1, 2, 3)]
    odd = [point.model_copy(update={"arms": dict.fromkeys("ab"[: place + 1])}) for place, point in enumerate(lone[:2])]
    assert headline(*(point.model_copy(update={"arms": {"a": None}}) for point in lone)) == (
        "At all 3 points of lr: 1 arm, no comparison declared."
    )
    assert headline(*odd, odd[0]) == (
        "lr = 1: 1 arm, no comparison declared. lr = 2: 2 arms, no comparison declared. lr = 1: 1 arm, no comparison "
        "declared."
    )
