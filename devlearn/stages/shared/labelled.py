"""Labelled images: which ones a learner has, in which order it sees them, and what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import CrossEntropy
from devlearn.stages.stage import Cost
from devlearn.tasks.data import balanced, gathered, source_of
from devlearn.tasks.data.task import Rare, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from devlearn.learners.flops import Shapes
    from devlearn.scenario.keys import Unit
    from devlearn.stages.context import Context
    from devlearn.tasks.data import Dataset, DataSource, View


@dataclass(frozen=True)
class LabelledBatches:
    """Minibatches of labelled images. Draws from the streams ``labels`` and ``order``.

    The fields are the stage's keys of these names; ``batch`` is cut to the number of labels.
    """

    data: str
    labels: int | Literal["all"]
    batch: int
    blur: float = 0.0
    shift: int = 0
    classes: tuple[int, ...] | None = None
    head: str | None = None
    view: View | None = None
    relabel: int | None = None
    rare: Rare | None = None

    @property
    def task(self) -> Task:
        """Which classes they are of, what these are called, and whose read-out says so."""
        return Task(self.data, self.classes, self.head, self.relabel, self.rare)

    @property
    def source(self) -> DataSource:
        """The data set: its sense, its read-out, its classes."""
        return source_of(self.data)

    @property
    def needs(self) -> Needs:
        """Its sense and its read-out."""
        return Needs(self.source.senses, {self.task.read_out: Head(self.task.outputs)})

    @property
    def objective(self) -> CrossEntropy:
        """The cross-entropy of its read-out."""
        return CrossEntropy(self.source.sense_name, self.task.read_out)

    @property
    def num_labels(self) -> int:
        """Labelled images of each learner."""
        return self.task.count if self.labels == "all" else self.labels

    @property
    def batch_size(self) -> int:
        """Images of a minibatch."""
        return min(self.batch, self.num_labels)

    @property
    def label_bits(self) -> float:
        """What the labels can tell at most: log2(K) bits each, of K classes."""
        return self.num_labels * math.log2(self.task.outputs)

    @property
    def shapes(self) -> Shapes:
        """Shapes and dtypes of one learner's minibatch, for counting FLOPs."""
        rows = self.batch_size
        return {"images": ((rows, *self.source.shape), torch.uint8), "labels": ((rows,), torch.int64)}

    def cost(self, flops: int, images: int | None = None, updates: int = 1) -> Cost:
        """Of a yield that takes ``flops`` and shows one minibatch, or so many ``images``; its labels are paid once."""
        shown = self.batch_size if images is None else images
        return Cost(updates, images=shown, flops=flops, labels=self.num_labels, label_bits=self.label_bits, source=self)

    def dataset(self, context: Context) -> Dataset:
        """What the labelled images are drawn from, as it is shown."""
        return context.data(self.data, self.blur, shift=self.shift, view=self.view)

    def indices(self, context: Context) -> Tensor:
        """Which images of the data set have labels for each learner: (N, labels)."""
        known = self.dataset(context).labels
        if self.labels == "all":
            return self.task.rows(known).expand(len(context.seeds), -1)
        classes = self.source.classes if self.classes is None else len(self.classes)
        return balanced(self.task.places(known), self.labels, context.streams("labels"), classes)

    def minibatches(self, context: Context, done: int, stream: str = "order") -> Iterator[dict[str, Tensor]]:
        """``images`` (N, B, *shape) and ``labels`` (N, B) after the first ``done``, endlessly."""
        data = self.dataset(context)
        for index in self.places(context, done, stream):
            yield {"images": gathered(data.images, index), "labels": self.task.targets(data.labels[index])}

    def places(self, context: Context, done: int, stream: str = "order") -> Iterator[Tensor]:
        """Which images of the data set these minibatches show: (N, B) each."""
        labelled = self.indices(context)
        for positions in context.minibatches(self.num_labels, self.batch_size, done, stream):
            yield labelled.gather(1, positions)


def updates_of(budget: tuple[Unit, int] | None, batch: int, flops: int) -> float:
    """Updates of a declared budget, on ``batch`` images and of ``flops`` each; endless without one."""
    if budget is None:
        return float("inf")
    unit, size = budget
    return -(-size // {"updates": 1, "images": batch, "flops": flops}[unit])
