"""What stages share whose learners are born from something evolved: ancestors, lineages and what is passed on.

Evolution takes place within the stage: ancestors learn, and at every yield the learners' weights are theirs. Without
``lineages`` every learner is its own ancestor. With K of them, K ancestors are born under seeds of their own and
learner s descends from number s modulo K; all K are evolved in every block of learners, so that those of one lineage
inherit the same bits wherever they live. State may then have K rows where the cohort has N, so it is kept under one
key, ``ancestors``, apart from what the engine holds row by row.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context, State
from devlearn.stages.fields import Count
from devlearn.stages.shared.labelled import Lessons
from devlearn.stages.stage import Metrics
from devlearn.streams import BIRTH, torch_seed


def ancestor_seed(stage: str, number: int) -> int:
    """The seed of ancestor ``number`` of a stage's name; none that a learner can have."""
    return 2**63 + torch_seed(number, "ancestor", stage)


class Ancestral(Lessons):
    """A stage that evolves ancestors on labelled images. How it does is ``evolve``, the subclass's."""

    draws = (*Lessons.draws, BIRTH)
    fixed = (*Lessons.fixed, "lineages")

    optimiser: Literal["adam", "sgd"] = Field("adam", description="the rule by which ancestors improve")
    lineages: Count | None = Field(
        None,
        description="how many ancestors are evolved, from births of their own: learner s descends from number s modulo "
        "this, and evidence counts lineages; empty: every learner evolves alone, from what it is",
    )

    @abstractmethod
    def evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Improve the ancestors in place, endlessly, from ``state`` (``done``, ``moments``); streams are theirs."""

    def lineage(self, seed: int) -> str | None:
        return None if self.lineages is None else f"{self.kind}: ancestor {seed % self.lineages}"

    def descent(self, context: Context) -> Context:
        """The context that the ancestors live in."""
        if self.lineages is None:
            return context
        return replace(context, seeds=tuple(ancestor_seed(context.name, k) for k in range(self.lineages)))

    def begin(self, cohort: Cohort, context: Context) -> State:
        own: State = {"done": 0, "moments": {}}
        if self.lineages is not None:
            own["brain"] = cohort.newborn(self.descent(context).drawn_by(BIRTH)).state()
        return {"ancestors": own}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own, ancestors, rows = state["ancestors"], cohort, None
        if self.lineages is not None:
            ancestors = cohort.newborn(self.descent(context).drawn_by(BIRTH))
            ancestors.load(own["brain"])
            own["brain"] = {**ancestors.parameters(), **ancestors.buffers}  # they change in place
            rows = torch.tensor([seed % self.lineages for seed in context.seeds], device=context.device)
        for metrics in self.evolve(ancestors, own, self.descent(context)):
            yield metrics if rows is None else _passed_on(ancestors, cohort, rows, metrics)


def _passed_on(ancestors: Cohort, cohort: Cohort, rows: Tensor, metrics: Metrics) -> Metrics:
    """Give every learner its ancestor's weights and its numbers (N,)."""
    inherited = ancestors.parameters()
    for name, weights in cohort.parameters().items():
        weights.copy_(inherited[name][rows])
    cohort.updates, ancestors.updates = cohort.updates + ancestors.updates, 0
    return {name: value[rows] for name, value in metrics.items()}
