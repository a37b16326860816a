"""What arms take from each other (``of``): where stages say so, and the stages that are behind what an arm is given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from devlearn.scenario.models import ArmItem, Of, ResolvedArm

Place = tuple[str, ...]  # of a key in a stage, as ("of",) or ("teacher", "of")


def taken(stage: Any) -> Iterator[tuple[Place, Of]]:
    """What a stage takes from other arms, each with the place of the key that says so; nothing of a plain class."""
    for key in type(stage).model_fields if isinstance(stage, BaseModel) else ():
        value = getattr(stage, key)
        if isinstance(value, Of):
            yield (key,), value
        elif isinstance(value, BaseModel):
            yield from (((key, *place), of) for place, of in taken(value))


def gives_at(streams: Sequence[str], of: Of) -> int | None:
    """The place of the stage at whose end an arm of stages ``streams`` gives; None where it has no such stage."""
    return max((place for place, stream in enumerate(streams) if stream == of.stage), default=None)


def steps_behind(arms: Mapping[str, ResolvedArm], stage: Any) -> list[ArmItem]:
    """The steps of all lives that a stage takes something from, and those that these take from, and so on.

    ``arms`` are checked, so nothing goes round in a circle.
    """
    found: list[ArmItem] = []
    for _, of in taken(stage):
        steps = arms[of.arm].steps
        place = gives_at([step.stream for step in steps], of)
        assert place is not None
        for step in steps[: place + 1]:
            found += [step, *steps_behind(arms, step.stage)]
    return found
