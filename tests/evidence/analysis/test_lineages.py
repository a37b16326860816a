"""Seeds that share what was learned once count once."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.evidence.analysis.pairing import Pair, lineages, pair
from devlearn.records.reader import ArmRecords, Json
from tests.evidence.answers import compare, words
from tests.evidence.fake_arms import ACCURACY
from tests.evidence.fake_run import tiny_run, write_run

A = [5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
B = [1.0, 1.0, 4.0, 2.0, 5.0, 3.0]


def arm(**names: str) -> ArmRecords:
    return ArmRecords("a", (), {}, 0.0, (), {int(seed[1:]): name for seed, name in names.items()})


def body(folder: Path, a: dict[str, str], b: dict[str, str] | None = None, **keys: Any) -> Json:
    entries = {"a": {"lineages": a}, "b": {"lineages": b or {}}}
    values = {"a": A, "b": B}
    found = compare([tiny_run(folder, values, compare={"pairs": [["a", "b"]]}, entries=entries, **keys)])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("arms", "groups"),
    [
        ([arm(), arm()], [[0], [1], [2], [3], [4]]),
        ([arm(s0="g", s1="g"), arm()], [[0, 1], [2], [3], [4]]),
        ([arm(s0="g", s1="g"), arm(s1="h", s2="h")], [[0, 1, 2], [3], [4]]),
        ([arm(s0="g", s4="g", s1="k", s2="k"), arm(s4="h", s2="h")], [[0, 1, 2, 4], [3]]),
        ([arm(s0="g", s1="g"), arm(s3="g", s4="g")], [[0, 1, 3, 4], [2]]),
    ],
    ids=["none", "one arm", "a chain", "a late bridge", "one name in both"],
)
def test_groups_are_connected_components(arms: list[ArmRecords], groups: list[list[int]]) -> None:
    assert sorted(lineages(range(5), arms)) == groups


def test_values_are_averaged_within_lineages_by_hand(tmp_path: Path) -> None:
    """a joins 0 and 1, b joins 1 and 2: {0, 1, 2}, 3, 4, 5. Means 6, 8, 9, 10 against 2, 2, 5, 3: 4, 6, 4, 7."""
    found = body(tmp_path, {"0": "g", "1": "g"}, {"1": "h", "2": "h"})
    pair = found["comparisons"][0]
    assert (pair["n"], pair["seeds"]) == (4, 6)
    assert pair["means"] == pytest.approx([33 / 4, 3.0])
    assert pair["difference"] == pytest.approx(21 / 4)
    assert (pair["p"], pair["verdict"]) == (2 / 16, "undecided")
    assert pair["probability_of_improvement"] == 1.0


def test_an_arms_own_numbers_count_its_own_lineages(tmp_path: Path) -> None:
    """a: (5 + 6) / 2, 7, 8, 9, 10 is mean 39.5 / 5, median 8; all six values stay on show."""
    arms = body(tmp_path, {"0": "g", "1": "g"})["arms"]
    assert (arms["a"]["n"], arms["a"]["seeds"], arms["a"]["median"]) == (5, 6, 8.0)
    assert arms["a"]["mean"] == pytest.approx(7.9)
    assert len(arms["a"]["values"]) == 6
    assert (arms["b"]["n"], arms["b"]["mean"]) == (6, pytest.approx(16 / 6))


def test_one_lineage_is_said_plainly(tmp_path: Path) -> None:
    found = body(tmp_path, {str(seed): "the genome" for seed in range(6)})
    pair = found["comparisons"][0]
    assert (pair["n"], pair["p"], pair["interval"], pair["verdict"]) == (1, 1.0, [None, None], "undecided")
    assert "one lineage: its 6 seeds share what was learned once, so no test is possible" in words(found)[1]
    assert found["arms"]["a"]["sd"] is None


def test_two_seeds_of_one_lineage_are_no_single_seed(tmp_path: Path) -> None:
    shared = {"a": {"lineages": {"0": "g", "1": "g"}}}
    two = tiny_run(tmp_path, {"a": A[:2], "b": B[:2]}, compare={"pairs": [["a", "b"]]}, entries=shared)
    found = compare([two])
    assert isinstance(found, dict)
    assert "its 2 seeds share what was learned once" in found["comparisons"][0]["reason"]


def test_a_single_seed_is_no_lineage_of_several(tmp_path: Path) -> None:
    alone = tiny_run(tmp_path, {"a": A[:1], "b": B[:1]}, compare={"pairs": [["a", "b"]]})
    found = compare([alone])
    assert isinstance(found, dict)
    assert found["comparisons"][0]["reason"] == "one seed: no test is possible"


@pytest.mark.parametrize("paired", [True, False])
def test_nothing_differs_where_nothing_does_in_either_arm(paired: bool) -> None:
    for fixed in itertools.product([True, False], repeat=2):
        a, b = (ArmRecords(name, (), {}, 0.0, (), fixed=one) for name, one in zip("ab", fixed, strict=True))
        found = pair((a, {0: 1.0, 1: 1.0}), (b, {0: 2.0, 1: 2.0}), ACCURACY, paired)
        assert found.fixed == all(fixed)
        assert found.n == (1 if all(fixed) or (any(fixed) and not paired) else 2)
    assert not Pair("a", "b", (1.0,), (2.0,), paired).fixed


def test_lineages_that_reduce_n_are_told_of(tmp_path: Path) -> None:
    found = body(tmp_path, {"0": "g", "1": "g"})
    assert any(w.startswith("5 lineages (6 seeds): fewer than 10") for w in found["warnings"])
    text = words(found)
    assert "5 lineages (6 seeds)" in text[1]
    assert text[-1] == (
        "Seeds that share what was learned once, or that differ in nothing, are one lineage: averaged, and n counts "
        "lineages."
    )


def test_identical_means_every_learner_not_the_means_of_lineages(tmp_path: Path) -> None:
    """0 and 1 swapped: the lineage's means agree, the learners don't."""
    swapped = [A[1], A[0], *A[2:]]
    entries = {"a": {"lineages": {"0": "g", "1": "g"}}}
    run = tiny_run(tmp_path, {"a": A, "b": swapped}, compare={"pairs": [["a", "b"]]}, entries=entries)
    found = compare([run])
    assert isinstance(found, dict)
    assert found["comparisons"][0]["difference"] == 0
    assert found["comparisons"][0]["verdict"] == "undecided"


def test_shared_genomes_make_false_positives_unless_counted_once() -> None:
    """A/A with a lineage effect on four seeds each: tested over 16 seeds it is found far too often, over 4 never."""
    from devlearn.evidence.statistics.sign_flip import sign_flip

    rng = np.random.default_rng(5)
    d = np.repeat(rng.normal(0, 1, (400, 4)), 4, axis=1) + rng.normal(0, 0.3, (400, 16))
    naive = np.mean([sign_flip(row) <= 0.05 for row in d])
    counted = np.mean([sign_flip(row.reshape(4, 4).mean(1)) <= 0.05 for row in d])
    assert naive > 0.3
    assert counted == 0


def test_a_stage_lived_before_the_lineage_began_counts_its_seeds(tmp_path: Path) -> None:
    """The early stages are shared with `shuffled`, which has no lineage; `grown` is the developmental arm's alone."""
    pairs = {str(seed): f"genome {seed // 2}" for seed in range(8)}
    run = write_run(tmp_path, seeds=8, arms={"developmental": {"lineages": pairs}})
    found = compare([run])
    assert isinstance(found, dict)
    n = {(entry["stage"], entry["branch"]): entry["n"] for entry in found["stages"]}
    assert (n["waves", "early"], n["school", "grown"], n["school", "shuffled"]) == (8, 4, 8)
