"""Accuracy and cross-entropy on a held-out split: the metric and its proxy, from one pass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from devlearn.lazy import F, torch
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives.supervised import last_answers
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe, unless_diverged
from devlearn.stages.fields import Classes, HeadName, RareKey, Relabel, RowByRow, Shift, Split, ViewKey
from devlearn.tasks.data import Dataset, DataSource, gathered, load, size, source_of, spread_rows
from devlearn.tasks.data.rows import begun, check_reader, row_sense
from devlearn.tasks.data.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

CHUNK = 2_000


@probe("accuracy")
class Accuracy(Probe):
    """Accuracy and cross-entropy on a split: what is wanted, and the proxy that gradient descent minimises.

    ``z_m`` are the logits of image m of M, ``y_m`` its label. On the way a fixed part of the split is used, spread
    evenly over it; at birth and at a stage's end all of it. With ``row_by_row`` images are read as ``supervise`` reads
    them with that key, and ``z_m`` are those after the last row.

    Metrics:
        accuracy: share of images whose largest logit is the label's, ``(1/M) sum_m 1[argmax_k z_mk = y_m]``
        cross_entropy: in nats, ``-(1/M) sum_m log softmax(z_m)[y_m]``
    """

    metrics: ClassVar = {
        "accuracy": Metric("higher", 0.0, unit="share"),
        "cross_entropy": Metric("lower", None, unit="nats", proxy_of="accuracy"),
    }

    data: Split = Field("mnist.test", description="the split; hyperparameters and gates may only look at valid ones")
    head: HeadName = ""
    quick: int = Field(
        CHUNK, gt=0, description="images of a measurement on the way; all are used at birth and stage ends"
    )

    shift: Shift = Field(
        0, description="each image is moved by up to so many pixels along each axis, always by the same"
    )
    classes: Classes = None
    view: ViewKey = None
    relabel: Relabel = None
    rare: RareKey = None
    row_by_row: RowByRow = False

    @property
    def task(self) -> Task:
        """Which classes are asked for, by which names, and by which read-out."""
        return Task(self.data, self.classes, self.head, self.relabel, self.rare)

    @property
    def source(self) -> DataSource:
        """The data set that is looked at."""
        return source_of(self.data)

    def metrics_here(self) -> Mapping[str, Metric]:
        chance = {"accuracy": 1 / self.task.outputs, "cross_entropy": math.log(self.task.outputs)}
        return {name: metric._replace(chance=chance[name]) for name, metric in self.metrics.items()}

    def needs(self) -> Needs:
        senses = row_sense(self.source) if self.row_by_row else self.source.senses
        return Needs(senses, {self.head: Head(self.task.outputs)})

    def check_brain(self, brain: nn.Module) -> None:
        if self.row_by_row:
            check_reader(brain, CHUNK)

    def splits(self) -> tuple[str, ...]:
        return (self.data,)

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        rows = self._rows()
        return {self.data: rows if full else rows[spread_rows(self.quick, len(rows))]}

    def _rows(self) -> NDArray[np.int64]:
        """The places in the split that are looked at."""
        if self.task.is_whole:
            return np.arange(size(self.data))
        return self.task.rows(load(self.data, torch.device("cpu")).labels).numpy()

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        data = probing.context.data(self.data, shift=self.shift, view=self.view)
        if not self.task.is_whole:
            rows = self.task.rows(data.labels)
            data = Dataset(gathered(data.images, rows), self.task.targets(data.labels[rows]))
        data = data if full else data.spread(self.quick)
        correct, total = [], torch.zeros(cohort.n, device=cohort.device, dtype=torch.float64)
        for start in range(0, len(data), CHUNK):
            images, labels = data.images[start : start + CHUNK], data.labels[start : start + CHUNK]
            logits = self._answers(cohort, images.expand(cohort.n, *images.shape))  # (N, B, K)
            correct.append(logits.argmax(-1) == labels)
            log_p = F.log_softmax(logits, -1).gather(-1, labels.expand(cohort.n, -1).unsqueeze(-1))
            total -= log_p.double().sum((1, 2))
        right = torch.cat(correct, 1)  # (N, M)
        accuracy = unless_diverged(right.double().mean(1), cohort)
        values = {"accuracy": accuracy, "cross_entropy": total / len(data)}
        return Measurement(values, right if full else None)

    def _answers(self, cohort: Cohort, images: Tensor) -> Tensor:
        """Logits (N, B, K) for images (N, B, *shape)."""
        if not self.row_by_row:
            logits: Tensor = cohort(images, self.source.sense_name, self.head)
            return logits
        read, sense = begun(images, cohort), next(iter(row_sense(self.source)))
        outputs = cohort.forward_sequence(read["images"], read["hidden"], read["starts"], sense, self.head)[0]
        return last_answers(outputs, read["starts"])
