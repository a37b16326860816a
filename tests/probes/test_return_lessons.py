"""The probe ``return`` over lessons: each is what a probe of the environment made with it measures."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.returns import Return, named
from devlearn.scenario import ScenarioError, parse
from devlearn.tasks.envs import LessonRefused
from devlearn.testing import assert_ok
from devlearn.testing.probes import check_probe
from tests.laws.rows import BRAIN, measure

KEYS: dict[str, Any] = {"env": "devlearn/KeyCorridor-v0", "episodes": 3, "limit": 60, "sampled": True}
LESSONS = ({"door": 5}, {"door": 6})


def test_each_lesson_is_measured_as_an_environment_of_its_own() -> None:
    kwargs = {"length": 6, "limit": 200}
    probe = Return(**KEYS, env_kwargs=kwargs, lessons=LESSONS)
    cohort = Cohort(brain_builder(BRAIN, probe.needs()), (0, 1, 2))
    found = measure(probe, cohort).values
    assert list(found) == ["return", "length", "return_door_5", "return_door_6"] == list(probe.metrics_here())
    for lesson in LESSONS:
        alone = measure(Return(**KEYS, env_kwargs={**kwargs, **lesson}), cohort).values
        assert torch.equal(found[f"return_{named(lesson)}"], alone["return"])
    plain = measure(Return(**KEYS, env_kwargs=kwargs), cohort).values
    assert torch.equal(found["return"], plain["return"]) and torch.equal(found["length"], plain["length"])


def test_the_probe_keeps_the_laws_with_lessons() -> None:
    assert_ok(check_probe("return", {**KEYS, "env_kwargs": {"length": 6}, "lessons": LESSONS}))


def test_a_probe_without_lessons_is_written_as_it_was() -> None:
    assert "lessons" not in Return(**KEYS).model_dump() and list(Return(**KEYS).metrics_here()) == ["return", "length"]
    assert [spec.kwargs.get("door") for spec in Return(**KEYS, lessons=LESSONS).environments()] == [None, 5, 6]


def test_lessons_have_names_of_their_own() -> None:
    assert named({"door": 5, "speed": -0.5}) == "door_5_speed_minus_0_5"
    with pytest.raises(ValidationError, match="lesson 2 is called door_5 as lesson 1 is"):
        Return(**KEYS, lessons=({"door": 5}, {"door": 5}))
    with pytest.raises(LessonRefused, match="takes no 'dor'; did you mean 'door'"):
        Return(**KEYS, lessons=({"dor": 5},)).needs()


SCENARIO = """
devlearn: 1
scenario: taught
seeds: 6
brain: {kind: mlp, width: [8]}
stages: {play: {kind: trial.ppo, env: devlearn/KeyCorridor-v0, env_steps: 64}}
arms: {one: [play], other: [{use: play, set: {lr: 1e-3}}]}
probes: {door: {kind: return, env: devlearn/KeyCorridor-v0, lessons: [{door: 5}, {door: 17}], worst: 0}}
compare: {probe: door.METRIC, smallest_effect: 0.1, pairs: [[one, other]]}
"""


def test_a_lesson_can_be_compared() -> None:
    assert parse(SCENARIO.replace("METRIC", "return_door_5"), "f").compare.metric == "return_door_5"  # type: ignore[union-attr]
    with pytest.raises(ScenarioError, match="has no metric 'return_door_6'; did you mean 'return_door_5'"):
        parse(SCENARIO.replace("METRIC", "return_door_6"), "f")
