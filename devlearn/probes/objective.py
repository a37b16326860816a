"""What a stage learns, measured on held-out data: next-frame error, reconstruction, ..."""

from typing import ClassVar

from pydantic import Field

from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe


@probe("objective")
class Objective(Probe):
    """The held-out objective of one of the scenario's stages: does the learner know what that stage teaches?

    Each kind of stage says what it evaluates on: images of the valid split, movies that were never shown.

    Metrics:
        loss: the loss of that stage (see its formula there) on held-out data, with streams of its own
    """

    metrics: ClassVar = {"loss": Metric("lower", None, unit="number")}
    requires = "evaluate"

    stage: str = Field(description="NAME of a stage of the scenario")

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        return Measurement({"loss": probing.stages[self.stage].evaluate(cohort, probing.context)["loss"]})
