"""Lessons: other keyword arguments of an environment from one episode to the next, copy by copy."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from devlearn.registry import nearest
from devlearn.tasks.envs import reset_safety
from devlearn.tasks.envs.registration import WorldError, described
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec

Keywords = Mapping[str, Any]


class LessonRefused(WorldError):
    """A lesson that an environment can't give. ``place`` is where it stands in ``lessons``: its index, or a keyword."""

    def __init__(self, place: int | str, message: str) -> None:
        self.place = place
        super().__init__(message)


class Schedule(Protocol):
    """Which keyword arguments the episode of copy ``e`` of learner ``n`` is lived with, beside the environment's own.

    ``keys`` are the names of all of them, the same in every lesson.
    """

    keys: tuple[str, ...]

    def begin(self, n: int, e: int) -> Keywords:
        """An episode begins: its keyword arguments. Asked copy by copy, once an episode."""

    def now(self, n: int, e: int) -> Keywords:
        """Those of the episode that the copy is in."""

    def end(self, n: int, e: int, result: float) -> None:
        """An episode has ended, with its undiscounted return."""


def check_lessons(spec: EnvSpec, lessons: Iterable[tuple[int | str, Keywords]]) -> None:
    """See that an environment can be made with each lesson, given with its place, looks and acts the same, and lives.

    Raises:
        LessonRefused: otherwise, with the mend.
    """
    for place, keywords in lessons:
        view, controls = view_and_controls(spec)
        known = _known(spec)
        if unknown := next((key for key in keywords if known and key not in known), ""):
            likely = nearest(unknown, known)
            mend = f"did you mean {likely!r}?" if likely else f"it takes {', '.join(known)}"
            raise LessonRefused(place, f"lesson {told(keywords)}: {spec.id} takes no {unknown!r}; {mend}")
        try:
            seen, acts = view_and_controls(spec.also(**keywords))
        except WorldError as error:
            floats = any(isinstance(value, float) for value in keywords.values())
            mend = "; where whole numbers are needed, give the range 'whole: true'" if floats else ""
            raise LessonRefused(place, f"lesson {told(keywords)}: {error}{mend}") from error
        for what, its, own in (("shows", seen.box, view.box), ("takes", acts.space, controls.space)):
            if its != own:
                why = f"with lesson {told(keywords)} {spec} {what} {its}, and without lessons {own}"
                raise LessonRefused(place, f"{why}; leave keywords that change what is seen or done to env_kwargs")
        if why := reset_safety.fails(spec.also(**keywords)):
            mend = f"see what {spec.id} takes for {', '.join(keywords)}"
            raise LessonRefused(
                place, f"lesson {told(keywords)}: the environment fails in its first steps: {why}; {mend}"
            )


def _known(spec: EnvSpec) -> list[str]:
    """The names of an environment's keyword arguments; none where it takes any, or does not say."""
    try:
        takes = described(spec.id)
    except WorldError:  # it can be made, and has no signature to read
        return []
    return [] if takes.open else [key for key in takes.kwargs if key != "render_mode"]


def told(keywords: Keywords) -> str:
    """A lesson in a few letters, the same wherever it is told of: ``door=5 limit=20``."""
    return " ".join(f"{key}={_short(value)}" for key, value in keywords.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
