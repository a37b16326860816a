"""How much the protections of an arm keep: sized so that it is as much as another arm's keep (``match: by: bytes``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devlearn.scenario import ArmItem, ResolvedArm


def matched(course: ResolvedArm, goal: int, kept: Callable[[ResolvedArm], int]) -> ResolvedArm:
    """An arm whose protections with a ``size`` keep ``goal`` bytes, as nearly as whole images allow.

    ``kept`` counts what an arm keeps. Raises ValueError where it can't be met.
    """
    if not any(_sizable(step.stage) for step in course.steps):
        raise ValueError("none of its stages has a protection with a size, as replay; give it one, or match by flops")
    if not goal:
        raise ValueError("the other keeps nothing between stages")
    least, next_ = (kept(_with_size(course, size)) for size in (1, 2))
    if least > goal:
        raise ValueError(f"with one image it keeps {least:,} bytes, all protections counted, and the other {goal:,}")
    return _with_size(course, 1 + round((goal - least) / (next_ - least)))


def _sizable(stage: Any) -> bool:
    return stage.protect is not None and "size" in type(stage.protect).model_fields


def _with_size(course: ResolvedArm, size: int) -> ResolvedArm:
    return course.model_copy(update={"steps": tuple(_sized(step, size) for step in course.steps)})


def _sized(step: ArmItem, size: int) -> ArmItem:
    if not _sizable(step.stage):
        return step
    protect = step.stage.protect.model_copy(update={"size": size})
    return step.model_copy(update={"stage": step.stage.model_copy(update={"protect": protect})})
