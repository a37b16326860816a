"""Arms of several runs: what is paired, what is warned of, and that the order of runs does not matter."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn import evidence
from devlearn.evidence import EvidenceError, load
from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import tiny_run, write_run
from tests.evidence.pairs import BASE, PAIR


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


@pytest.mark.parametrize(("seeds", "common"), [(range(8, 16), 0), (range(7, 15), 1)], ids=["none", "one"])
def test_runs_of_other_seeds_are_compared_unpaired(tmp_path: Path, seeds: range, common: int) -> None:
    few = tiny_run(tmp_path / "few", {"a": BASE}, compare=PAIR)
    many = tiny_run(tmp_path / "many", {"a": [x + 0.4 for x in BASE]}, compare=PAIR, seeds=seeds)
    body = only(compare([few, many]))
    pair = body["comparisons"][0]
    assert (pair["suggests"], pair["test"], pair["n"]) == ("better", "Welch, unpaired", 8)
    assert any(f"{common} seeds in common" in warning for warning in body["warnings"]) == (common > 0)


def test_runs_that_share_seeds_are_compared_on_those(tmp_path: Path) -> None:
    """And it is said how many those are; of one run, or of several, some seeds can be asked for."""
    few = tiny_run(tmp_path / "few", {"a": BASE}, compare=PAIR)
    many = tiny_run(tmp_path / "many", {"a": [x + 0.4 for x in BASE]}, compare=PAIR, seeds=range(2, 10))
    body = only(compare([few, many]))
    pair = body["comparisons"][0]
    assert (pair["test"], pair["n"], set(body["arms"]["few/a"]["values"])) == ("sign-flip, exact", 6, {*"234567"})
    assert "pairs are made of the 6 seeds that all runs hold (8 of few, 8 of many)" in body["warnings"]
    some = evidence.compare([load(few), load(many)], seeds=[3, 4, 5]).points[0]
    assert (some.comparisons[0].n, [w.code for w in some.warnings].count("common_seeds")) == (3, 0)
    two = tiny_run(tmp_path / "two", {"a": BASE, "b": BASE}, compare=PAIR)
    alone = evidence.compare([load(two)], seeds=[3, 4]).points[0]
    assert alone.exploratory and alone.arms["a"].n == 2
    with pytest.raises(EvidenceError, match="few has no seed 9; it has 0 to 7"):
        evidence.compare([load(few)], seeds=[9])


def test_runs_that_measure_by_another_probe_are_unpaired_and_warned_of(tmp_path: Path) -> None:
    one = tiny_run(tmp_path / "one", {"a": BASE}, compare=PAIR)
    other = tiny_run(tmp_path / "other", {"a": BASE}, compare=PAIR, metric={"worst": -1.0})
    body = only(compare([one, other]))
    assert body["comparisons"][0]["test"] == "Welch, unpaired"
    assert any("define the probe score differently" in warning for warning in body["warnings"])


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


def probed(folder: Path, *probes: str) -> Path:
    """A run whose plan has these probes, the first of which it asks for; ``score`` is the one on record."""
    run = tiny_run(folder, {"a": BASE}, compare=PAIR)
    plan = json.loads((run / "resolved.json").read_text())
    plan["probes"] = {name: plan["probes"]["score"] for name in probes}
    plan["compare"]["probe"] = probes[0]
    (run / "resolved.json").write_text(json.dumps(plan))
    return run


@pytest.mark.parametrize("order", [1, -1], ids=["as named", "the other way round"])
@pytest.mark.parametrize(
    ("own", "says"),
    [
        (("skill",), "No probe is in all of them; name runs of scenarios with the same probe"),
        (("skill", "score"), "`devlearn compare` takes one that all have by --probe: score"),
    ],
)
def test_runs_of_different_probes_are_refused_with_which_lacks_what(
    tmp_path: Path, order: int, own: tuple[str, ...], says: str
) -> None:
    runs = [load(probed(tmp_path / "few", "score")), load(probed(tmp_path / "many", *own))][::order]
    for ask in (evidence.compare, evidence.evaluate_several):
        with pytest.raises(EvidenceError) as refused:
            ask(runs)
        assert "few has no probe 'skill'" in str(refused.value) and says in str(refused.value)
    with pytest.raises(EvidenceError, match="few has no probe 'skill'"):
        evidence.compare(runs, "skill")
    if "score" in own:
        assert evidence.compare(runs, "score").points[0].comparisons[0].suggests == "identical"
