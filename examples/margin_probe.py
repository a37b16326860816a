"""A probe in one file: a read-only measurement. In a scenario: ``kind: "margin_probe:Margin"``."""

from typing import ClassVar

import torch
from pydantic import Field

from devlearn.plugin import (
    CLASSES,
    IMAGE,
    IMAGE_SENSE,
    Cohort,
    Head,
    Measurement,
    Metric,
    Needs,
    Probe,
    Probing,
    probe,
)


@probe("margin_probe:Margin")
class Margin(Probe):
    """How far a learner's first choice is ahead of its second.

    Metrics:
        margin: mean over images of the largest probability minus the next, ``(1/M) sum_m p_m(1) - p_m(2)``
    """

    metrics: ClassVar = {"margin": Metric("higher", worst=0.0)}

    data: str = Field("mnist.test", description="the split")
    images: int = Field(2000, ge=1, description="how many of its images are used, spread evenly over it")

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(CLASSES)})

    def splits(self) -> tuple[str, ...]:
        """What it reads, so that a scenario which trains on these images is refused."""
        return (self.data,)

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        """``full`` or on the way: the same images."""
        data = probing.context.data(self.data).spread(self.images)
        logits = cohort(data.images.expand(cohort.n, -1, -1, -1), IMAGE_SENSE, "digits")  # (N, M, K)
        first, second = torch.softmax(logits, -1).topk(2, -1).values.unbind(-1)  # (N, M) each
        return Measurement({"margin": (first - second).mean(1)})
