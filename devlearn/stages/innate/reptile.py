"""Birth weights from which little tasks are learned fast: Reptile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.schedule import Schedule
from devlearn.stages.fields import (
    Blur,
    LabelledSplit,
    Labels,
    Lineages,
    Momentum,
    Shift,
    WeightDecay,
)
from devlearn.stages.shared.ancestors import Ancestors
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.streams import BIRTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.reptile")
@final
class Reptile(Stage):
    """Meta-learns the weights at birth: after each small task they move towards those that the task led to (Reptile).

    A task is ``batch`` labelled images. The ancestor learns ``inner`` steps of it, each on ``inner_batch`` of the
    images in turn, by a fresh optimiser, from weights ``w`` to ``w'``; then ``w`` becomes ``w + lr (w' - w)``.
    With ``relabel`` every task gives the classes other names, so that only how to tell them apart can be passed on.
    ``updates`` counts inner steps: a task is ``inner`` of them.

    Metrics:
        loss: cross-entropy of the task's first minibatch, before anything of it is learned, in nats
        accuracy: share of the task's first minibatch that was right then
        learned: share of the task's last minibatch that was right, after all inner steps but one

    Source:
        Nichol, Achiam and Schulman (2018), On first-order meta-learning algorithms.

    Deviations:
        A task is a random handful of images of all classes, not of N classes with K images each, and classes keep
        their names unless ``relabel``. Inner Adam keeps its first moment.
    """

    role = "innate"
    metrics = ("loss", "accuracy", "learned")
    stream_names = ("labels", "order", BIRTH, "names")
    immutable_keys = ("data", "labels", "optimiser", "momentum", "lineages")
    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: int = Field(50, ge=1, description="labelled images of a task; never more than there are labels")
    optimiser: Literal["adam", "sgd"] = Field("adam", description="the rule by which ancestors improve")
    lr: float = Field(1.0, gt=0, le=1, description="how far birth weights move towards what a task has taught")
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: Schedule = Field("linear", description="of that over the declared budget")
    blur: Blur = 0.0
    shift: Shift = 0
    lineages: Lineages = None
    inner: int = Field(10, ge=1, description="gradient steps of a task")
    inner_batch: int = Field(10, ge=1, description="images of a task that such a step sees, in turn")
    inner_lr: float = Field(1e-3, gt=0, description="learning rate of those steps")
    relabel: bool = Field(False, description="whether every task gives the classes other names")

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch, self.blur, self.shift)

    @property
    def ancestors(self) -> Ancestors:
        return Ancestors(self.lineages)

    @property
    def _step_size(self) -> int:
        """Images of an inner step."""
        return min(self.inner_batch, self.labelled.batch_size)

    def lineage(self, seed: int) -> str | None:
        return self.ancestors.lineage(self.kind, seed)

    def needs(self) -> Needs:
        return self.labelled.needs

    def cost(self, brain: nn.Module) -> Cost:
        own = self.labelled
        step = flops.update(brain, own.objective, replace(own, batch=self._step_size).shapes)
        return own.cost(self.inner * step, self.inner * self._step_size, updates=self.inner)

    def labels_bought(self, source: LabelledBatches, context: Context) -> Tensor:
        return self.ancestors.inherited(source.indices(self.ancestors.context(context)), context)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return self.ancestors.begin(cohort, context)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return self.ancestors.segment(cohort, state, context, self._evolve)

    def _evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        outer = Descent(self.lr, self.schedule)
        for task in self.labelled.minibatches(context, state["done"]):
            if self.relabel:
                names = torch.from_numpy(
                    context.streams("names", counter=state["done"]).permutation(self.labelled.source.classes)
                )
                task = {**task, "labels": names.to(context.device).gather(1, task["labels"])}
            born = {name: weights.clone() for name, weights in ancestors.parameters().items()}
            first, last = self._learn(ancestors, task)
            for name, weights in ancestors.parameters().items():
                weights.copy_(born[name].lerp(weights, outer.learning_rate(state["done"], context)))
            state["done"] += 1
            yield {**first, "learned": last["accuracy"]}

    def _learn(self, ancestors: Cohort, task: dict[str, Tensor]) -> tuple[Metrics, Metrics]:
        """All inner steps of a task; the metrics of the first and of the last one."""
        inner = Descent(self.inner_lr, "constant", self.optimiser, self.momentum, self.weight_decay)
        optimiser = inner.make_optimiser(ancestors, {})
        size, images, metrics = self._step_size, self.labelled.batch_size, []
        for step in range(self.inner):
            rows = (step * size + torch.arange(size, device=ancestors.device)) % images
            part = {name: value[:, rows] for name, value in task.items()}
            metrics.append(ancestors.update(self.labelled.objective, part, optimiser))
        return metrics[0], metrics[-1]
