"""analyses.json: its shape, what is marked exploratory, its areas and births, and its words."""

import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest

from devlearn.evidence import EvidenceError, LearnerRecord, load, values
from devlearn.evidence.analysis.curve_matrix import curve_matrix
from devlearn.records.reader import Json
from devlearn.records.schema import StageEntry
from tests.evidence.answers import analyse, analysis_words, compare, save_analyses
from tests.evidence.fake_arms import ACCURACY, arm, run
from tests.evidence.fake_run import tiny_run, write_run

DECLARED = {"levels": [0.3, 0.6], "fit": {"over": "labels", "from": None, "to": None}}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Json:
    made = write_run(tmp_path_factory.mktemp("varied") / "run", seeds=8, vary=[10, 100, 1000], compare=DECLARED)
    return analyse(load(made))


def test_shape_is_the_documented_one(analysed: Json) -> None:
    arms = ["random-init", "developmental", "shuffled", "more-school", "sham", "twin"]
    assert len(analysed["points"]) == 3
    point = analysed["points"][0]
    parts = "point levels level_pairs hot_start bands birth newborn start area proxy"
    assert list(point) == parts.split()
    assert list(point["levels"]) == list(point["proxy"]) == list(point["birth"]["arms"]) == arms
    assert (point["bands"][0]["arm"], point["bands"][0]["against"]) == ("developmental", "random-init")
    keys = {"arm", "against", "updates", "difference", "low", "high", "critical", "differs_from"}
    assert keys <= point["bands"][0].keys()
    fit = analysed["fits"]["random-init"]
    assert {
        "over",
        "from",
        "to",
        "x",
        "error",
        "low",
        "high",
        "exponent",
        "interval",
        "scale",
        "n",
        "points",
    } <= fit.keys()
    assert list(analysed["fits"]) == arms


def test_saved_file_is_strict_json_and_what_was_returned(tmp_path: Path) -> None:
    made = write_run(tmp_path / "run", seeds=5, compare={"levels": [0.3, 0.99]})
    found = save_analyses(made)
    assert json.loads((made / "analyses.json").read_text(), parse_constant=pytest.fail) == found
    assert not list(made.glob("*.new"))
    assert found["fits"] == {}


def test_what_was_not_declared_is_exploratory(analysed: Json, made_up: Path) -> None:
    marked = [part for part, exploratory in analysed["exploratory"].items() if exploratory]
    assert set(marked) == {"bands", "newborn", "start", "proxy", "birth", "area"}
    assert all(analyse(load(made_up))["exploratory"].values())
    told = analysis_words(analysed)
    labels = "labels = 10: "
    assert (
        f"{labels}8 of 8 learners of random-init reached 30 %, half of them within 10 updates of the last stage"
        in told[0]
    )
    bands = [text for text in told if "The curves of" in text]
    assert all(text.split(": ")[1] == "exploratory" for text in bands)
    assert len(bands) == 15
    assert not told[-1].startswith("exploratory")
    assert told[-1].startswith("twin: error = 0.")


def test_area_is_the_comparisons_own(made_up: Path) -> None:
    """One definition: both over the 30 updates that the pairs have in common, though one arm's stage has 120."""
    found, compared = analyse(load(made_up))["points"][0]["area"], compare([made_up], at="area")
    assert found["until"] == 30
    for name, one in found["arms"].items():
        assert one["mean"] == compared["arms"][name]["mean"]  # type: ignore[call-overload]
    for pair, other in zip(found["pairs"], compared["comparisons"], strict=True):  # type: ignore[call-overload]
        assert [pair[key] for key in ("difference", "interval", "p")] == [
            other[key] for key in ("difference", "interval_alone", "p")
        ]


def test_area_of_a_pair_ends_with_the_shorter_stage() -> None:
    """Over 0 to 15: a is 0 -> 1 at 10, then 1: (5 + 5) / 15; b is 0 -> 3 at 30: 1.5 at 15, mean .75."""
    a, b = arm("a", [0, 10, 15], [[0, 1, 1]]), arm("b", [0, 30], [[0, 3]])
    assert [values(one, ACCURACY, "area", 15)[0] for one in (a, b)] == [pytest.approx(10 / 15), pytest.approx(0.75)]
    found = analyse(run([{"a": a, "b": b}], {"pairs": [["a", "b"]]}))["points"][0]["area"]
    assert found["until"] == 15
    assert found["pairs"][0]["difference"] == pytest.approx(10 / 15 - 0.75)
    assert found["arms"]["b"]["mean"] == pytest.approx(0.75)


def test_birth_newborn_and_start(made_up: Path) -> None:
    """developmental lives waves (innate), look, play, school; its digits don't move before school."""
    made = load(made_up)
    analysis = analyse(made)
    born = list(values(made.points[0].arms["developmental"], ACCURACY, "birth").values())
    for where in ("birth", "newborn", "start"):
        found = analysis["points"][0][where]
        assert found["arms"]["developmental"] == {"n": 16, "mean": pytest.approx(np.mean(born)), "interval": ANY}
        assert found["pairs"][0]["difference"] == 0
    assert not any("at birth" in text for text in analysis_words(analysis))


def test_innate_stages_give_a_newborn(tmp_path: Path) -> None:
    """The first stage becomes innate: what its 20 updates gave is what the learner is born with."""
    rising = [0.5 + 0.01 * seed for seed in range(6)]
    made = tiny_run(tmp_path, {"a": rising, "b": [0.3] * 6}, compare={"pairs": [["a", "b"]]})
    file = made / "resolved.json"
    resolved = json.loads(file.read_text())
    resolved["points"][0]["arms"]["a"]["stages"][0]["kind"] = "innate.waves"
    file.write_text(json.dumps(resolved))
    point = analyse(load(made))["points"][0]
    assert point["birth"]["pairs"][0]["difference"] == 0
    assert point["newborn"]["pairs"][0]["difference"] == pytest.approx(0.425)
    assert point["newborn"]["pairs"][0]["p"] == 2 / 2**6


def test_a_learner_without_a_value_is_not_left_out(tmp_path: Path) -> None:
    made = tiny_run(
        tmp_path, {"a": [1.0] * 6, "b": [0.5] * 6}, diverged={"a": {2: 10}}, metric={"worst": None},
        compare={"pairs": [["a", "b"]], "levels": [0.2, 0.4]},
    )  # fmt: skip
    found = analyse(load(made))
    point = found["points"][0]
    assert point["area"]["pairs"][0]["p"] is None
    assert "no 'worst' value" in point["bands"][0]["refused"]
    assert any("difference unknown, 6 pairs" in text for text in analysis_words(found))


def test_learners_of_one_lineage_count_once(tmp_path: Path) -> None:
    """Seeds 0 and 1 share a genome in arm a: their differences, 1 and 3, count as one of 2."""
    ends = {"a": [1.0, 3.0, 1.5, 1.7, 2.2, 1.1, 0.9], "b": [0.0] * 7}
    made = tiny_run(tmp_path, ends, compare={"pairs": [["a", "b"]], "levels": [0.5]})
    file = made / "resolved.json"
    resolved = json.loads(file.read_text())
    resolved["points"][0]["arms"]["a"]["lineages"] = {"0": "genome-0", "1": "genome-0"}
    file.write_text(json.dumps(resolved))
    point = analyse(load(made))["points"][0]
    assert point["level_pairs"][0]["n"] == point["bands"][0]["n"] == point["area"]["pairs"][0]["n"] == 6
    assert point["area"]["pairs"][0]["difference"] == pytest.approx((2.0 + 1.5 + 1.7 + 2.2 + 1.1 + 0.9) / 6 / 2)
    assert point["area"]["arms"]["a"]["n"] == 6


def test_words_of_hot_starts_and_proxies() -> None:
    updates = list(range(0, 110, 5))
    luck = np.exp(np.random.default_rng(2).normal(0, 0.1, (10, 1)))
    rise = 0.9 - 0.8 * np.exp(-0.05 * luck * np.array(updates))
    quick = 0.9 - 0.8 * np.exp(-0.1 * luck * np.array(updates))
    arms = {"quick": arm("quick", updates, quick), "plain": arm("plain", updates, rise)}
    found = analyse(run([arms], {"pairs": [["quick", "plain"]], "levels": [0.3, 0.6]}))
    ratio = found["points"][0]["hot_start"][0]["ratio"]
    assert ratio == pytest.approx(0.5, abs=0.02)
    told = analysis_words(found)
    start = "nth = 0: quick against plain, hot start or faster learning: faster learning; from 30 % to 60 % it took"
    assert any(text.startswith(f"{start} {ratio:.3g} times the updates") for text in told)
    assert any(
        "nth = 0: exploratory: plain: digits.cross_entropy as a proxy of digits.accuracy" in text for text in told
    )
    late = int((rise[:, -1] < 0.897).sum())
    assert 4 < late < 10
    gone = analyse(run([arms], {"pairs": [["quick", "plain"]], "levels": [0.3, 0.897]}))
    sentence = next(text for text in analysis_words(gone) if "hot start or faster learning" in text)
    assert f"on record for {10 - late} of 10 pairs; it takes 6 and 80 % of them" in sentence
    assert sentence.endswith(f"Not counted: {late} of plain never reached the second.")


def test_levels_that_nobody_reached_are_one_sentence() -> None:
    low, high = np.array([[0.1, 0.4, 0.5]] * 6), np.array([[0.1, 0.8, 0.85]] * 6)
    arms = {name: arm(name, [0, 10, 20], own) for name, own in (("a", low), ("b", low), ("c", high))}
    asked = {"pairs": [["a", "b"], ["c", "a"]], "levels": [0.8, 0.9]}
    told = [text for text in analysis_words(analyse(run([arms], asked))) if "%" in text and "exploratory" not in text]
    assert [text.removeprefix("nth = 0: ") for text in told] == [
        "6 of 6 learners of c reached 80 %, half of them within 10 updates of the last stage; 10 updates on average.",
        "Not reached: 80 % by no learner of a and b; 90 % by no learner of any arm. Lower compare.levels, or give the "
        "last stage more.",
        "c against a, updates of the last stage to 80 %, at most 20: difference -10 (95 % interval -10 to -10), "
        "p = 0.031, 6 pairs.",
    ]


def test_a_measure_that_birth_lacks_is_named() -> None:
    bare = arm("bare", [0, 10], [[0.1, 0.2]])
    late = LearnerRecord(0, bare.lives[0].moments[1:], {}, None, True)
    with pytest.raises(EvidenceError, match=r"digits.accuracy of arm 'bare' is not on record at its birth"):
        curve_matrix(replace(bare, lives={0: late}), ACCURACY)


def test_without_a_declared_comparison_and_without_probes(tmp_path: Path) -> None:
    made = tiny_run(tmp_path, {"a": [1.0, 2.0]})
    file = made / "resolved.json"
    resolved = json.loads(file.read_text()) | {"compare": None}
    file.write_text(json.dumps(resolved))
    assert analyse(load(made))["points"][0]["area"]["arms"]["a"]["n"] == 2
    file.write_text(json.dumps(resolved | {"probes": {}}))
    nothing = analyse(load(made))
    assert nothing == {"points": [], "fits": {}}
    assert analysis_words(nothing) == []


def test_what_an_arm_lacks_is_left_out_with_a_note_and_sinks_nothing(tmp_path: Path) -> None:
    """Arm b was never measured before its last stage; arm c not at the end of its innate stage."""
    whole = arm("a", [0, 10, 20], np.linspace([0.1] * 6, [0.6] * 6, 3).T)
    b = {seed: replace(life, moments=life.moments[1:]) for seed, life in whole.lives.items()}
    innate = StageEntry(name="waves", kind="innate.waves")
    c = {
        seed: replace(life, moments=tuple(replace(m, position=m.position + (m.position >= 0)) for m in life.moments))
        for seed, life in whole.lives.items()
    }
    arms = {
        "a": whole,
        "b": replace(whole, name="b", lives=b),
        "c": replace(whole, name="c", lives=c, stages=(innate, *whole.stages)),
    }
    found = analyse(run([arms], {"pairs": [["a", "b"], ["a", "c"]], "levels": [0.3, 0.5]}))
    (point,) = found["points"]
    assert list(point["levels"]) == ["a", "c"]
    assert [(pair["arm"], pair["against"]) for pair in point["bands"]] == [("a", "c")]
    assert point["birth"]["arms"]["c"]["mean"] == pytest.approx(0.1)
    assert point["start"]["arms"]["c"] == {"n": 6, "mean": None, "interval": [None, None]}
    assert point["start"]["pairs"][0]["p"] is None
    assert point["area"]["pairs"][0]["difference"] == 0
    assert [note.split(":")[0] for note in point["left_out"]] == [
        "left out, the curve of b",
        "left out, the height of c after its innate stages",
        "left out, the height of c when its last stage begins",
        "left out, the proxy of b",
    ]
    told = analysis_words(found)
    assert all(f"nth = 0: {note}." in told for note in point["left_out"])


def test_a_fit_says_which_point_it_lacks() -> None:
    points = [{"a": arm("a", [0, 10, 20], [[0.1, 0.2, 0.3]] * 3, labels=10**i)} for i in range(3)]
    points[1]["a"] = arm("a", [0, 20], [[0.1, 0.3]] * 3, labels=10)
    made = run(points, {"at": 10, "fit": {"over": "labels"}})
    refused = analyse(made)["fits"]["a"]["refused"]
    assert refused.startswith("left out, the power law of a: digits.accuracy of arm 'a' was not measured at update 10")


def test_priors_are_innate_by_their_role_whatever_their_kind() -> None:
    learned = arm("a", [0, 10], [[0.1, 0.2]] * 6)
    lives = {}
    for seed, life in learned.lives.items():
        birth, end = life.moments
        born = replace(birth, position=0, when="end", values={key: 0.15 for key in birth.values})
        lives[seed] = replace(life, moments=(birth, born, replace(end, position=1)))
    for role, mean in (("innate", 0.15), ("control", 0.15), ("pretrain", 0.1), (None, 0.1)):
        prior = StageEntry(name="mine", kind="mine.prior", role=role)
        made = replace(learned, lives=lives, stages=(prior, *learned.stages))
        assert analyse(run([{"a": made}], {}))["points"][0]["newborn"]["arms"]["a"]["mean"] == pytest.approx(mean)
