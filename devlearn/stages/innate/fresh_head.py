"""The control for read-outs: what a learner makes of the world is kept, what it answers is new."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.learners.brains.needs import Needs
from devlearn.stages.shared.weight_rewrite import OTHERS, newborn_weights, rewrite_weights
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.fresh_head")
@final
class FreshHead(Stage):
    """Replaces every read-out by a newborn's, once; features stay.

    A prior that was bought with labels or reward may sit in the read-out alone. What an arm loses by it is what the
    read-out knew; what it still has over a newborn is in its features. A control, not a published
    method.
    """

    role = "control"
    units = ()
    stream_names = (OTHERS,)
    control = "fresh_head"

    pattern: str = Field("heads.*", description="shell pattern of the qualified names that are read-outs")

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: nn.Module) -> Cost:
        names = [name for name, _ in brain.named_parameters()]
        if not fnmatch.filter(names, self.pattern):
            raise ValueError(f"no parameter matches pattern {self.pattern!r}; there are: {', '.join(names)}")
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        fresh = newborn_weights(cohort, context)
        rewrite_weights(cohort, {name: fresh[name] for name in fresh if fnmatch.fnmatchcase(name, self.pattern)})
        yield {}
