"""Whether a stage can go on under a ``change``: the same brain, the same labels, the same shape of its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.lazy import torch
from devlearn.learners.cohort import Cohort
from devlearn.runs.plan.describe import describe
from devlearn.stages.context import Context
from devlearn.stages.stage import Cost, Stage

if TYPE_CHECKING:
    from torch import nn


def refusal(stage: Stage, changed: Stage, costs: tuple[Cost, Cost], build: Callable[[], nn.Module]) -> str:
    """Why ``stage`` can't be lived on as ``changed``; empty where it can. ``build`` makes one learner's network.

    Raises what a stage's own methods raise.
    """
    if describe(stage.needs()) != describe(changed.needs()):
        return "it needs something else of the brain"
    if (costs[0].labels, costs[0].label_bits) != (costs[1].labels, costs[1].label_bits):
        return "labels and what they tell are bought at the beginning, and it would buy others"
    if not all(cost.updates for cost in costs):
        return "updates say when a change comes, and a yield takes none"
    begun = [_shape(_begin(one, build)) for one in (stage, changed)]
    return "" if begun[0] == begun[1] else "its state has another shape"


def _begin(stage: Stage, build: Callable[[], nn.Module]) -> Any:
    """The state that one learner would begin with."""
    inherited = {"kind": "adam", "steps": dict[str, int]()}
    return stage.begin(Cohort(build, (0,)), Context((0,), "trial", 0, torch.device("cpu"), 1, inherited))


def _shape(state: Any) -> Any:
    """What has to stay: keys, texts, shapes and types; numbers may differ."""
    if isinstance(state, Mapping):
        return {key: _shape(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [_shape(value) for value in state]
    if isinstance(state, torch.Tensor | np.ndarray):
        return tuple(state.shape), str(state.dtype)
    return state if isinstance(state, str) else type(state).__name__
