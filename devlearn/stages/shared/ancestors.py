"""Learners that are born from something evolved: ancestors, lineages and what is passed on.

Evolution takes place within the stage: ancestors learn, and at every yield the learners' weights are theirs. Without
``lineages`` every learner is its own ancestor. With K of them, K ancestors are born under seeds of their own and
learner s descends from number s modulo K; all K are evolved in every block of learners, so that those of one lineage
inherit the same bits wherever they live. State may then have K rows where the cohort has N, so it is kept under one
key, ``ancestors``, apart from what the engine holds row by row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.streams import BIRTH, torch_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


def ancestor_seed(stage: str, number: int) -> int:
    """The seed of ancestor ``number`` of a stage's name; none that a learner can have."""
    return 2**63 + torch_seed(number, "ancestor", stage)


@dataclass(frozen=True)
class Ancestors:
    """Whom learners descend from: ``lineages`` ancestors or, with None, themselves. Draws from the stream ``init``."""

    lineages: int | None

    def lineage(self, kind: str, seed: int) -> str | None:
        """The name of a seed's lineage, for ``Stage.lineage``."""
        return None if self.lineages is None else f"{kind}: ancestor {seed % self.lineages}"

    def context(self, context: Context) -> Context:
        """The context that the ancestors live in, of a stage's."""
        if self.lineages is None:
            return context
        return replace(context, seeds=tuple(ancestor_seed(context.name, k) for k in range(self.lineages)))

    def inherited(self, theirs: Tensor, context: Context) -> Tensor:
        """What is known of every ancestor, (K, ...), of the learners that descend from them: (N, ...)."""
        if self.lineages is None:
            return theirs
        return theirs[torch.tensor([seed % self.lineages for seed in context.seeds], device=theirs.device)]

    def begin(self, cohort: Cohort, context: Context) -> State:
        """A stage's state: that of the ancestors under ``ancestors``."""
        own: State = {"done": 0, "moments": {}}
        if self.lineages is not None:
            own["brain"] = self._newborn(cohort, context).state()
        return {"ancestors": own}

    def segment(
        self,
        cohort: Cohort,
        state: State,
        context: Context,
        evolve: Callable[[Cohort, State, Context], Iterator[Metrics]],
    ) -> Iterator[Metrics]:
        """Evolve the ancestors, and after every yield give each learner its ancestor's weights and metrics (N,).

        ``evolve(ancestors, state, context)`` improves the ancestors in place, endlessly, from their own ``state``
        (``done``, ``moments``) with streams of their own.
        """
        own, theirs = state["ancestors"], self.context(context)
        if self.lineages is None:
            yield from evolve(cohort, own, theirs)
            return
        ancestors = self._newborn(cohort, context)
        ancestors.load(own["brain"])
        own["brain"] = {**ancestors.parameters(), **ancestors.buffers}  # they change in place
        rows = self.inherited(torch.arange(self.lineages, device=context.device), context)
        for metrics in evolve(ancestors, own, theirs):
            _pass_on(ancestors, cohort, rows)
            yield {name: value[rows] for name, value in metrics.items()}

    def _newborn(self, cohort: Cohort, context: Context) -> Cohort:
        return cohort.newborn(self.context(context).drawn_by(BIRTH))


def _pass_on(ancestors: Cohort, cohort: Cohort, rows: Tensor) -> None:
    """Give every learner its ancestor's weights, and count the ancestors' updates as its own."""
    inherited = ancestors.parameters()
    for name, weights in cohort.parameters().items():
        weights.copy_(inherited[name][rows])
    cohort.updates, ancestors.updates = cohort.updates + ancestors.updates, 0
