"""Which actions of an environment are answers, and which of its keywords are views of it alone."""

from __future__ import annotations

import inspect
from typing import Any

from devlearn_envs import NATIVE

from devlearn.tasks.envs.registration import check_id
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.vector_env import is_native, native_batch


def answers_of(spec: EnvSpec) -> tuple[int, ...]:
    """The actions that are answers in an environment; () where it does not say, and so has no stream."""
    batch = native_batch(spec, 1)
    return () if batch is None else batch.answers


def question_of(spec: EnvSpec) -> int | None:
    """The place in an observation that is 1 where an answer is wanted; None where no place says so."""
    batch = native_batch(spec, 1)
    return None if batch is None else batch.question


def world_keywords(spec: EnvSpec) -> dict[str, Any]:
    """All keyword arguments of one of our environments, defaults filled in, without those that are views."""
    assert is_native(spec)
    batch = NATIVE[check_id(spec)]
    _, *parameters = inspect.signature(batch).parameters.values()  # without how many
    filled = {one.name: one.default for one in parameters} | dict(spec.kwargs)
    return {name: value for name, value in filled.items() if name not in batch.views}
