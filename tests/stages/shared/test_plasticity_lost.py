"""A life of tasks wears a network out: under Adam at a high rate late tasks are learned worse than early ones."""

from typing import Any

import numpy as np
import torch

from devlearn.evidence.statistics import sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.stages.supervise.cross_entropy import Supervise
from tests.laws.rows import live

SEEDS = tuple(range(8))
UPDATES, PART = 1600, 200


def accuracies(**keys: Any) -> np.ndarray[Any, Any]:
    """Of minibatches before each update, (N, U)."""
    tasks = {"kind": "relabelled", "every": 40}
    stage = Supervise.model_validate({"data": "digits.train", "batch": 16, "updates": UPDATES, "tasks": tasks, **keys})
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [32, 32]}, stage.needs()), SEEDS)
    _, metrics = live(stage, cohort, UPDATES, planned=UPDATES)
    return torch.stack([told["accuracy"] for told in metrics], 1).numpy()


def test_plasticity_is_lost_under_adam_at_a_high_rate_and_not_under_plain_descent() -> None:
    """By a tenth at least, and significantly; the same tasks are learned better and better by who keeps it."""
    changes = []
    for keys in ({"lr": 1e-2}, {"optimiser": "sgd", "lr": 0.1}):
        found = accuracies(**keys)
        changes.append(found[:, -PART:].mean(1) - found[:, :PART].mean(1))
    lost, kept = changes
    assert lost.mean() < -0.1 and kept.mean() > 0.05
    for change in changes:
        assert sign_flip(change) < 0.05
