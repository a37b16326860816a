"""comparison.json: its shape, its numbers and moments, its warnings, and its words."""

import json
import math
from pathlib import Path

import pytest

from devlearn import evidence
from devlearn.evidence import EvidenceError
from devlearn.records.reader import load
from devlearn.records.schema import LEDGER
from devlearn.report.export import tables
from tests.evidence.answers import compare, entries, only, save, words
from tests.evidence.fake_run import tiny_run, write_run
from tests.evidence.pairs import BASE


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
    both = only(compare([two]))["arms"]["a"]
    assert (both["sd"], both["best"]) == (pytest.approx(0.02**0.5), pytest.approx(0.7))
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
    gone, rest = words(found)[0].split(". ", 1)
    assert gone == "2 of 32 learners of more-school diverged at every point"
    assert rest.startswith("At all 2 points of labels: developmental is better than")


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
        "1 of 16 learners of more-school diverged. "
        "developmental is better than random-init, shuffled and more-school. "
        "sham is equivalent to random-init. twin is identical to random-init. "
        "Fragile: developmental against more-school. "
        "Better, but perhaps by less than the smallest effect, 1 point: developmental against more-school. "
        "developmental against random-init, developmental against shuffled and sham against random-init hold unless "
        "some fail: 16 seeds can't exclude that up to 18 % do."
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
