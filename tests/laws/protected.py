"""Lives of several protected stages, as the engine leads them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.protections.protection import HEADS, Protecting, Protection
from devlearn.stages.stage import Stage
from tests.laws.rows import given_context, go_on, keys_of, make

# Each kind with keys that are small, and with keys by which it adds nothing (None: it always does something).
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "ewc": ({"strength": 50, "samples": 6}, {"strength": 0, "samples": 6}),
    "si": ({"strength": 5}, {"strength": 0}),
    "mas": ({"strength": 5, "samples": 6}, {"strength": 0, "samples": 6}),
    "l2": ({"strength": 0.1}, {"strength": 0}),
    "freeze": ({}, None),
    "shrink_perturb": ({"every": 2, "shrink": 0.99}, {"every": 2, "shrink": 1, "noise": 0}),
    "reset": ({}, None),
    "replay": ({"size": 12, "batch": 5}, {"size": 12, "weight": 0}),
    "agem": ({"size": 12, "batch": 1}, None),
    "derpp": ({"size": 12, "batch": 5}, {"size": 12, "alpha": 0, "beta": 0}),
    "lwf": ({}, {"weight": 0}),
    "generative_replay": ({"hidden": 6, "latent": 3, "batch": 5}, {"hidden": 6, "latent": 3, "weight": 0}),
    "continual_backprop": ({"rate": 0.1, "maturity": 2}, {"rate": 0}),
}


def protection_of(kind: str, **keys: Any) -> Protection:
    cls: type[Protection] = get("protections", kind)
    return cls(**{**KINDS[kind][0], **keys})


def protected(row: str, own: Protection | None, **keys: Any) -> Stage:
    """A row's stage with a protection, and with other keys."""
    cls = type(make(row))
    return cls(**{**keys_of(row), **keys, "protect": own})


def live_protected(
    cohort: Cohort, stages: Sequence[Stage], yields: int, kept: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Lead learners through protected stages, one after another; what is kept in the end."""
    kept = {} if kept is None else kept
    for stage in stages:
        with guarded(cohort, stage, kept) as state:
            go_on(stage, cohort, state, yields)
    return kept


@contextmanager
def guarded(cohort: Cohort, stage: Stage, kept: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A stage from its beginning to its end, under its protection; what happens in it is the caller's."""
    own = stage.protect
    at = Protecting(cohort, stage, given_context(stage, cohort), kept)
    if own is not None:
        with torch.no_grad():
            own.begin(at)
        cohort.guard = own.guard(at)
    yield stage.begin(cohort, at.context)
    cohort.guard = None
    if own is not None:
        own.end(at)
        rehearsed = stage.rehearsed()
        kept[HEADS] = [*kept.get(HEADS, ()), rehearsed.task.read_out if rehearsed else ""]
