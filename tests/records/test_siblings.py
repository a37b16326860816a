"""Run folders beside a run: known by what was lived there, under whatever names, and remembered."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.layout import RunFolder
from devlearn.records.question import akin, asked, differences
from devlearn.records.reader import load
from devlearn.records.results import note_seen
from tests.evidence.fake_run import tiny_run

VALUES = {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.3, 0.4]}
PAIR = {"pairs": [["a", "b"]]}


def changed(folder: Path, **keys: Any) -> Path:
    """A run whose resolved.json says something else."""
    path = RunFolder(folder).resolved
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))
    return folder


def run(folder: Path, lr: float = 0.1, values: Any = VALUES, **keys: Any) -> Path:
    """A run of two arms, told apart by a key of their stages."""
    made = tiny_run(folder, values, **{"compare": PAIR, **keys})
    found = json.loads(RunFolder(made).resolved.read_text())
    for number, arm in enumerate(found["points"][0]["arms"].values()):
        arm["stages"][0]["keys"] = {"lr": lr + number}
    return changed(made, points=found["points"])


def beside(folder: Path) -> list[tuple[str, bool, bool, list[str]]]:
    found = load(folder).siblings
    return [(one.folder, one.same_lives, one.same_learners, [each.key for each in one.differs]) for one in found]


def test_a_run_alone_has_none(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "list.json").write_text("[]")
    assert beside(run(tmp_path / "one")) == []


def test_another_question_about_the_same_lives_is_known_whatever_its_names(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    run(tmp_path / "twin")  # asks the same: no second chance
    renamed = run(tmp_path / "two", values={"x": VALUES["a"], "y": VALUES["b"]}, compare={"pairs": [["x", "y"]]})
    changed(renamed, scenario="other")
    ((name, lives, learners, keys),) = beside(one)
    assert (name, lives, learners) == ("two", True, True)
    assert {"scenario", "compare.pairs", "arms.a", "arms.x"} <= set(keys)
    assert beside(renamed)[0][:3] == ("one", True, True)


def test_what_links_to_a_run_is_no_other_run(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    (tmp_path / "latest").symlink_to("one")
    (tmp_path / "circle").symlink_to("circle")
    assert beside(one) == beside(tmp_path / "latest") == []
    changed(run(tmp_path / "two"), scenario="other")
    (tmp_path / "again").symlink_to(tmp_path / "two")
    assert [name for name, *_ in beside(one)] == ["two"]


def test_a_run_that_is_called_by_a_link_sees_what_lies_beside_both(tmp_path: Path) -> None:
    for place in ("disk", "here"):
        (tmp_path / place).mkdir()
    run(tmp_path / "disk" / "one")
    (tmp_path / "here" / "mine").symlink_to(tmp_path / "disk" / "one")
    changed(run(tmp_path / "disk" / "two"), scenario="other")
    changed(run(tmp_path / "here" / "three"), scenario="another")
    assert [name for name, *_ in beside(tmp_path / "here" / "mine")] == ["three", "two"]
    assert [name for name, *_ in beside(tmp_path / "disk" / "one")] == ["two"]


def test_a_run_that_was_renamed_is_no_further_one(tmp_path: Path) -> None:
    one, before = run(tmp_path / "one"), changed(run(tmp_path / "two"), scenario="other")
    note_seen(load(one))
    shutil.move(before, tmp_path / "zwei")
    assert [name for name, *_ in beside(one)] == ["zwei"]
    shutil.rmtree(tmp_path / "zwei")
    assert [name for name, *_ in beside(one)] == ["two"], "one that is gone is remembered"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"compare": {**PAIR, "at": "birth"}}, ["compare.at"]),
        ({"compare": {**PAIR, "smallest_effect": 0.5}}, ["compare.smallest_effect"]),
        ({"compare": {"pairs": [["b", "a"]]}}, ["compare.pairs"]),
    ],
)
def test_what_differs_is_named(tmp_path: Path, keys: dict[str, Any], expected: list[str]) -> None:
    one = run(tmp_path / "one")
    run(tmp_path / "two", **keys)
    assert beside(one) == [("two", True, True, expected)]


def test_other_seeds_are_the_same_lives_of_other_learners(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    run(tmp_path / "two", seeds=[7, 8, 9])
    assert beside(one) == [("two", True, False, ["seeds"])]


def test_how_far_planned_looks_have_come_is_no_difference(tmp_path: Path) -> None:
    one = run(tmp_path / "one", compare={**PAIR, "looks": [2, 3]})
    two = run(tmp_path / "two", compare={**PAIR, "looks": [2, 3]})
    changed(two, seeds=[0, 1])
    assert beside(one) == []
    changed(two, seeds=[0, 2])
    assert beside(one) == [("two", True, True, ["seeds"])]


UNLIKE = {f"p{i}": {"kind": "made-up", "every": i + 1} for i in range(9)}


def test_other_lives_count_where_the_scenario_has_the_same_name_or_is_one_like_it(tmp_path: Path) -> None:
    """One that was renamed and changed in a key or two is; one that has most else is not."""
    one = run(tmp_path / "one")
    two = run(tmp_path / "two", lr=0.5)
    keys = ["arms.a.school.lr", "arms.b.school.lr"]
    assert beside(one) == [("two", False, False, keys)]
    changed(two, scenario="other")
    assert beside(one) == [("two", False, False, ["scenario", *keys])]
    changed(two, probes={**json.loads(RunFolder(two).resolved.read_text())["probes"], **UNLIKE})
    assert beside(one) == []


def test_names_make_no_scenario_another(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    two = run(tmp_path / "two", lr=0.5, values={"x": VALUES["a"], "y": VALUES["b"]}, compare={"pairs": [["x", "y"]]})
    changed(two, scenario="other")
    ((name, same_lives, *_),) = beside(one)
    assert (name, same_lives) == ("two", False)


@pytest.mark.parametrize(
    ("stage", "probe", "alike"),
    [("One-v0", "One-v0", True), ("One-v0", "Other-v0", True), ("Other-v0", "Other-v0", False)],
)
def test_questions_about_other_environments_are_two(stage: str, probe: str, alike: bool) -> None:
    def question(stage: str, probe: str) -> dict[str, Any]:
        keys = {f"key{i}": i for i in range(20)}
        return {"arms": {"a": {"play": {**keys, "env": stage}}}, "probes": {"skill": {"env": probe}}}

    assert akin(question("One-v0", "One-v0"), question(stage, probe)) == alike


def test_one_arm_in_common_is_not_a_question(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    found = json.loads(RunFolder(run(tmp_path / "two")).resolved.read_text())
    found["points"][0]["arms"]["b"]["stages"][0]["keys"]["lr"] = 9
    changed(tmp_path / "two", scenario="other", points=found["points"], probes={**found["probes"], **UNLIKE})
    assert beside(one) == []


def test_a_sibling_that_was_seen_is_remembered_when_it_is_gone(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    run(tmp_path / "two", compare={**PAIR, "at": "birth"})
    note_seen(load(one))
    shutil.rmtree(tmp_path / "two")
    assert beside(one) == [("two", True, True, ["compare.at"])]


def test_a_folder_that_cannot_be_read_is_no_reason_not_to_read_this_one(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    changed(run(tmp_path / "two"), format=99)
    changed(run(tmp_path / "three"), points="?")
    assert beside(one) == []


def test_differences_are_named_by_where_they_are() -> None:
    here: dict[str, Any] = {"a": {"b": 1, "c": [1, 2]}, "only": {"x": {"y": 1}}}
    there: dict[str, Any] = {"a": {"b": 2, "c": [1, 2]}, "more": 3}
    found = {one.key: (one.here, one.there) for one in differences(here, there)}
    assert found == {"a.b": (1, 2), "only": ({"x": {"y": 1}}, None), "more": (None, 3)}


def test_the_questions_of_points_stand_apart(tmp_path: Path) -> None:
    found = json.loads(RunFolder(run(tmp_path / "one")).resolved.read_text())
    (point,) = found["points"]
    changed(tmp_path / "one", points=[{**point, "point": {"stages.school.labels": n}} for n in (1, 2)])
    points = asked(load(tmp_path / "one").resolved)["points"]
    assert isinstance(points, dict)
    assert list(points) == ['{"stages.school.labels": 1}', '{"stages.school.labels": 2}']
