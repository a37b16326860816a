"""comparison.json: its shape, its verdicts, what is missing, and its words."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn import evidence
from devlearn.evidence import EvidenceError
from devlearn.records.reader import Json, load
from devlearn.records.schema import LEDGER
from devlearn.report.export import tables
from tests.evidence.answers import compare, entries, only, save, words
from tests.evidence.fake_run import finish, tiny_run, write_run

WOBBLE = [0.01, -0.02, 0.03, 0.0, -0.01, 0.02, -0.03, 0.01]
BASE = [0.5 + w for w in WOBBLE]
PAIR = {"pairs": [["a", "b"]], "smallest_effect": 0.2}


def verdict(folder: Path, a: list[float], b: list[float], **keys: object) -> Json:
    run = tiny_run(folder, {"a": a, "b": b}, compare={**PAIR, **keys})
    return dict(only(compare([run]))["comparisons"][0])


def test_shape_is_the_documented_one(made_up: Path) -> None:
    body = only(compare([made_up]))
    assert {"scenario", "digest", "probe", "at", "arms", "comparisons"} <= body.keys()
    arm = body["arms"]["developmental"]
    assert {"n", "mean", "sd", "median", "iqm", "diverged", "values", "ledger"} <= arm.keys()
    assert list(arm["ledger"]) == [*LEDGER, "seconds"]
    assert list(arm["values"]) == [str(seed) for seed in range(16)]
    keys = {"arm", "against", "n", "difference", "interval", "p", "p_adjusted", "probability_of_improvement", "verdict"}
    assert all(keys <= pair.keys() for pair in body["comparisons"])


def test_planted_effects_are_found(made_up: Path) -> None:
    pairs = only(compare([made_up]))["comparisons"]
    assert [pair["verdict"] for pair in pairs] == ["better", "better", "better", "equivalent", "identical"]
    assert pairs[0]["p"] == 2 / 2**16
    assert pairs[0]["p_adjusted"] == 5 * 2 / 2**16
    low, high = pairs[0]["interval"]
    assert low < 0.05 < high
    assert pairs[0]["beyond_smallest_effect"]


def test_saved_file_is_strict_json_and_what_was_returned(copy: Path) -> None:
    comparison = save(copy)
    text = (copy / "comparison.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == comparison
    assert not list(copy.glob("*.new"))


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


def test_statistics_of_an_uneven_arm_by_hand(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [30.0, 1.0, 2.0, -8.0, 3.0, 4.0, 10.0, 40.0]})
    arm = only(compare([run]))["arms"]["a"]
    assert (arm["mean"], arm["median"], arm["iqm"]) == (10.25, 3.5, 4.75)
    assert arm["sd"] == pytest.approx(math.sqrt((2694 - 8 * 10.25**2) / 7))  # sum of squares 2694


def test_what_an_arm_of_one_learner_or_without_a_best_value_does_not_have(tmp_path: Path) -> None:
    found = only(compare([tiny_run(tmp_path / "one", {"a": [0.5]})])).found
    single = found.points[0].arms["a"]  # in the file nan is null as well
    assert (single.n, single.mean, single.sd, single.best) == (1, 0.5, None, None)
    two = tiny_run(tmp_path / "two", {"a": [0.5, 0.7]}, best={"a": [0.6, 0.8]})
    pair = only(compare([two]))["arms"]["a"]
    assert (pair["sd"], pair["best"]) == (pytest.approx(0.02**0.5), pytest.approx(0.7))
    lost = {"best": {"a": [0.6, 0.8]}, "diverged": {"a": {0: 5}}, "metric": {"worst": None}}
    gone = only(compare([tiny_run(tmp_path / "gone", {"a": [0.5, 0.7]}, **lost)]))["arms"]["a"]  # type: ignore[arg-type]
    assert (gone["mean"], gone["sd"], gone["best"], gone["diverged"]) == (None, None, None, 1)


def test_ledger_pays_for_the_whole_path(made_up: Path) -> None:
    ledger = only(compare([made_up]))["arms"]["developmental"]["ledger"]
    assert ledger == {
        "labels": 100,
        "label_bits": pytest.approx(100 * math.log2(10)),
        "labels_validation": 0,
        "images": 2 * 30 * 8 + 30 * 16,
        "env_steps": 3000,
        "updates": 120,
        "flops": 30 * (3e6 + 3e6 + 5e6 + 3e6),
        "seconds": (4 + 5 + 5 + 6) / 16,  # the last totals of two branches x two blocks
    }


def test_a_folder_of_the_format_before_says_nothing_of_labels_that_choices_read(copy: Path) -> None:
    now = only(compare([copy]))
    for path in copy.glob("jobs/*/*/records/*/train.csv"):
        table = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
        place = table[0].index("labels_validation")
        lines = [",".join(cells[:place] + cells[place + 1 :]) for cells in table]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    before = only(compare([copy]))
    for name, arm in before["arms"].items():
        for ledger in ("ledger", "total"):
            assert arm[ledger] == {**now["arms"][name][ledger], "labels_validation": None}
    assert before["comparisons"] == now["comparisons"]
    found = next(row for row in tables(load(copy), evidence.compare([load(copy)]))["ledger"].rows)
    assert found["labels_validation"] is None and found["labels"] == 100


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


def test_unfinished_jobs_leave_only_their_pairs_open(copy: Path) -> None:
    finish(copy / "jobs/grown/seeds-8-15", "failed")
    body = only(compare([copy]))
    assert [pair["verdict"] for pair in body["comparisons"]] == ["incomplete"] * 3 + ["equivalent", "identical"]
    assert body["incomplete"] == ["jobs/grown/seeds-8-15"]
    assert body["arms"]["developmental"]["n"] == 8
    assert body["comparisons"][3]["p_equivalence_adjusted"] == 5 * body["comparisons"][3]["p_equivalence"]
    assert "jobs/grown/seeds-8-15" in words(body)[1]


def test_a_half_written_line_is_not_read(copy: Path) -> None:
    before = compare([copy])
    for file in copy.glob("jobs/plain/*/records/00-school.0/train.csv"):
        with file.open("a") as train:
            train.write("3,40,100,33")
    assert compare([copy]) == before


def test_another_probe_or_moment_is_exploratory(made_up: Path) -> None:
    asked = [compare([made_up], "reach"), compare([made_up], "digits.cross_entropy"), compare([made_up], at="birth")]
    for comparison in asked:
        assert {pair["verdict"] for pair in only(comparison)["comparisons"]} == {"exploratory"}
        assert words(comparison)[0].startswith("Exploratory")
    same = only(compare([made_up], "digits.accuracy", "end"))
    assert not same["exploratory"]
    assert only(asked[2])["comparisons"][0]["suggests"] == "identical"


def test_at_an_update_reads_the_way_point(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [9.0, 9.0]}, on_the_way={10: [3.0, 4.0]})
    assert only(compare([run], at=10))["arms"]["a"]["values"] == {"0": 3.0, "1": 4.0}
    with pytest.raises(EvidenceError, match=r"not measured at update 11; there are: 10, 20"):
        compare([run], at=11)


def test_area_by_hand(tmp_path: Path) -> None:
    """Birth 0.1 at 0, 3 at 10, 9 at 20: (0.1 + 3) / 2 * 10 + (3 + 9) / 2 * 10, over 20."""
    run = tiny_run(tmp_path, {"a": [9.0, 9.0]}, on_the_way={10: [3.0, 4.0]}, diverged={"a": {1: 15}})
    values = only(compare([run], at="area"))["arms"]["a"]["values"]
    assert values["0"] == pytest.approx(3.775)
    assert values["1"] == pytest.approx((0.1 + 4) / 4 + (4 + 0) / 4)  # diverged at 15: worst, 0, at 20


def test_area_of_a_later_stage_begins_where_the_stage_before_ended(made_up: Path) -> None:
    values = only(compare([made_up], at="area"))["arms"]["shuffled"]["values"]
    assert 0.5 < values["0"] < 0.65


def test_what_is_not_on_record_is_named(made_up: Path, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"no probe called 'digit'.*digits, frames"):
        compare([made_up], "digit")
    with pytest.raises(EvidenceError, match=r"no metric 'f1'; it has: accuracy"):
        compare([made_up], "digits.f1")
    with pytest.raises(EvidenceError, match="end, best, birth, area or an update"):
        compare([made_up], at="ende")
    with pytest.raises(EvidenceError, match="no run folder"):
        compare([tmp_path])


def test_vary_gives_a_list_and_one_family(tmp_path: Path) -> None:
    found = compare([write_run(tmp_path / "varied", vary=[10, 100])])
    assert isinstance(found, list)
    assert [body["point"] for body in found] == [{"stages.school.labels": 10}, {"stages.school.labels": 100}]
    assert found[0]["comparisons"][0]["p_adjusted"] == 10 * found[0]["comparisons"][0]["p"]
    assert words(found)[0].startswith("At all 2 points of labels: developmental is better than")


def test_runs_of_the_same_seeds_are_compared_seed_by_seed(tmp_path: Path) -> None:
    few = tiny_run(tmp_path / "few", {"a": BASE}, compare=PAIR)
    many = tiny_run(tmp_path / "many", {"a": [x + 0.4 for x in BASE]}, compare=PAIR)
    body = only(compare([few, many]))
    assert list(body["arms"]) == ["few/a", "many/a"]
    pair = body["comparisons"][0]
    assert (pair["arm"], pair["against"], pair["suggests"]) == ("many/a", "few/a", "better")
    assert (pair["test"], pair["p"]) == ("sign-flip, exact", 2 / 2**8)
    assert only(compare([few, few]))["comparisons"][0]["suggests"] == "identical"


def test_comparisons_of_several_runs_are_exploratory(tmp_path: Path) -> None:
    runs = [tiny_run(tmp_path / name, {"a": BASE}, compare=PAIR) for name in ("one", "other")]
    body = only(compare(runs))
    assert (body["exploratory"], body["comparisons"][0]["verdict"]) == (True, "exploratory")
    assert body["exploratory_reasons"] == ["comparisons of several runs are declared nowhere"]
    assert words(body)[0].startswith("Exploratory, comparisons of several runs are declared nowhere: ")


@pytest.mark.parametrize(("seeds", "common"), [(range(8, 16), 0), (range(5, 13), 3)], ids=["none", "some"])
def test_runs_of_other_seeds_are_compared_unpaired(tmp_path: Path, seeds: range, common: int) -> None:
    few = tiny_run(tmp_path / "few", {"a": BASE}, compare=PAIR)
    many = tiny_run(tmp_path / "many", {"a": [x + 0.4 for x in BASE]}, compare=PAIR, seeds=seeds)
    body = only(compare([few, many]))
    pair = body["comparisons"][0]
    assert (pair["suggests"], pair["test"], pair["n"]) == ("better", "Welch, unpaired", 8)
    assert any(f"{common} seeds in common" in warning for warning in body["warnings"]) == (common > 0)


def test_runs_that_measure_by_another_probe_are_unpaired_and_warned_of(tmp_path: Path) -> None:
    one = tiny_run(tmp_path / "one", {"a": BASE}, compare=PAIR)
    other = tiny_run(tmp_path / "other", {"a": BASE}, compare=PAIR, metric={"worst": -1.0})
    body = only(compare([one, other]))
    assert body["comparisons"][0]["test"] == "Welch, unpaired"
    assert any("define the probe score differently" in warning for warning in body["warnings"])


def test_each_budget_is_judged_by_its_own_probe(made_up: Path) -> None:
    stages = only(compare([made_up]))["stages"]
    own = {(entry["stage"], tuple(entry["arms"])): entry for entry in stages if entry["own"]}
    shared = ("developmental", "shuffled")
    assert {stage: own[stage, shared]["probe"] for stage in ("waves", "look", "play")} == {
        "waves": "frames",
        "look": "pictures",
        "play": "reach",
    }
    assert own["waves", shared]["change"] == pytest.approx(-0.3)
    assert all(entry["improved"] and entry["p"] == 2 / 2**16 for key, entry in own.items() if key[0] != "school")
    waves = [entry for entry in stages if entry["stage"] == "waves" and not entry["own"]]
    assert [(entry["probe"], entry["improved"]) for entry in waves] == [("digits", False)]


def test_warnings_name_few_seeds_divergence_and_a_missing_control(tmp_path: Path) -> None:
    run = write_run(tmp_path / "few", seeds=4)
    text = " ".join(only(compare([run]))["warnings"])
    assert "4 seeds" in text
    assert "can reach significance" in text
    whole = write_run(tmp_path / "whole", compare={"pairs": [["developmental", "random-init"]]})
    warnings = only(compare([whole]))["warnings"]
    assert any("developmental" in w and "control" in w for w in warnings)
    assert any("more-school: 1 of 16 learners diverged" in w for w in warnings)


@pytest.mark.parametrize("pair", [["a", "b"], ["b", "a"]])
def test_a_missing_control_is_warned_of_in_either_order(tmp_path: Path, pair: list[str]) -> None:
    """b wins with twice the compute, whether it is called better than a or a is called worse."""
    rises = [x + 0.3 + 0.01 * seed for seed, x in enumerate(BASE)]
    run = tiny_run(tmp_path, {"a": BASE, "b": rises}, flops={"a": 1e6, "b": 2e6}, compare={"pairs": [pair]})
    warned = [warning for warning in only(compare([run]))["warnings"] if "no control pair" in warning]
    assert [warning.split(" ")[0] for warning in warned] == ["b"]


def test_a_control_pair_silences_the_warning(made_up: Path) -> None:
    assert not any("control" in warning for warning in only(compare([made_up]))["warnings"])


def test_words_give_numbers_and_their_limits(made_up: Path, tmp_path: Path) -> None:
    found = words(compare([made_up]))
    assert found[0] == (
        "developmental is better than random-init, shuffled and more-school. "
        "sham is equivalent to random-init. twin is identical to random-init. "
        "Fragile: developmental against more-school. "
        "Better by less than the smallest effect, 1 point, can't be excluded: developmental against more-school. "
        "All of this holds unless some fail: 16 seeds can't exclude that up to 18 % do."
    )
    assert "digits accuracy at the end 79.1" in found[1]
    assert "after adjustment for 5 comparisons, 16 seeds" in found[1]
    few = words(compare([write_run(tmp_path / "few", seeds=4)]))
    assert "can't reach significance, whatever the difference" in few[1]


def test_a_scenario_without_a_comparison_still_has_numbers(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": BASE})
    resolved = json.loads((run / "resolved.json").read_text())
    (run / "resolved.json").write_text(json.dumps({**resolved, "compare": None}))
    body = only(compare([run]))
    assert body["comparisons"] == []
    assert body["arms"]["a"]["n"] == 8
    assert words(body) == ["1 arm, no comparison declared."]
    assert len(entries(body)) == 1


def test_a_cut_off_line_is_named(copy: Path) -> None:
    path = next(copy.glob("jobs/*/*/records/*/probes.csv"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[2].rpartition(",")[0] + "\n", *lines[3:]]))
    with pytest.raises(EvidenceError, match=r"probes.csv:3: expected 8 cells"):
        compare([copy])


@pytest.mark.parametrize(
    ("file", "column", "cell"),
    [("probes.csv", 7, "abc"), ("probes.csv", 4, "often"), ("train.csv", 7, "nan"), ("events.csv", 3, "1.5")],
)
def test_a_garbage_cell_is_named(tmp_path: Path, file: str, column: int, cell: str) -> None:
    run = tiny_run(tmp_path, {"a": BASE}, diverged={"a": {0: 5}})
    path = run / "jobs/a/all/records/00-school.0" / file
    rows = [line.split(",") for line in path.read_text().splitlines()]
    name, rows[1][column] = rows[0][column], cell
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    with pytest.raises(EvidenceError, match=rf"{file}:2: {name} is '{cell}'; the records were changed"):
        compare([run])


OTHERS: dict[str, dict[str, Any]] = {
    "the same seeds in another order": {"seeds": list(range(18))[::-1]},
    "another probe of the same name": {"metric": {"worst": -1.0}},
    "other seeds": {"seeds": range(30, 48)},
}


@pytest.mark.parametrize("other", OTHERS)
def test_swapped_runs_give_mirrored_numbers(tmp_path: Path, other: str) -> None:
    """Whichever run is named first; also where they declare another smallest effect."""
    rng = np.random.default_rng(8)
    here = tiny_run(tmp_path / "here", {"a": rng.normal(0.5, 0.1, 18).tolist()}, compare={"smallest_effect": 0.05})
    ends, asked = rng.normal(0.6, 0.1, 18).tolist(), {"smallest_effect": 0.1}
    there = tiny_run(tmp_path / "there", {"a": ends}, compare=asked, **OTHERS[other])
    one, two = only(compare([here, there])), only(compare([there, here]))
    (forth,), (back,) = one["comparisons"], two["comparisons"]
    assert forth["test"].startswith("sign-flip") == (other == "the same seeds in another order")
    assert (forth["arm"], forth["against"]) == (back["against"], back["arm"])
    assert forth["difference"] == -back["difference"] != 0
    assert forth["interval"] == [-end for end in back["interval"][::-1]]
    assert forth["means"] == back["means"][::-1]
    for key, sign in (("probability_of_improvement", -1), ("p_equivalence", 1)):
        assert forth[key] == pytest.approx(back[key] if sign > 0 else 1 - back[key])
    same = ("p", "p_adjusted", "n", "seeds", "test", "seeds_needed", "beyond_smallest_effect")
    assert {key: forth[key] for key in same} == {key: back[key] for key in same}
    assert one["smallest_effect"] == two["smallest_effect"] == 0.05
    assert one["arms"] == two["arms"]
    assert len(one["warnings"]) == len(two["warnings"])


def test_runs_that_ask_different_things_say_so_in_either_order(tmp_path: Path) -> None:
    runs = [tiny_run(tmp_path / at, {"a": BASE}, compare={"at": at}) for at in ("end", "birth")]
    for order in (runs, runs[::-1]):
        with pytest.raises(EvidenceError, match=r"ask different things .* say which with --at"):
            compare(order)
        assert only(compare(order, at="end"))["at"] == "end"


def test_each_learner_counts_with_the_worst_value_that_its_own_run_declares(tmp_path: Path) -> None:
    runs = [
        tiny_run(tmp_path / name, {"a": BASE}, diverged={"a": {0: 5}}, metric={"worst": worst})
        for name, worst in (("one", -1.0), ("two", -2.0))
    ]
    for order in (runs, runs[::-1]):
        arms = only(compare(order))["arms"]
        assert (arms["one/a"]["values"]["0"], arms["two/a"]["values"]["0"]) == (-1.0, -2.0)


def test_a_probe_that_only_one_run_has_does_not_sink_the_comparison(tmp_path: Path) -> None:
    """Each run's stages are judged by its own probes."""
    whole = write_run(tmp_path / "whole", seeds=6)
    other = write_run(tmp_path / "other", seeds=6)
    content = json.loads((other / "resolved.json").read_text())
    for probe in ("frames", "pictures", "reach"):
        del content["probes"][probe]
    (other / "resolved.json").write_text(json.dumps(content))
    for path in other.rglob("probes.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not {"frames", "pictures", "reach"} & set(line.split(","))))
    for order in ([whole, other], [other, whole]):
        found = only(compare(order))
        assert len(found["comparisons"]) == 6
        assert {entry["probe"] for entry in found["stages"] if entry["arms"][0].startswith("other/")} == {"digits"}
        assert not any("left out" in warning for warning in found["warnings"])


def test_a_stage_whose_probe_is_not_on_record_is_left_out_by_name(copy: Path) -> None:
    for path in copy.glob("jobs/early/*/records/01-look.0/probes.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if ",pictures," not in line))
    before = only(compare([copy]))
    found = [entry for entry in before["stages"] if entry["probe"] == "pictures"]
    assert found == []
    (told,) = [warning for warning in before["warnings"] if "left out" in warning]
    assert told.startswith("left out, what stage look bought by pictures.loss: pictures.loss of arm 'developmental'")
    assert [pair["verdict"] for pair in before["comparisons"]] == ["better"] * 3 + ["equivalent", "identical"]


def test_a_stage_is_judged_by_its_role_and_an_older_one_by_its_kind(tmp_path: Path) -> None:
    for name, role, own in (("a", {"role": "supervise"}, True), ("b", {"role": "trial"}, False), ("c", {}, False)):
        run = write_run(tmp_path / name, seeds=2)
        content = json.loads((run / "resolved.json").read_text())
        for arm in content["points"][0]["arms"].values():
            for stage in arm["stages"]:
                if stage["name"] == "school":
                    stage |= {"kind": "mine.school", **role}
        (run / "resolved.json").write_text(json.dumps(content))
        stages = only(compare([run]))["stages"]
        assert {entry["own"] for entry in stages if entry["stage"] == "school"} == {own}
