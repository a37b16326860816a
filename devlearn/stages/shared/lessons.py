"""Lessons: what environment the episodes of each learner are lived in, one after another, as its teacher says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from devlearn.lazy import torch
from devlearn.stages.shared.apprenticeship import GIVEN, given_metrics
from devlearn.stages.shared.teachers import Choice, Lesson, Notes, Replayed, Teacher
from devlearn.streams import generator
from devlearn.tasks.envs.lessons import check_lessons, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from devlearn.scenario import Of
    from devlearn.scenario.controls import Control
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Happening
    from devlearn.tasks.envs.lessons import Keywords
    from devlearn.tasks.envs.spec import EnvSpec

TEACHER = "teacher"  # the stream of what teachers draw
LESSON_METRICS = ("lesson", *GIVEN)
EVENT = "lesson"


class Range(BaseModel):
    """The values that a keyword can have: any from ``low`` to ``high``."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    low: float = Field(allow_inf_nan=False, description="the least value")
    high: float = Field(allow_inf_nan=False, description="the largest value")
    whole: bool = Field(False, description="only whole numbers")

    @model_validator(mode="after")
    def _forward(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"high ({self.high:g}) must be above low ({self.low:g})")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("low and high of whole numbers must be whole")
        return self

    def at(self, place: float) -> float | int:
        """The value at a place in [0, 1]."""
        if self.whole:
            return min(int(self.low + place * (self.high - self.low + 1)), int(self.high))
        return self.low + place * (self.high - self.low)


def _alike(lessons: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Raises ValueError where lessons don't set the same keywords, or two are the same."""
    for number, lesson in enumerate(lessons):
        if not lesson or lesson.keys() != lessons[0].keys():
            why = f"lesson {number + 1} sets {', '.join(lesson) or 'nothing'}"
            raise ValueError(f"{why}; every lesson sets the same keywords, one or more ({', '.join(lessons[0])})")
        if lesson in lessons[:number]:
            raise ValueError(f"lesson {number + 1} is lesson {lessons.index(lesson) + 1} again: {told(lesson)}")
    return lessons


def _list_or_ranges(value: Any) -> str | None:
    """Which of the two a value is meant to be, if any."""
    if isinstance(value, Mapping):
        return "ranges"
    return "list" if isinstance(value, list | tuple) else None


LessonList = Annotated[tuple[dict[str, Any], ...], Field(min_length=2), AfterValidator(_alike)]
LessonRanges = Annotated[dict[str, Range], Field(min_length=1)]
OneOrOther = Annotated[
    Annotated[LessonList, Tag("list")] | Annotated[LessonRanges, Tag("ranges")],
    Discriminator(
        _list_or_ranges,
        custom_error_type="lessons",
        custom_error_message="Input should be a list of maps, or a map of ranges, KEY: (low, high)",
    ),
]
LessonsKey = Annotated[
    OneOrOther | None,
    Field(
        description="keyword arguments of the environment that change from episode to episode, beside env_kwargs: a "
        "list of maps, or a map {KEY: {low, high}} of ranges; empty: no lessons"
    ),
]
TeacherKey = Annotated[Teacher | None, Field(description="who chooses the lesson of each episode, for each learner")]


@dataclass(frozen=True)
class Curriculum:
    """What lessons there are, and who teaches them: the keys ``lessons`` and ``teacher`` of a stage, perhaps none.

    A trial stage has one. It adds its ``metrics``, ``controls``, ``environments``, ``bytes`` and ``begin`` to the
    stage's own, and opens its ``course`` with the world that it is for.

    Raises:
        ValueError: lessons without a teacher or a teacher without lessons, or one that can't teach these.
    """

    lessons: tuple[dict[str, Any], ...] | dict[str, Range] | None
    teacher: Teacher | None

    def __post_init__(self) -> None:
        if self.lessons is None and self.teacher is not None:
            raise ValueError("a teacher needs lessons: a list of keyword arguments of the environment, or ranges")
        if self.lessons is not None and self.teacher is None:
            raise ValueError("lessons need a teacher: {kind: random}, for one")
        if self:
            self.choice()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.lessons is not None

    def refuse(self, random: bool) -> None:
        """Raises ValueError where learners act at ``random`` and have lessons."""
        if self and random:
            raise ValueError("learners that act at random learn nothing from lessons either; drop random or lessons")

    def choice(self) -> Choice:
        """How the next lesson is chosen."""
        assert self.lessons is not None and self.teacher is not None
        ranges = isinstance(self.lessons, Mapping)
        return (self.teacher.in_ranges if ranges else self.teacher.of_list)(len(self.lessons))

    def choices(self, context: Context) -> list[Choice]:
        """How the next lesson is chosen for each learner: for all alike, but where another's order is replayed."""
        if self.of is None:
            return [self.choice()] * len(context.seeds)
        assert self.teacher is not None
        given, shuffled = context.order_of(self.of), self.teacher.shuffled
        rows = zip(given.lessons.cpu().numpy(), given.counts.tolist(), strict=True)
        return [Replayed(row[:count], shuffled, room=len(row)) for row, count in rows]

    @property
    def of(self) -> Of | None:
        """Whose order is replayed, if any is."""
        return None if self.teacher is None else self.teacher.of

    @property
    def metrics(self) -> tuple[str, ...]:
        return LESSON_METRICS[: 1 + len(GIVEN) * (self.of is not None)] if self else ()

    @property
    def controls(self) -> tuple[Control, ...]:
        """What a claim that they helped has to rule out."""
        return ("order",) if self.teacher is not None and self.teacher.has_order else ()

    @property
    def follows_budget(self) -> bool:
        """Whether a lesson depends on how much of the budget is gone."""
        return self.teacher is not None and self.teacher.follows_budget

    @property
    def bytes(self) -> int:
        """What a teacher notes of one learner."""
        return sum(array.nbytes for array in self.choice().blank().values()) if self else 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The keywords that every lesson sets."""
        assert self.lessons is not None
        return tuple(self.lessons if isinstance(self.lessons, Mapping) else self.lessons[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one lesson: a number of the list, or a point (D,)."""
        return (len(self.lessons),) if isinstance(self.lessons, Mapping) else ()

    def keywords(self, lesson: Lesson) -> Keywords:
        """What the environment of a lesson is made with, beside ``env_kwargs``."""
        assert self.lessons is not None
        if not isinstance(self.lessons, Mapping):
            return self.lessons[int(lesson)]
        return {key: self.lessons[key].at(float(place)) for key, place in zip(self.lessons, lesson, strict=True)}

    def _ends(self) -> list[tuple[int | str, Keywords]]:
        """Lessons to try, each with its place in the file: all of a list; of ranges, every end of each."""
        if not isinstance(self.lessons, Mapping):
            return list(enumerate(self.lessons or ()))
        least = {key: values.at(0.0) for key, values in self.lessons.items()}
        return [(key, {**least, key: values.at(end)}) for key, values in self.lessons.items() for end in (0.0, 1.0)]

    def environments(self, spec: EnvSpec) -> tuple[EnvSpec, ...]:
        """The environment, and those of its lessons; in ranges, those at the ends."""
        return tuple(dict.fromkeys((spec, *(spec.also(**keywords) for _, keywords in self._ends()))))

    def check(self, spec: EnvSpec) -> None:
        """Raises LessonRefused where the environment can't give them."""
        check_lessons(spec, self._ends())

    def begin(self) -> State:
        """What a stage's state holds of them before the first: nothing yet."""
        return {"lessons": {}, "told": []} if self else {}

    def course(self, context: Context, copies: int, state: State) -> Course:
        """They as a stage goes on with them, from its state."""
        lessons = Lessons(self, context, copies, state["lessons"] or None) if self else None
        return Course(lessons, given_metrics(self.of, context))


@dataclass(frozen=True)
class Course:
    """The lessons of a stage while it is open: the ``Schedule`` of its world, or None where it has none."""

    lessons: Lessons | None
    given: dict[str, Tensor]

    def at(self, share: float) -> None:
        """So much of the budget is gone."""
        if self.lessons is not None:
            self.lessons.at(share)

    def tell(self, state: State) -> dict[str, Tensor]:
        """Leave in a stage's state, before it yields, what lessons have begun, for ``happened``; the metrics."""
        if self.lessons is None:
            return {}
        state["told"] = self.lessons.told()
        return {**self.lessons.found, **self.given}

    def state(self) -> State:
        """All that a resume needs."""
        return {} if self.lessons is None else {"lessons": self.lessons.state()}


class Lessons:
    """The lessons of N learners in E copies each, and what their teachers noted. It is the ``Schedule`` of their world.

    Args:
        curriculum: the stage's.
        context: whose stream ``teacher`` draws, for each episode that a learner begins, all that is random.
        copies: E.
        state: what ``state()`` returned, to continue bit for bit.
    """

    def __init__(self, curriculum: Curriculum, context: Context, copies: int, state: State | None = None) -> None:
        self.curriculum, self.choices, self.keys = curriculum, curriculum.choices(context), curriculum.keys
        self._name, self._visit, self._drawn_by = context.name, context.visit, context.drawn_by(TEACHER)
        n, kind = len(context.seeds), np.float64 if curriculum.shape else np.int64
        self._share = 0.0
        self._order: list[list[Lesson]] = []  # all lessons of each learner so far, for whoever replays them
        self._since: list[list[Lesson]] = [[] for _ in range(n)]  # that episodes began with since they were told of
        if state is not None:
            self._lesson, self._last, self._begun = (np.copy(state[name]) for name in ("lesson", "last", "begun"))
            self._notes = {name: np.copy(array) for name, array in state["notes"].items()}
            rows = zip(state["order"], self._begun.tolist(), strict=True)
            self._order.extend(list(row[:begun]) for row, begun in rows)
            return
        self._lesson = np.zeros((n, copies, *curriculum.shape), kind)
        self._last = np.full((n, *curriculum.shape), -1, kind)  # that was told of
        self._begun = np.zeros(n, np.int64)
        blank = [choice.blank() for choice in self.choices]
        self._notes = {name: np.stack([own[name] for own in blank]) for name in blank[0]}
        self._order.extend([] for _ in range(n))

    def _of(self, n: int) -> Notes:
        """What was noted of a learner: views."""
        return {name: array[n] for name, array in self._notes.items()}

    def at(self, share: float) -> None:
        """So much of the budget is gone."""
        self._share = share

    def begin(self, n: int, e: int) -> Keywords:
        draw = generator(self._drawn_by[n], self._name, self._visit, TEACHER, counter=int(self._begun[n]))
        self._lesson[n, e] = self.choices[n].choose(self._of(n), self._share, draw)
        self._begun[n] += 1
        self._since[n].append(self._lesson[n, e].copy())
        self._order[n].append(self._lesson[n, e].copy())
        return self.now(n, e)

    def now(self, n: int, e: int) -> Keywords:
        return self.curriculum.keywords(self._lesson[n, e])

    def end(self, n: int, e: int, result: float) -> None:
        self.choices[n].see(self._of(n), self._lesson[n, e].copy(), result)

    @property
    def found(self) -> dict[str, Tensor]:
        """``lesson``, (N,): in which one copies are, on average, by its number or its place in the ranges."""
        return {"lesson": torch.from_numpy(self._lesson.reshape(len(self._begun), -1).mean(1))}

    def told(self) -> list[str]:
        """Of each learner whose lesson has changed since this was asked last, those that its episodes began with.

        In words, in their order; empty where the lesson is what it was.
        """
        words = []
        for n, since in enumerate(self._since):
            changed = any(not np.array_equal(lesson, self._last[n]) for lesson in since)
            words.append(self._listed(since) if changed else "")
            if since:
                self._last[n] = since[-1]
        self._since = [[] for _ in self._since]
        return words

    def _listed(self, lessons: Sequence[Lesson]) -> str:
        names = [told(self.curriculum.keywords(lesson)) for lesson in lessons]
        counted = [(name, len(list(same))) for name, same in groupby(names)]
        return ", ".join(f"{name} x{count}" if count > 1 else name for name, count in counted)

    def state(self) -> State:
        """All that a resume needs, with a leading N axis; copied."""
        held = {"lesson": self._lesson, "last": self._last, "begun": self._begun}
        notes = {name: array.copy() for name, array in self._notes.items()}
        order = np.zeros((len(self._order), max(map(len, self._order)), *self._lesson.shape[2:]), self._lesson.dtype)
        for row, own in zip(order, self._order, strict=True):
            row[: len(own)] = np.reshape(own, row[: len(own)].shape)
        return {**{name: array.copy() for name, array in held.items()}, "notes": notes, "order": order}


def order_given(state: State) -> dict[str, Tensor]:
    """Of a stage's state, the order of all lessons that its learners had, as ``GivenOrder`` has it; {} without any."""
    own = state.get("lessons")
    if not own:
        return {}
    return {"lessons": torch.from_numpy(np.array(own["order"])), "counts": torch.from_numpy(np.array(own["begun"]))}


def happened(state: State) -> Iterator[Happening]:
    """What a stage's last yield left in its state of the lessons that began, as rows of events.csv."""
    words = state.get("told", ())
    for n, detail in enumerate(words):
        if detail:
            rows = torch.zeros(len(words), dtype=torch.bool)
            rows[n] = True
            yield EVENT, detail, rows
