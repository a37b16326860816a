"""Plasticity: how fast a copy of the learner still learns a task that it has never seen, against a newborn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy
from devlearn.learners.optimiser import Optimiser
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe, unless_diverged
from devlearn.stages.fields import HeadName, LearningRate, Momentum, Split
from devlearn.stages.shared.task_series import TaskSeries
from devlearn.tasks.data import DataSource, gathered, size, source_of, spread_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor


@probe("plasticity")
class Plasticity(Probe):
    """How fast a learner would learn a fresh task from here: the online accuracy of copies of it that learn one.

    A copy of each learner takes ``updates`` steps of plain ``optimiser`` with fresh moments, and so does a newborn of
    the same seed with random weights, on the same minibatches; then both are thrown away. The task is each learner's
    own and the same at every measurement. Whatever parts a stage holds fixed, and whatever protects or mends it as it
    learns, the copies learn without: what is measured is what the weights have become. ``a_u`` is a copy's accuracy on
    the minibatch of update u of U, before the update.

    Metrics:
        accuracy: ``(1/U) sum_u a_u``, the area under the learning curve of the fresh task
        above_newborn: the same, minus what the newborn gets; below 0 plasticity is lost
        last: the mean of ``a_u`` over the last tenth of the updates

    Source:
        Dohare et al. (2024), Loss of plasticity in deep continual learning, for online accuracy of fresh tasks; Lyle et
        al. (2023), Understanding plasticity in neural networks, for copies that are trained aside, on random labels.

    Deviations:
        Dohare et al. take the online accuracy of the learner itself, in its own series of tasks. Lyle et al. take the
        loss of the copies when their training ends; here it is their accuracy all along, against a newborn's.
    """

    metrics: ClassVar = {
        "accuracy": Metric("higher", 0.0, unit="share"),
        "above_newborn": Metric("higher", -1.0, unit="share"),
        "last": Metric("higher", 0.0, unit="share"),
    }

    data: Split = Field("mnist.train", description="the split whose images the fresh task is made of")
    head: HeadName = ""
    task: Literal["random", "permuted", "relabelled"] = Field(
        "random",
        description="random: every image has a label of its own, drawn at random, and the images' own are not read; "
        "permuted: the pixels of all images change places; relabelled: classes have each other's names",
    )
    images: int = Field(
        160, ge=2, description="images of the task, evenly spread over the split; shown again when all have been"
    )
    updates: int = Field(100, ge=1, description="gradient steps of each copy")
    batch: int = Field(32, ge=1, description="images an update; never more than images")
    optimiser: Literal["adam", "sgd"] = Field("adam", description="of the copies")
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0

    @property
    def source(self) -> DataSource:
        """The data set that is looked at."""
        return source_of(self.data)

    def metrics_here(self) -> Mapping[str, Metric]:
        chance = {"accuracy": 1 / self.source.classes, "last": 1 / self.source.classes}
        return {name: metric._replace(chance=chance.get(name)) for name, metric in self.metrics.items()}

    def needs(self) -> Needs:
        return Needs(self.source.senses, {self.head: Head(self.source.classes)})

    def splits(self) -> tuple[str, ...]:
        """None that has to be held out: the images may be known, what they are to be called is new."""
        return ()

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        """None where labels are drawn at random."""
        return {} if self.task == "random" else {self.data: spread_rows(self.images, size(self.data))}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        with torch.enable_grad():
            own = self._learned(cohort.clone(), probing)  # (N, U)
            newborn = self._learned(cohort.newborn(cohort.seeds), probing)
        values = {
            "accuracy": own.mean(1),
            "above_newborn": own.mean(1) - newborn.mean(1),
            "last": own[:, -max(1, self.updates // 10) :].mean(1),
        }
        return Measurement({name: unless_diverged(value, cohort) for name, value in values.items()})

    def _learned(self, copies: Cohort, probing: Probing) -> Tensor:
        """The copies learn the fresh task; their accuracy at each update, (N, U) float64."""
        copies.freeze(None)
        objective = CrossEntropy(self.source.sense_name, self.head)
        optimiser = Optimiser(copies, {}, self.optimiser, self.lr, momentum=self.momentum)
        batches = self._minibatches(copies, probing)
        told = [copies.update(objective, next(batches), optimiser)["accuracy"] for _ in range(self.updates)]
        return torch.stack(told, 1).double()

    def _minibatches(self, copies: Cohort, probing: Probing) -> Iterator[dict[str, Tensor]]:
        """The fresh task: ``images`` (N, B, *shape) and ``labels`` (N, B), endlessly."""
        context, data = probing.context, probing.context.data(self.data).spread(self.images)
        labels = data.labels.expand(copies.n, -1)  # (N, M)
        if self.task == "random":
            drawn = context.streams("labels").integers(self.source.classes, len(data))
            labels = torch.from_numpy(drawn).to(labels.device)
        places = context.minibatches(len(data), self.batch, 0)
        batches = ({"images": gathered(data.images, at), "labels": labels.gather(1, at)} for at in places)
        if self.task == "random":
            return batches
        return TaskSeries(kind=self.task, every=self.updates).shown(batches, self.source.classes, context, 0)
