"""Lessons of a stage: what teachers are told and asked, what is on record, and what may be said in a file."""

import copy
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.shared.lessons import LESSON_METRICS, Curriculum, Lessons, Range
from devlearn.stages.shared.teachers import Teacher
from devlearn.stages.stage import Stage
from devlearn.tasks.envs import EnvSpec, LessonRefused
from tests.laws.rows import BRAIN, context_for, go_on, live

SEEDS, COPIES = (3, 8, 5), 2
DOORS = [{"door": 5}, {"door": 6}, {"door": 7}]
MASTERY = {"kind": "mastery", "level": -1.0, "min_episodes": 2}
KEYS = {
    "env": "devlearn/KeyCorridor-v0",
    "env_kwargs": {"length": 7, "limit": 5},
    "env_steps": 10_000,
    "num_envs": COPIES,
    "rollout": 8,
    "minibatches": 2,
    "epochs": 1,
}


def play(**keys: Any) -> Stage:
    stage: Stage = get("stages", "trial.ppo")(**{**KEYS, **keys})
    return stage


def learners(stage: Stage, memory: str = "none") -> Cohort:
    return Cohort(brain_builder({**BRAIN, "memory": memory}, stage.needs()), SEEDS)


def lessons(
    teacher: dict[str, Any], of: Any = tuple(DOORS), seeds: tuple[int, ...] = SEEDS, state: Any = None
) -> Lessons:
    return Lessons(Curriculum(of, Teacher(**teacher)), context_for(seeds), COPIES, state)


KINDS = ({"kind": "fixed"}, {"kind": "growing"}, MASTERY, {"kind": "progress", "window": 2, "explore": 0.5})


@pytest.mark.parametrize("teacher", KINDS, ids=lambda teacher: teacher["kind"])
def test_a_taught_life_that_was_cut_is_the_same_life_with_the_same_lessons(teacher: dict[str, Any]) -> None:
    stage = play(lessons=DOORS, teacher=teacher)
    whole, cut = learners(stage), learners(stage)
    state, expected = live(stage, whole, 1, planned=6)
    told = [state["told"]]
    for _ in range(5):
        expected += go_on(stage, whole, state, 1, planned=6)
        told.append(state["told"])
    state, found = live(stage, cut, 6, planned=6)
    assert torch.equal(whole.flat, cut.flat) and state["told"] == told[-1]
    for a, b in zip(expected, found, strict=True):
        assert set(a) == set(stage.columns()) == set(b)
        assert all(torch.equal(a[name].nan_to_num(), b[name].nan_to_num()) for name in a)
    assert len({float(a["lesson"].sum()) for a in expected}) > 1


def test_each_learner_is_taught_by_itself_and_as_it_would_be_alone() -> None:
    def order(seeds: tuple[int, ...], results: dict[int, float]) -> list[list[str]]:
        taught, words = lessons(MASTERY | {"level": 0.5}, seeds=seeds), []
        for _ in range(3):
            for n, seed in enumerate(seeds):
                for e in range(COPIES):
                    taught.begin(n, e)
                for e in range(COPIES):
                    taught.end(n, e, results[seed])
            words.append(taught.told())
        return words

    results = {3: 1.0, 8: 0.0, 5: 1.0}
    together = order(SEEDS, results)
    assert together == [
        ["door=5 x2", "door=5 x2", "door=5 x2"],
        ["door=6 x2", "", "door=6 x2"],
        ["door=7 x2", "", "door=7 x2"],
    ]
    assert [words[1:2] for words in together] == order((8,), results)


def test_lessons_are_told_in_the_order_in_which_episodes_began_and_only_where_they_change() -> None:
    taught = lessons({"kind": "random"}, seeds=(3,))
    begun = [taught.begin(0, number % COPIES)["door"] for number in range(40)]
    (words,) = taught.told()
    again: list[int] = []
    for part in words.split(", "):
        name, _, count = part.partition(" x")
        again += [int(name.removeprefix("door="))] * int(count or 1)
    assert again == begun and len(set(begun)) == 3
    assert taught.told() == [""]


def test_a_lesson_that_goes_on_is_told_once() -> None:
    taught = lessons({"kind": "fixed"}, seeds=(3,))
    said = []
    for share in (0.0, 0.2, 0.4, 0.6, 0.9):
        taught.at(share)
        taught.begin(0, 0)
        said += taught.told()
    assert said == ["door=5", "", "door=6", "", "door=7"]
    assert taught.found["lesson"].tolist() == [1.0]  # copies in the lessons 2 and 0


def test_a_stage_says_what_happened_to_whom() -> None:
    stage = play(lessons=DOORS, teacher=MASTERY)
    assert list(play().happened({})) == []
    rows = list(stage.happened({"told": ["", "door=6", "door=7 x2"]}))
    assert [(event, detail, who.tolist()) for event, detail, who in rows] == [
        ("lesson", "door=6", [False, True, False]),
        ("lesson", "door=7 x2", [False, False, True]),
    ]


def test_ranges_give_every_value_between_their_ends() -> None:
    assert [Range(low=2, high=4).at(place) for place in (0, 0.25, 1)] == [2, 2.5, 4]
    rng = np.random.default_rng(0)
    whole = Counter(Range(low=5, high=7, whole=True).at(place) for place in rng.random(3000))
    assert set(whole) == {5, 6, 7} and all(isinstance(value, int) for value in whole)
    assert min(whole.values()) > 900
    assert Range(low=5, high=7, whole=True).at(1.0) == 7
    ranges = {"door": Range(low=5, high=7, whole=True), "limit": Range(low=1, high=2)}
    assert Curriculum(ranges, Teacher(kind="random")).keywords(np.array([0.5, 0.5])) == {"door": 6, "limit": 1.5}
    plain = EnvSpec("CartPole-v1")
    found = [spec.kwargs for spec in Curriculum(ranges, Teacher(kind="random")).environments(plain)]
    assert found == [{}, *({"door": door, "limit": limit} for door, limit in ((5, 1), (7, 1), (5, 2)))]


def test_lessons_in_ranges_are_lived_and_recorded_by_their_place() -> None:
    stage = play(lessons={"door": {"low": 5, "high": 7, "whole": True}}, teacher={"kind": "random"})
    state, found = live(stage, learners(stage), 3)
    assert all(((yielded["lesson"] >= 0) & (yielded["lesson"] <= 1)).all() for yielded in found)
    assert re.fullmatch(r"door=[567]( x\d+)?(, door=[567]( x\d+)?)*", state["told"][0])


def test_a_stage_without_lessons_is_as_it_was() -> None:
    plain = play()
    state, found = live(plain, learners(plain), 2)
    assert {"lessons", "teacher"}.isdisjoint(plain.model_dump()) and {"lessons", "told"}.isdisjoint(state)
    assert set(found[0]) == set(plain.columns()) and set(LESSON_METRICS).isdisjoint(plain.columns())
    assert plain.environments() == (plain.env_spec,) and not plain.needed_controls()  # type: ignore[attr-defined]


def test_the_teachers_notes_are_in_the_estimate_of_memory_and_budgets_are_followed_where_they_count() -> None:
    plain, taught = play(), play(lessons=DOORS, teacher=KINDS[3])
    meta = learners(plain).member(0).to("meta")
    assert taught.cost(meta).memory - plain.cost(meta).memory == 3 * (2 + 1 + 1) * 8
    assert taught.cost(meta).flops == plain.cost(meta).flops
    for kind, follows in (
        ("fixed", True),
        ("reversed", True),
        ("growing", True),
        ("random", False),
        ("progress", False),
    ):
        stage = play(lessons=DOORS, teacher={"kind": kind}, schedule="constant")
        assert stage.follows_budget() == follows


def test_the_environments_of_a_stage_are_those_of_its_lessons_too() -> None:
    stage = play(lessons=DOORS, teacher={"kind": "random"})
    assert [spec.kwargs.get("door") for spec in stage.environments()] == [None, 5, 6, 7]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"lessons": DOORS}, "lessons need a teacher"),
        ({"teacher": {"kind": "random"}}, "a teacher needs lessons"),
        ({"lessons": DOORS[:1], "teacher": {"kind": "random"}}, "at least 2 items"),
        ({"lessons": [*DOORS, {"door": 6}], "teacher": {"kind": "random"}}, "lesson 4 is lesson 2 again: door=6"),
        (
            {"lessons": [{"door": 5}, {"limit": 6}], "teacher": {"kind": "random"}},
            "lesson 2 sets limit; every lesson sets",
        ),
        ({"lessons": [{"door": 5}, {}], "teacher": {"kind": "random"}}, "lesson 2 sets nothing"),
        ({"lessons": {"door": {"low": 5, "high": 5}}, "teacher": {"kind": "random"}}, "must be above low"),
        ({"lessons": {"door": {"low": 5.5, "high": 7, "whole": True}}, "teacher": {"kind": "random"}}, "must be whole"),
        ({"lessons": {"door": {"low": 5, "high": 7}}, "teacher": {"kind": "fixed"}}, "needs lessons one by one"),
        ({"lessons": DOORS, "teacher": {"kind": "random"}, "random": True}, "drop random or lessons"),
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        play(**keys)


def test_a_lesson_that_the_environment_can_not_give_is_refused_at_its_place() -> None:
    with pytest.raises(LessonRefused, match="door must be a cell from 5 to 7") as refused:
        play(lessons=[*DOORS, {"door": 9}], teacher={"kind": "random"}).needs()
    assert refused.value.place == 3


def test_whole_numbers_that_a_range_does_not_give_are_asked_for() -> None:
    with pytest.raises(LessonRefused, match=r"not 5.*where whole numbers are needed, give the range 'whole: true'"):
        play(lessons={"door": {"low": 5, "high": 7}}, teacher={"kind": "random"}).needs()
    play(lessons={"door": {"low": 5, "high": 7, "whole": True}}, teacher={"kind": "random"}).needs()


def test_state_is_a_copy() -> None:
    taught = lessons(MASTERY)
    taught.begin(0, 0)
    kept = taught.state()
    before = copy.deepcopy(kept)
    for _ in range(5):
        taught.end(0, 0, 1.0)
        taught.begin(0, 0)
    assert all(np.array_equal(kept["notes"][name], array) for name, array in before["notes"].items())
    again = lessons(MASTERY, state=kept)
    assert again.begin(0, 0) == {"door": 5} != taught.begin(0, 0)
