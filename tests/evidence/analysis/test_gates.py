"""A gate that nobody passed is found in the records."""

from pathlib import Path
from typing import Any

import numpy as np

from devlearn.evidence.analysis.gates import UnpassedGate, gates_nobody_passed
from devlearn.records.layout import JobFolder
from devlearn.records.reader import load
from devlearn.records.writer import Recorder
from tests.evidence.answers import compare, only
from tests.evidence.fake_run import finish, tiny_run

GATE = {"probe": "score.points", "at_least": 0.5, "at_most": None, "min_updates": 0}


def gated(folder: Path, passed: dict[str, list[bool]], gate: dict[str, Any] | None) -> Path:
    """Arms of one gated stage and three learners; {arm: who passed}."""
    stage = {"name": "school", "visit": 0, "kind": "supervise", "budget": ["updates", 20], "index": 0}
    entries = {arm: {"stages": [{**stage, "branch": arm, "keys": {"until": gate}}]} for arm in passed}
    run = tiny_run(folder, {arm: [0.2, 0.4, 0.6] for arm in passed}, entries=entries)
    for arm, who in passed.items():
        with Recorder(
            JobFolder(run / "jobs" / arm / "all").visit(0, "school", 0).root, [0, 1, 2], "school", 0
        ) as records:
            records.event(np.full(3, 10), "passed", "score.points >= 0.5", np.array(who))
            records.event(np.full(3, 20), "budget", "", ~np.array(who))
    return run


def test_a_gate_that_nobody_passed_is_found_and_one_that_somebody_passed_is_not(tmp_path: Path) -> None:
    run = load(gated(tmp_path, {"shut": [False] * 3, "open": [False, True, False]}, GATE))
    arms = run.points[0].arms
    assert [sorted(life.passed) for life in arms["open"].lives.values()] == [[], [0], []]
    assert gates_nobody_passed(arms["open"]) == ()
    assert gates_nobody_passed(arms["shut"]) == (UnpassedGate("shut", "school", 0, 0, "score.points >= 0.5", 3),)


def test_a_falling_level_is_said_as_such(tmp_path: Path) -> None:
    run = load(gated(tmp_path, {"shut": [False] * 3}, {**GATE, "at_least": None, "at_most": 0.1}))
    (gate,) = gates_nobody_passed(run.points[0].arms["shut"])
    assert gate.gate == "score.points <= 0.1"


def test_nothing_is_said_of_stages_without_a_gate_and_of_unfinished_learners(tmp_path: Path) -> None:
    plain = load(gated(tmp_path / "plain", {"a": [False] * 3}, None))
    assert gates_nobody_passed(plain.points[0].arms["a"]) == ()
    folder = gated(tmp_path / "running", {"a": [False] * 3}, GATE)
    finish(folder / "jobs" / "a" / "all", "running")
    assert gates_nobody_passed(load(folder).points[0].arms["a"]) == ()


def test_a_gate_that_nobody_passed_is_a_warning_of_the_comparison(tmp_path: Path) -> None:
    found = only(compare([gated(tmp_path, {"shut": [False] * 3, "open": [False, True, False]}, GATE)]))
    told = [warning for warning in found["warnings"] if "gate" in warning]
    line = (
        "shut: none of 3 learners passed the gate score.points >= 0.5 of school, which was lived for its whole budget"
    )
    assert told == [line]
