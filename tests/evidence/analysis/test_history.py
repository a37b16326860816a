"""What makes a run one of several is said of every answer, as far as it is on record; whether it was registered too."""

import json
from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence.text.history import of_seeds
from devlearn.records.layout import RunFolder
from devlearn.records.schema import Manifest
from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import tiny_run

VALUES = {"a": [0.1, 0.2, 0.3, 0.5], "b": [0.2, 0.3, 0.4, 0.7]}
VERSIONS = {"devlearn": "1", "torch": "2"}
REGISTERED = {"date": "2026-11-28T10:00:00+00:00", "by": "Ada", "digest": "d" * 64, "sha256": "5" * 64, "beside": []}
PROGRAMS = {
    "old": {"versions": VERSIONS, "sources": {"maze": {"maze.py": "1"}}},
    "new": {"versions": {**VERSIONS, "torch": "3"}, "sources": {"maze": {"maze.py": "2"}}},
}


def run(folder: Path, seeds: list[int] | None = None, at: str = "end", **manifest: Any) -> Path:
    made = tiny_run(folder, VALUES, compare={"pairs": [["b", "a"]], "at": at}, seeds=seeds)
    content = {"command": "devlearn run x", "digest": "0", "versions": VERSIONS, "machine": {}, **manifest}
    RunFolder(made).manifest.write_text(json.dumps(Manifest.of(content).content()))
    return made


def history(folder: Path) -> list[str]:
    return [
        text for text in only(compare([folder]))["warnings"] if "fewer than" not in text and "can reach" not in text
    ]


def test_a_run_that_is_the_only_one_says_that_it_is_not_registered(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    assert history(folder) == []
    assert only(compare([folder]))["registered"].startswith("not registered: nothing shows that ")
    RunFolder(folder).manifest.unlink()
    assert history(folder) == []


@pytest.mark.parametrize("seeds", [[0, 1, 2, 7], [4, 5, 6, 7]])
def test_chosen_seeds_stand_in_the_headline(tmp_path: Path, seeds: list[int]) -> None:
    found = compare([run(tmp_path / "run", seeds)])
    assert words(found)[0].endswith(f" Seeds chosen: {of_seeds(seeds)}.")
    assert f"seeds were chosen: {of_seeds(seeds)}, and not 0 to 3" in only(found)["warnings"][0]


def test_the_order_of_seeds_chooses_none(tmp_path: Path) -> None:
    assert history(run(tmp_path / "run", [3, 2, 1, 0])) == []


def test_registered_seeds_are_chosen_and_registered(tmp_path: Path) -> None:
    found = compare([run(tmp_path / "run", [4, 5, 6, 7], registration=REGISTERED)])
    assert words(found)[0].endswith(" Seeds chosen: 4 to 7, as registered.")
    assert only(found)["registered"] == (
        "registered on 2026-11-28 by Ada, before anything was run (sha256 5555555555555555)"
    )


def test_a_run_that_departs_says_in_what(tmp_path: Path) -> None:
    departs = [{"key": "seeds", "here": [0, 1, 2, 3], "there": [0, 1]}]
    folder = run(tmp_path / "run", registration={**REGISTERED, "departs": departs, "beside": ["old", "older"]})
    first, second = history(folder)
    assert "departs from its registration of 2026-11-28: seeds 0, 1 registered, 0 to 3 now; " in first
    assert "on 2026-11-28, old, older lay there already" in second
    assert only(compare([folder]))["registered"].endswith(", and run otherwise")


def test_another_question_than_the_registered_one_is_not_registered(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", registration=REGISTERED)
    asked = only(compare([folder], at="birth"))
    assert asked["registered"].startswith("not registered: what was registered on 2026-11-28 by Ada")
    several = only(compare([folder, run(tmp_path / "two")]))
    assert several["registered"].startswith("not registered: nothing shows")


def test_what_an_option_changed_of_the_question_is_named_unless_it_is_registered(tmp_path: Path) -> None:
    laid = [
        {"key": "compare.pairs", "file": [["a", "b"]], "set": [["b", "a"]]},
        {"key": "probes.score.worst", "file": None, "set": 0.5},
    ]
    (line,) = history(run(tmp_path / "run", laid=laid))
    assert line == (
        "the question was set by an option, and is not the file's: compare.pairs = b against a (the file: a against "
        "b); probes.score.worst = 0.5 (the file: nothing)"
    )
    assert history(run(tmp_path / "run", laid=laid, registration=REGISTERED)) == []


def test_programs_that_differ_are_named(tmp_path: Path) -> None:
    (line,) = history(run(tmp_path / "run", programs=PROGRAMS, jobs={"jobs/a": ["old"], "jobs/b": ["new"]}))
    assert line.endswith("same program: torch was 2 and is 3; maze.py of maze was changed")
    assert history(run(tmp_path / "run", programs={"old": PROGRAMS["old"]})) == []


def test_runs_beside_it_are_named_but_those_that_it_is_compared_with(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one"), run(tmp_path / "two", at="birth")
    (line,) = history(one)
    assert line == (
        "1 run folder beside this one lived the same stages under another question: two (compare.at birth there, end "
        "here); p values here are corrected for none of these"
    )
    assert not any("beside" in text for text in only(compare([one, two], at="end"))["warnings"])


def test_seeds_in_words() -> None:
    assert of_seeds([3]) == "3"
    assert of_seeds([0, 1]) == "0, 1"
    assert of_seeds([0, 1, 2, 5, 7, 8, 9, 10]) == "0 to 2, 5, 7 to 10"
