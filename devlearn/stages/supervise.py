"""School: labelled images and cross-entropy."""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from devlearn import flops
from devlearn.brains.needs import Head, Needs
from devlearn.cohort import Cohort, Optimiser
from devlearn.data import CLASSES, IMAGE, IMAGE_SENSE, balanced, size
from devlearn.objectives import CrossEntropy
from devlearn.schedule import Schedule, factor
from devlearn.stage import Context, Metrics, Stage, State, Work, stage

DIGITS = "digits"


@stage("supervise")
class Supervise(Stage):
    """Learns digits from labels by minibatch gradient descent on the cross-entropy."""

    metrics = ("loss", "accuracy")

    data: str = Field("mnist.train", description="the split that the labelled images are drawn from")
    labels: Annotated[int, Field(ge=CLASSES)] | Literal["all"] = Field(
        "all", description="labelled images for each learner, drawn class-balanced; or all of the split"
    )
    batch: int = Field(128, ge=1, description="images an update; never more than there are labels")
    optimiser: Literal["adam", "sgd", "continue"] = Field(
        "adam", description="continue keeps the optimiser and the moments of the stage before"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate")
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(0.0, ge=0, description="L2 for sgd, decoupled for adam")
    schedule: Schedule = Field("constant", description="of the learning rate over the declared budget")

    @property
    def objective(self) -> CrossEntropy:
        return CrossEntropy(IMAGE_SENSE, DIGITS)

    @property
    def pool(self) -> int:
        """Labelled images of each learner."""
        return size(self.data) if self.labels == "all" else self.labels

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {DIGITS: Head(CLASSES)})

    def work(self, brain: nn.Module) -> Work:
        rows = min(self.batch, self.pool)
        shapes = {"images": ((rows, *IMAGE.space.shape), torch.uint8), "labels": ((rows,), torch.int64)}
        return Work(
            updates=1,
            images=rows,
            flops=flops.update(brain, self.objective, shapes),
            labels=self.pool,
            label_bits=self.pool * math.log2(CLASSES),
        )

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": context.inherit() if self.optimiser == "continue" else {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        data = context.data(self.data)
        if self.labels == "all":
            drawn = torch.arange(len(data), device=context.device).expand(cohort.n, -1)
        else:
            drawn = balanced(data.labels, self.labels, context.streams("labels"))  # (N, labels)
        optimiser = Optimiser(
            cohort, state["moments"], self.optimiser, self.lr, weight_decay=self.weight_decay, momentum=self.momentum
        )
        for positions in context.minibatches(self.pool, self.batch, state["done"]):
            index = drawn.gather(1, positions)  # (N, B)
            optimiser.set_lr(self.lr * factor(self.schedule, state["done"], context.planned))
            batch = {"images": data.images[index], "labels": data.labels[index]}
            metrics = cohort.update(self.objective, batch, optimiser)
            state["done"] += 1
            yield metrics
