"""All questions of one set of images as one family: what is in it, and which words it keeps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.published import Study, StudyResult
from devlearn.runs import family as module
from devlearn.runs.family import Question, family
from devlearn.scenario import load

TEXT = """
devlearn: 1
scenario: toy
seeds: 16
brain: {kind: mlp, width: [8]}
stages:
  school: {kind: supervise, data: mnist.rest, labels: 20, updates: 4}
arms:
  one: [school]
  two: [{use: school, set: {lr: 0.01}}]
  three: [{use: school, set: {lr: 0.1}}]
probes:
  digits: {kind: accuracy}
  second: {kind: accuracy, data: mnist.second}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[two, one], [three, one]]}
"""
POINT = {"point": {}, "probe": "digits", "metric": "accuracy", "unit": "share", "at": "end", "better": "higher",
         "smallest_effect": 0.01, "exploratory": False, "family": 2, "arms": {}}  # fmt: skip
ABOUT = {"study": "s", "command": "c", "digest": "d", "seeds": [0, 1], "date": "2026-01-01", "seconds": 1, "planned": 1,
         "machine": {"platform": "Linux", "model": "a", "cores": 2, "gflops": 50}, "versions": {},
         "analyses": {}}  # fmt: skip


def pair(verdict: str, p: float, same: float | None = None, n: int = 16) -> dict[str, Any]:
    values = {"difference": 0.01, "interval": None, "p": p, "p_adjusted": p, "p_equivalence": same, "verdict": verdict}
    return {"arm": "two", "against": "one", "n": n, "scored": "end", **values}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The family of given answers, {study: its points, each a list of pairs}; a study without points has no record."""

    def make(answers: Mapping[str, list[dict[str, Any]]], text: str = TEXT, split: str = "mnist.test") -> module.Family:
        (tmp_path / "toy.yaml").write_text(text)
        listed = {name: Study(scenario=str(tmp_path / "toy.yaml"), rows=()) for name in answers}
        monkeypatch.setattr(module, "studies", lambda: listed)
        monkeypatch.setattr(
            module,
            "read",
            lambda name: StudyResult.model_validate({**ABOUT, "points": answers[name]}) if answers[name] else None,
        )
        return family(split)

    return make


def point(*pairs: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**POINT, "pairs": list(pairs), **keys}


def words(found: module.Family) -> list[str]:
    return [one.holds for one in found.questions]


def test_every_pair_of_every_study_shares_one_alpha(asked: Any) -> None:
    """By hand: Holm of .001, .02, .03 and .04 gives .004, .06, .06 and .06."""
    found = asked({"a": [point(pair("better", 0.02), pair("worse", 0.001))], "b": [point(pair("better", 0.03))],
                   "c": [point(pair("exploratory", 0.04), exploratory=True)]})  # fmt: skip
    assert [one.p for one in found.questions] == pytest.approx([0.06, 0.004, 0.06, 0.06])
    assert words(found) == ["no", "yes", "no", ""]
    assert [one.study for one in found.questions] == ["a", "a", "b", "c"]
    assert found.questions[3].where == "digits accuracy, end"


def test_a_study_that_waits_for_its_record_makes_no_word_easier_to_keep(asked: Any) -> None:
    answers = {"a": [point(pair("better", 0.02))]}
    assert asked(answers).questions[0].p == pytest.approx(0.02)
    found = asked({**answers, "b": []})
    assert found.waiting == {"b": 2}
    assert found.questions[0].p == pytest.approx(0.06) and words(found) == ["no"]


def test_other_images_are_another_family(asked: Any) -> None:
    answers = {"a": [point(pair("better", 0.02)), point(pair("worse", 0.01), probe="second")], "b": []}
    assert [one.pair.verdict for one in asked(answers).questions] == ["better"]
    found = asked(answers, split="mnist.second")
    assert [one.pair.verdict for one in found.questions] == ["worse"] and found.waiting == {}
    assert found.questions[0].p == pytest.approx(0.01)


def test_equivalence_has_a_family_of_its_own(asked: Any) -> None:
    found = asked({"a": [point(pair("equivalent", 0.9, 0.02), pair("equivalent", 0.8, 0.03), pair("identical", 1.0))]})
    assert [one.same for one in found.questions] == pytest.approx([0.06, 0.06, None], nan_ok=True)
    assert words(found) == ["no", "no", "yes"]
    assert words(asked({"a": [point(pair("equivalent", 0.9, 0.02))]})) == ["yes"]
    assert words(asked({"a": [point(pair("equivalent", 0.9))]})) == ["not on record"]


def test_the_most_that_so_few_seeds_can_show_may_be_out_of_reach(asked: Any) -> None:
    found = asked({"a": [point(pair("better", 2 / 2**6, n=6), pair("undecided", 0.5), pair("better", 0.035, n=16))]})
    assert words(found) == ["out of reach", "", "no"]


def test_what_is_out_of_reach_is_so_whatever_its_own_p(asked: Any) -> None:
    """Six seeds show .031 at best, .016 for equivalence, and two others stand before: none of theirs can be kept."""
    low = [pair("better", 0.0001), pair("better", 0.0001), pair("undecided", 0.9)]
    few = [pair("better", 0.04, n=6), pair("equivalent", 0.9, 0.02, n=6)]
    found = asked({"a": [point(*low, *few, pair("equivalent", 0.9, 0.002, n=16))]})
    assert words(found) == ["yes", "yes", "", "out of reach", "out of reach", "yes"]


def test_each_planned_look_is_a_test(asked: Any) -> None:
    answers = {"a": [point(pair("better", 0.02))]}
    looked = TEXT.replace("pairs:", "looks: [8, 16], pairs:")
    assert load_looks(looked) == 2
    assert [one.p for one in asked(answers, looked).questions] == pytest.approx([0.04])


def load_looks(text: str) -> int:
    from devlearn.scenario import parse

    compare = parse(text, "toy.yaml").compare
    assert compare is not None
    return len(compare.looks or ())


def test_the_shipped_studies_make_a_family() -> None:
    found = family("mnist.test")
    assert all(isinstance(one, Question) and one.p is not None for one in found.questions)
    scenario = load("first_steps")
    assert scenario.compare is not None
    assert sum(one.study == "first_steps" for one in found.questions) == len(scenario.compare.pairs)
