"""Lessons and controllers are tried before anything is trained: what fails is named at its place in the file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.runs.pipeline import load, plan
from devlearn.scenario import ScenarioError

HERE = "tests.runs.plan.test_plan_tries"
TEXT = """
devlearn: 1
scenario: tried
seeds: 2
brain: {{kind: mlp, width: [8]}}
stages:
  first: {{kind: {kind}, env: Pendulum-v1, {keys}}}
arms: {{a: [first]}}
"""
TAUGHT = "trial.ppo", "env_steps: 256, num_envs: 2, rollout: 32, teacher: {{kind: random}}, lessons: {lessons}"
CLONE = "imitate.clone", "env_steps: 256, controller: '{controller}'"
BORN = "innate.reflex", "controller: '{controller}'"


def raises(observation: Any, rng: Any) -> Any:
    raise KeyError("knee")


def two(observation: Any, rng: Any) -> Any:
    return np.zeros(2, np.float32)


def good(observation: Any, rng: np.random.Generator) -> Any:
    return rng.random(1).astype(np.float32)


def late(observation: Any, rng: np.random.Generator) -> Any:
    """Fails only once the pendulum has moved."""
    if len(SEEN := late.__dict__.setdefault("seen", [])) >= 2:
        raise IndexError("third step")
    SEEN.append(0)
    return np.zeros(1, np.float32)


def no_pair(observation: Any, memory: Any) -> Any:
    return np.zeros((len(observation), 1))


def forgets(observation: Any, memory: Any) -> Any:
    return np.zeros((len(observation), 1)), memory[:, :1]


def blows(observation: Any, memory: Any) -> Any:
    return np.full((len(observation), 1), np.nan), memory


def swings(observation: Any, memory: Any) -> Any:
    return np.sin(memory[:, :1]), memory + 1


swings.memory = forgets.memory = 2  # type: ignore[attr-defined]


def asked(tmp_path: Path, stage: tuple[str, str], **keys: str) -> Any:
    path = tmp_path / "tried.yaml"
    path.write_text(TEXT.format(kind=stage[0], keys=stage[1].format(**keys)))
    return plan(load(path))


@pytest.mark.parametrize(
    ("lessons", "why"),
    [
        ("[{g: hello}, {g: 3.0}]", r"tried.yaml:7:.*lesson g=hello: the environment fails in its first steps"),
        ("[{g: 3.0}, {g: [1, 2]}]", r"tried.yaml:7:.*lesson g=\[1, 2\]: the environment fails in its first steps"),
    ],
)
def test_a_lesson_of_the_wrong_type_is_refused(tmp_path: Path, lessons: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        asked(tmp_path, TAUGHT, lessons=lessons)
    assert asked(tmp_path, TAUGHT, lessons="[{g: 3.0}, {g: 4.0}]").own.jobs


@pytest.mark.parametrize(
    ("lessons", "why"),
    [
        ("{g: {low: 1.0, high: .inf}}", r".inf is not a finite number"),
        ("{g: {low: .nan, high: 2.0}}", r".nan is not a finite number"),
        ("g", r"lessons must be a list of maps, or a map of ranges, KEY: \(low, high\), got 'g'"),
        ("3", r"lessons must be a list of maps, or a map of ranges, KEY: \(low, high\), got 3"),
    ],
)
def test_lessons_that_are_none_have_one_message(tmp_path: Path, lessons: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why) as caught:
        asked(tmp_path, TAUGHT, lessons=lessons)
    assert len(caught.value.problems) == 1
    path, override = tmp_path / "tried.yaml", f"stages.first.lessons={lessons}"
    path.write_text(TEXT.format(kind=TAUGHT[0], keys=TAUGHT[1].format(lessons="[{g: 3.0}, {g: 4.0}]")))
    with pytest.raises(ScenarioError, match=why) as caught:
        load(path, [override])
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("stage", "controller", "why"),
    [
        (CLONE, "raises", "KeyError: 'knee'"),
        (CLONE, "two", ""),
        (CLONE, "late", "IndexError: third step"),
        (BORN, "raises", "KeyError: 'knee'"),
        (BORN, "no_pair", r"gave ndarray; return \(action, memory\)"),
        (BORN, "forgets", r"gave memory of shape \(1, 1\) for 1 observations; Pendulum-v1 takes \(1, 2\)"),
        (BORN, "blows", "gave an action that is not finite"),
    ],
)
def test_a_controller_that_fails_is_named_with_its_stage(
    tmp_path: Path, stage: tuple[str, str], controller: str, why: str
) -> None:
    with pytest.raises(ScenarioError, match=rf"tried.yaml:7:.*first: .*controller '?{HERE}:{controller}'?.*{why}"):
        asked(tmp_path, stage, controller=f"{HERE}:{controller}")


@pytest.mark.parametrize(("stage", "controller"), [(CLONE, "good"), (BORN, "swings")])
def test_one_that_acts_is_planned(tmp_path: Path, stage: tuple[str, str], controller: str) -> None:
    assert asked(tmp_path, stage, controller=f"{HERE}:{controller}").own.jobs
