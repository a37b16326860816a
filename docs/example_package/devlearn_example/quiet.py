"""A stage: it acts once, at birth."""

from collections.abc import Iterator

from pydantic import Field
from torch import nn

from devlearn.plugin import Cohort, Context, Cost, Metrics, Needs, Stage, State, stage


@stage("example.quiet")
class Quiet(Stage):
    """Makes every weight smaller by a factor."""

    role = "innate"
    units = ()  # it acts once
    controls = ("scale",)  # what a claim about it has to rule out

    factor: float = Field(0.5, gt=0, lt=1, description="what every weight is multiplied by")

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: nn.Module) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for weight in cohort.parameters().values():  # (N, ...) each
            weight.mul_(self.factor)
        yield {}
