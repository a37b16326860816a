"""What changes while a cohort visits a stage, all of which a checkpoint holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.records.schema import SelectEntry
from devlearn.runs.engine.best_checkpoints import BestCheckpoints
from devlearn.stages.context import State


class Status(IntEnum):
    """Why a learner has moved on from the stage, or that it has not: LIVES.

    UNSCORED: what it should have taken from another arm is not there, as the learner that gives it had diverged.
    """

    LIVES = 0
    BUDGET = 1
    PASSED = 2
    DIVERGED = 3
    UNSCORED = 4


@dataclass
class VisitState:
    """Where N learners are in their visit to a stage.

    Attributes:
        stage: the stage's own state, as its ``begin`` made it.
        updates: gradient steps of each learner in this visit, (N,) int64.
        status: a ``Status`` for each learner, (N,) int64.
        yields: of the stage, so far.
        best: the best checkpoints of this visit, where ``compare.select`` asks for them.
    """

    stage: State
    updates: Tensor
    status: Tensor
    yields: int = 0
    best: BestCheckpoints | None = None

    @classmethod
    def before(cls, diverged: Tensor, best: BestCheckpoints | None) -> "VisitState":
        """A visit that has not begun. Learners that have ``diverged`` (N,) bool in an earlier stage are held in it."""
        status = torch.where(diverged, int(Status.DIVERGED), int(Status.LIVES))
        return cls(stage={}, updates=torch.zeros_like(status), status=status, best=best)

    @property
    def living(self) -> Tensor:
        """Who has not moved on, (N,) bool."""
        return self.status == Status.LIVES

    @property
    def latest(self) -> int:
        """Updates of the learners that live on: nobody has more."""
        return int(self.updates.max())

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint: tensors, numbers and nested dicts of them."""
        best = None if self.best is None else self.best.to_dict()
        visit = {"yields": self.yields, "updates": self.updates, "status": self.status, "best": best}
        return {"state": self.stage, **visit}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], cohort: Cohort, select: SelectEntry | None) -> "VisitState | None":
        """The visit that a checkpoint was written in; None where it was written between two visits."""
        if content["state"] is None:
            return None
        best = None
        if content["best"] is not None and select is not None:
            best = BestCheckpoints.from_dict(cohort, select, content["best"])
        updates, status = content["updates"].cpu(), content["status"].cpu()
        return cls(content["state"], updates, status, content["yields"], best)
