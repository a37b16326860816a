"""Scripted controllers, and learners to copy them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.stages.stage import Stage

Seen = np.ndarray[Any, Any]
POLE, SWING = f"{__name__}:leaning", f"{__name__}:swinging"


def leaning(observation: Seen, rng: np.random.Generator) -> int:
    """Balances the pole for all of 500 steps: pushes towards where it falls, and back to the middle."""
    place, speed, angle, turning = observation.tolist()
    return int(angle + 0.3 * turning + 0.01 * place + 0.05 * speed > 0)


def swinging(observation: Seen, rng: np.random.Generator) -> Seen:
    """A torque that the angle gives: 1 where the pendulum's height is 0."""
    return np.array([1.0 - observation[0]], np.float32)


def third(observation: Seen, rng: np.random.Generator) -> int:
    """Of two actions."""
    return 2


def cohort_of(stage: Stage, seeds: Sequence[int], **brain: Any) -> Cohort:
    """Small learners for a stage."""
    return Cohort(
        brain_builder({"kind": "mlp", "width": [32, 32], "activation": "tanh", **brain}, stage.needs()), seeds
    )
