"""The control for read-outs: what a learner makes of the world is kept, what it answers is new."""

import fnmatch

from pydantic import Field
from torch import Tensor, nn

from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context
from devlearn.stages.shared.weight_rewrite import OTHERS, Remake, reborn
from devlearn.stages.stage import Work, stage


@stage("innate.fresh_head")
class FreshHead(Remake):
    """Replaces every read-out by a newborn's, once; features stay.

    A prior that was bought with labels or reward may sit in the read-out alone. What an arm loses by it is what the
    read-out knew; what it still has over a newborn is in its features.

    Deviations:
        None: it is a control of this project, not a published method.
    """

    control = "fresh_head"
    draws = (OTHERS,)

    pattern: str = Field("heads.*", description="shell pattern of the qualified names that are read-outs")

    def work(self, brain: nn.Module) -> Work:
        names = [name for name, _ in brain.named_parameters()]
        if not fnmatch.filter(names, self.pattern):
            raise ValueError(f"no parameter matches pattern {self.pattern!r}; there are: {', '.join(names)}")
        return Work()

    def remade(self, cohort: Cohort, context: Context) -> dict[str, Tensor]:
        fresh = reborn(cohort, context)
        return {name: weights for name, weights in fresh.items() if fnmatch.fnmatchcase(name, self.pattern)}
