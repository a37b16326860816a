"""Planned looks: seeds are added until every pair is decided, in the same folder."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from devlearn.runs.pipeline import load, write
from tests.commands import said


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: dict[str, str], inline: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "steps.yaml").write_text(text["head"] + text["looks"])
    return tmp_path


def stored(name: str = "runs/steps/resolved.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name).read_text())
    return found


def looks(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("look ")]


def test_a_run_goes_from_look_to_look_while_a_pair_is_open(here: Path, inline: list[tuple[str, int]]) -> None:
    first = said("run", "steps.yaml", "--seeds", "2", "--no-report")
    assert looks(first) == [
        "look 1 of 3 (2 seeds): 0 of 1 pairs decided, not yet looked against plain; the next look is at 3 seeds"
    ]
    assert stored()["seeds"] == [0, 1] and stored()["compare"]["looks"] == [2, 3, 4] and "seen" not in stored()
    rest = said("run", "steps.yaml", "--no-report")
    assert looks(rest) == [
        "look 1 of 3 (2 seeds): 0 of 1 pairs decided, not yet looked against plain; on to 3 seeds",
        "look 2 of 3 (3 seeds): 0 of 1 pairs decided, not yet looked against plain; on to 4 seeds",
        "look 3 of 3 (4 seeds): 0 of 1 pairs decided, not yet looked against plain; that was the last look",
    ]
    assert stored()["seeds"] == [0, 1, 2, 3] and stored()["seen"] == [2, 3]
    assert [count for _, count in inline] == [2, 0, 2, 2]
    found = json.loads(Path("runs/steps/comparison.json").read_text())
    assert found["arms"]["plain"]["n"] == 4 and found["look"]["planned"] and not found["exploratory"]
    again = said("resume", "runs/steps", "--no-report")
    assert len(looks(again)) == 1 and inline[-1][1] == 0 and stored()["seen"] == [2, 3]


def test_a_run_stops_where_every_pair_is_decided(here: Path, inline: list[tuple[str, int]]) -> None:
    (here / "steps.yaml").write_text((here / "steps.yaml").read_text().replace("[[looked, plain]]", "[[same, plain]]"))
    assert looks(said("run", "steps.yaml", "--no-report")) == [
        "look 1 of 3 (2 seeds): 1 of 1 pairs decided; no more seeds are needed"
    ]
    assert stored()["seeds"] == [0, 1] and len(inline) == 1
    said("run", "steps.yaml", "--no-report")
    said("resume", "runs/steps", "--no-report")
    assert stored()["seeds"] == [0, 1] and "seen" not in stored() and [count for _, count in inline] == [2, 0, 0]


def test_seeds_beside_the_plan_are_lived_and_exploratory(here: Path, inline: list[tuple[str, int]]) -> None:
    assert "none of the planned looks 2, 3, 4: verdicts are exploratory" in said(
        "run", "steps.yaml", "--seeds", "5", "--dry-run"
    )
    assert looks(said("run", "steps.yaml", "--seeds", "5", "--no-report")) == []
    assert stored()["seeds"] == [0, 1, 2, 3, 4] and len(inline) == 1
    assert json.loads(Path("runs/steps/comparison.json").read_text())["exploratory"] is True
    assert "leaves out: 4" in said("run", "steps.yaml", code=2)
    said("resume", "runs/steps", "--no-report")
    assert stored()["seeds"] == [0, 1, 2, 3, 4]


def test_a_verdict_that_an_unplanned_look_made_exploratory_still_ends_the_run(here: Path) -> None:
    (here / "steps.yaml").write_text(
        (here / "steps.yaml").read_text().replace("[[looked, plain]]", "[[same, plain]]").replace("[2, 3, 4]", "[2, 4]")
    )
    said("run", "steps.yaml", "--seeds", "3", "--no-report")
    assert looks(said("run", "steps.yaml", "--no-report")) == ["look 2 of 2 (4 seeds): 1 of 1 pairs decided"]
    assert stored()["seen"] == [3]
    assert json.loads(Path("runs/steps/comparison.json").read_text())["comparisons"][0]["verdict"] == "exploratory"


def test_the_plan_is_printed_with_its_looks(here: Path) -> None:
    every = said("run", "steps.yaml", "--dry-run")
    assert "looks at 2, 3, 4 seeds; it stops early where every pair is decided" in every
    assert "seeds-0-1" in every and "seeds-2" in every and "seeds-3" in every
    assert "looks at 2, 3 seeds of the planned 2, 3, 4; it" in said("run", "steps.yaml", "--dry-run", "--seeds", "3")
    assert "looks at 2 seeds of the planned 2, 3, 4\n" in said("run", "steps.yaml", "--dry-run", "--seeds", "2")
    assert not (here / "runs").exists()


def test_a_question_without_an_answer_may_still_be_changed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(load(here / "steps.yaml"))
    write(load(here / "steps.yaml", ["compare.smallest_effect=0.02"]))
    assert stored()["compare"]["smallest_effect"] == 0.02
    said("run", "steps.yaml", "--seeds", "2", "--set", "compare.smallest_effect=0.02", "--no-report")
    for name in ("comparison.json", "seen.json"):
        assert "compare.smallest_effect was 0.02" in said("run", "steps.yaml", code=2)
        Path("runs/steps", name).unlink()
    assert "compare.smallest_effect was 0.02" in said("run", "steps.yaml", code=2)  # the jobs remember it
    shutil.rmtree("runs/steps/jobs")
    write(load(here / "steps.yaml"))


def test_what_was_seen_outlives_the_answers_file(here: Path) -> None:
    (here / "steps.yaml").write_text((here / "steps.yaml").read_text().replace("[2, 3, 4]", "[2, 4]"))
    said("run", "steps.yaml", "--seeds", "3", "--no-report")
    assert stored("runs/steps/seen.json") == {"format": 1, "seeds": [3]}
    Path("runs/steps/comparison.json").unlink()
    said("run", "steps.yaml", "--no-report")
    assert stored()["seen"] == [3] and stored("runs/steps/seen.json")["seeds"] == [3, 4]


def test_another_scenario_leaves_the_steps_of_the_folder_alone(here: Path) -> None:
    said("run", "steps.yaml", "--seeds", "2", "--no-report")
    before = Path("runs/steps/steps.json").read_bytes()
    for change in ("stages.school.updates=4", "compare.looks=[2, 4]", "scenario=other"):
        assert "--out" in said("run", "steps.yaml", "--set", change, "--out", "runs/steps", code=2)
        assert Path("runs/steps/steps.json").read_bytes() == before
