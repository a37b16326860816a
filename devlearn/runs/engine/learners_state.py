"""What outlives a stage: learners, what they have consumed, who has diverged, the moments left behind."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.runs.engine.ledger import Ledger
from devlearn.stages.context import State


class LearnersState:
    """The N learners of a job between two stages: what a job hands on to the next, and every checkpoint holds.

    Attributes:
        cohort: the learners, newborn at first.
        ledger: what each has consumed over its whole life.
        diverged: who has become non-finite, in this job or before it, (N,) bool.
        inherited: optimiser moments that the stage before left behind, for ``optimiser: continue``.
        gives: what the stage before has for other arms beside the learners (``Stage.gives``).
        kept: what protections have kept of earlier stages, {kind: state}.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self.ledger = Ledger(cohort.n)
        self.diverged: Tensor = torch.zeros(cohort.n, dtype=torch.bool)
        self.inherited: State | None = None
        self.gives: State = {}
        self.kept: dict[str, State] = {}

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint: tensors and nested dicts of them."""
        brain, ledger = self.cohort.state(), self.ledger.state()
        rest = {"known": self.ledger.known(), "inherited": self.inherited, "diverged": self.diverged}
        some = {"gives": self.gives, "kept": self.kept}
        return {"brain": brain, "ledger": ledger, **rest, **{key: value for key, value in some.items() if value}}

    def load(self, content: Mapping[str, Any]) -> None:
        """Become what ``to_dict`` gave. Raises ValueError where it is of another brain."""
        self.cohort.load(content["brain"])
        self.ledger.load(content["ledger"], content["known"])
        self.inherited, self.diverged = content["inherited"], content["diverged"].cpu()
        self.gives, self.kept = content.get("gives", {}), content.get("kept", {})
