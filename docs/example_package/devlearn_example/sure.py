"""A probe: a read-only measurement."""

from typing import ClassVar

import torch
from pydantic import Field

from devlearn.plugin import Cohort, Measurement, Metric, Needs, Probe, Probing, Split, probe, source_of


@probe("example.sure")
class Sure(Probe):
    """How sure a learner is of the class that it names.

    Metrics:
        confidence: mean probability of the named class, ``(1/M) sum_m max_k softmax(z_m)[k]``
    """

    metrics: ClassVar = {"confidence": Metric("higher", worst=0.0, unit="share")}

    data: Split = Field(description="the split")

    def needs(self) -> Needs:
        source = source_of(self.data)
        return Needs(source.senses, source.heads)

    def splits(self) -> tuple[str, ...]:
        return (self.data,)

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        images, source = probing.context.data(self.data).images, source_of(self.data)
        logits = cohort(images.expand(cohort.n, *images.shape), source.sense_name, source.read_out)  # (N, M, K)
        return Measurement({"confidence": torch.softmax(logits, -1).amax(-1).mean(1)})  # (N,)
