"""What stages share that descend one objective on minibatches of their own making, by Adam."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs, Sense
from devlearn.learners.cohort import Cohort, Objective
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.schedule import Schedule, factor
from devlearn.stages.context import Context, State
from devlearn.stages.stage import Metrics, Stage, Work
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

Shapes = dict[str, tuple[tuple[int, ...], torch.dtype]]


class Practice(Stage):
    """A stage whose learners practise on minibatches (N, B, ...). What they are shown, and to what end, it says."""

    senses: ClassVar[dict[str, Sense]] = {IMAGE_SENSE: IMAGE}
    heads: ClassVar[dict[str, Head]] = {}

    batch: int = Field(128, ge=1, description="images an update")
    lr: float = Field(1e-3, gt=0, description="learning rate of Adam")
    schedule: Schedule = Field("constant", description="of the learning rate over the declared budget")

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """The loss of ONE learner."""

    @property
    @abstractmethod
    def shapes(self) -> Shapes:
        """Shapes and dtypes of one learner's minibatch, for counting FLOPs."""

    @abstractmethod
    def shown(self, cohort: Cohort, done: int, context: Context) -> Iterator[dict[str, Tensor]]:
        """The minibatches (N, B, ...) after the first ``done``, endlessly."""

    @property
    def seen(self) -> int:
        """Images that an update shows to each learner."""
        return self.batch

    def needs(self) -> Needs:
        return Needs(self.senses, self.heads)

    def work(self, brain: nn.Module) -> Work:
        return Work(updates=1, images=self.seen, flops=flops.update(brain, self.objective, self.shapes))

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser = Optimiser(cohort, state["moments"], "adam", self.lr)
        for batch in self.shown(cohort, state["done"], context):
            optimiser.set_lr(self.lr * factor(self.schedule, state["done"], context.planned))
            metrics = cohort.update(self.objective, batch, optimiser)
            state["done"] += 1
            yield metrics

    def judged(self, cohort: Cohort, batch: dict[str, Tensor]) -> Metrics:
        """The objective on held-out data, without a step: loss and metrics, (N,) each."""
        loss, metrics = cohort.losses(self.objective, batch)
        return {"loss": loss, **metrics}
