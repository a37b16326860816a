"""Lessons: keyword arguments that change from episode to episode, the same however copies are stepped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from devlearn_envs.key_corridor import KeyCorridor

from devlearn.runs import pipeline
from devlearn.scenario import ScenarioError
from devlearn.tasks.envs import EnvSpec, LessonRefused, VectorEnv
from devlearn.tasks.envs.lessons import check_lessons, told
from devlearn.tasks.envs.stepping import Allowance, allowed
from devlearn.tasks.envs.sync_vector_env import SyncVectorEnv

SEEDS, COPIES = (3, 0, 11), 2
CORRIDOR = EnvSpec("devlearn/KeyCorridor-v0", {"length": 9, "limit": 6})
PENDULUM = EnvSpec("Pendulum-v1", {"max_episode_steps": 5})


class Turns:
    """Lessons by turns: the j-th episode of copy e has lesson (j + e) modulo as many."""

    def __init__(self, key: str, values: tuple[Any, ...]) -> None:
        self.keys, self.values = (key,), values
        self.number = np.full((len(SEEDS), COPIES), -1)
        self.told: list[tuple[int, int, float]] = []

    def begin(self, n: int, e: int) -> dict[str, Any]:
        self.number[n, e] += 1
        return self.now(n, e)

    def now(self, n: int, e: int) -> dict[str, Any]:
        return {self.keys[0]: self.values[(self.number[n, e] + e) % len(self.values)]}

    def end(self, n: int, e: int, result: float) -> None:
        self.told.append((n, e, result))


def doors() -> Turns:
    return Turns("door", (5, 7, 9))


def weights() -> Turns:
    return Turns("g", (0.0, 10.0, 3.5))


def actions(world: VectorEnv, steps: int) -> list[np.ndarray]:
    rng, shape = np.random.default_rng(0), (steps, len(SEEDS), COPIES)
    if world.action_space.shape:
        return list(rng.normal(size=(*shape, 1)).astype(np.float32))
    return list(rng.integers(world.action_space.n, size=shape))


def lived(world: VectorEnv, steps: int = 30, cut: bool = False, **keys: Any) -> list[np.ndarray]:
    """What every step brought; ``cut``: closed before every step, and opened again from its state."""
    out = [world.observation.copy()]
    for action in actions(world, steps):
        if cut:
            state, lessons = world.state(), world.lessons
            world.close()
            world = VectorEnv(world.spec, SEEDS, COPIES, ("play",), state, lessons=lessons, **keys)
        step = world.step(action)
        out += [step.observation, step.final, step.reward, step.terminated | step.truncated]
    world.close()
    return out


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def world(spec: EnvSpec, lessons: Turns | None, **keys: Any) -> VectorEnv:
    return VectorEnv(spec, SEEDS, COPIES, ("play",), lessons=lessons, **keys)


def test_a_copy_begins_every_episode_in_the_lesson_that_it_is_given() -> None:
    taught = doors()
    corridor = world(CORRIDOR, taught)
    assert isinstance(corridor._batch, KeyCorridor)
    for action in actions(corridor, 20):
        shown = corridor.observation[:, :, 2].argmax(-1) + 1  # the row of the door
        assert shown.tolist() == [[taught.now(n, e)["door"] for e in range(COPIES)] for n in range(len(SEEDS))]
        corridor.step(action)
    assert {taught.now(n, e)["door"] for n in range(len(SEEDS)) for e in range(COPIES)} > {5}


def test_a_schedule_is_told_how_each_episode_ended() -> None:
    taught, total = weights(), np.zeros((len(SEEDS), COPIES))
    pendulum = world(PENDULUM, taught)
    for action in actions(pendulum, 5):
        total += pendulum.step(action).reward
    assert taught.told == [(n, e, total[n, e]) for n in range(len(SEEDS)) for e in range(COPIES)]
    assert (taught.number == 1).all()


@pytest.mark.parametrize(("spec", "lessons"), [(CORRIDOR, doors), (PENDULUM, weights)])
def test_a_life_of_lessons_that_was_cut_at_every_step_is_the_same_life(spec: EnvSpec, lessons: Any) -> None:
    assert same(lived(world(spec, lessons())), lived(world(spec, lessons()), cut=True))


def test_one_program_and_single_copies_give_the_same_lessons() -> None:
    alone = world(CORRIDOR, doors(), native=False)
    assert isinstance(alone._batch, SyncVectorEnv)
    assert same(lived(world(CORRIDOR, doors())), lived(alone))
    assert same(lived(world(CORRIDOR, doors())), lived(world(CORRIDOR, doors(), native=False), cut=True, native=False))


def test_copies_in_several_processes_have_the_same_lessons() -> None:
    with allowed(Allowance(3, forced=True)):
        several = lived(world(PENDULUM, weights()))
    assert same(lived(world(PENDULUM, weights())), several)


def test_lessons_make_a_difference_and_a_single_one_is_the_environment_made_with_it() -> None:
    heavy = lived(world(PENDULUM, Turns("g", (3.5,))))
    assert same(heavy, lived(world(PENDULUM.also(g=3.5), None)))
    assert not same(heavy, lived(world(PENDULUM, None)))


def test_a_lesson_in_letters() -> None:
    assert told({"door": 5, "speed": 0.123456, "kind": "far"}) == "door=5 speed=0.1235 kind=far"


@pytest.mark.parametrize(
    ("spec", "lesson", "words"),
    [
        (CORRIDOR, {"dor": 5}, "did you mean 'door'?"),
        (CORRIDOR, {"zzz": 5}, "takes no 'zzz'; it takes length, limit, door, max_episode_steps"),
        (CORRIDOR, {"door": 4}, "door must be a cell from 5 to 9, the corridor's last, not 4"),
        (CORRIDOR, {"length": 11}, "leave keywords that change what is seen or done to env_kwargs"),
        (PENDULUM, {"gg": 1.0}, "did you mean 'g'?"),
    ],
)
def test_lessons_that_an_environment_can_not_give_are_refused(spec: EnvSpec, lesson: Any, words: str) -> None:
    check_lessons(CORRIDOR, [(0, {"door": 5}), (1, {"door": 9})])
    with pytest.raises(LessonRefused) as refused:
        check_lessons(spec, [("g", lesson)])
    assert refused.value.place == "g" and words in str(refused.value)


SCENARIO = """
devlearn: 1
scenario: taught
brain: {kind: mlp, width: [8]}
stages:
  play:
    kind: trial.ppo
    env: devlearn/KeyCorridor-v0
    env_steps: 64
    LESSONS
    TEACHER
arms: {taught: [play]}
"""


@pytest.mark.parametrize(
    ("lessons", "teacher", "place", "message"),
    [
        (
            "[{door: 5}, {door: 18}]",
            "{kind: random}",
            (10, 26),
            "play: lesson door=18: devlearn/KeyCorridor-v0: making",
        ),
        ("[{door: 5}, {dor: 6}]", "{kind: random}", (10, 14), "lesson 2 sets dor; every lesson sets the same"),
        ("{dor: {low: 5, high: 6}}", "{kind: random}", (10, 15), "takes no 'dor'; did you mean 'door'?"),
        ("{door: {low: 5, hihg: 6}}", "{kind: random}", (10, 30), "unknown key 'hihg'; did you mean 'high'?"),
        ("[{door: 5}, {door: 6}]", "{kind: fixed, level: 1}", (11, 14), "level is a key of the teacher mastery, not"),
        ("[{door: 5}, {door: 6}]", "{kind: reverse}", (11, 21), "did you mean 'reversed'?"),
    ],
)
def test_what_is_wrong_with_lessons_is_told_at_its_place(
    lessons: str, teacher: str, place: tuple[int, int], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "taught.yaml"
    text = SCENARIO.replace("LESSONS", f"lessons: {lessons}").replace("TEACHER", f"teacher: {teacher}")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        pipeline.plan(pipeline.load(path))
    (problem,) = caught.value.problems
    assert ((problem.line, problem.column), message in problem.message) == (place, True), problem
