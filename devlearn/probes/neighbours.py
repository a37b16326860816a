"""Nearest neighbours: is what looks alike to the learner of the same class?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from devlearn.lazy import F, torch
from devlearn.learners.cohort import Cohort
from devlearn.probes.features import CHUNK, Features, Layer, has, layer
from devlearn.probes.probe import Measurement, Metric, Probing, probe, unless_diverged
from devlearn.tasks.data import size, spread_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


@probe("neighbours")
class Neighbours(Features):
    """Accuracy of k nearest neighbours in a layer: a read-out without parameters.

    The neighbours are ``fit_images`` images of ``fit``, whose labels the probe reads; nearness is the cosine of the
    angle between two images' activities in ``layer``. The k nearest have a vote each; among classes with equally many
    votes that of the nearer neighbours wins.

    Metrics:
        accuracy: share of images of ``data`` whose neighbours' verdict is the label

    Source:
        Cover and Hart (1967), Nearest neighbor pattern classification; Wu, Xiong, Yu and Lin (2018), Unsupervised
        feature learning via non-parametric instance discrimination, for judging features by it.

    Deviations:
        Wu et al. weight each vote by the exponential of the similarity; here votes count alike.
    """

    metrics: ClassVar = {"accuracy": Metric("higher", 0.0, unit="share")}

    k: int = Field(5, ge=1, description="neighbours that vote")
    layer: Layer = Field("last", description="pixels, last, or the number of a hidden layer, from 1")

    def check_brain(self, brain: nn.Module) -> None:
        super().check_brain(brain)
        has(brain, self.source, self.layer)

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        """Those that are scored, and those that are fitted to."""
        return {**super().labels_read(full), self.fit: spread_rows(self.fit_images, size(self.fit))}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        data, known = probing.context.data(self.data), probing.context.data(self.fit).spread(self.fit_images)
        data = data if full else data.spread(self.quick)
        sense, classes = self.source.sense_name, self.source.classes
        memory = F.normalize(layer(cohort, known.images, sense, self.layer), dim=-1)  # (N, M, D)

        def seen(images: Tensor) -> Tensor:
            return F.normalize(layer(cohort, images, sense, self.layer), dim=-1)

        right = [
            vote(seen(images) @ memory.mT, known.labels, self.k, classes) == labels
            for images, labels in zip(data.images.split(CHUNK), data.labels.split(CHUNK), strict=True)
        ]
        correct = torch.cat(right, 1).expand(cohort.n, -1)  # (N, M)
        accuracy = unless_diverged(correct.double().mean(1), cohort)
        return Measurement({"accuracy": accuracy}, correct if full else None)


def vote(nearness: Tensor, labels: Tensor, k: int, classes: int) -> Tensor:
    """The verdict of the k nearest of M: nearness (..., M), labels (M,) -> classes (...)."""
    order = nearness.topk(min(k, nearness.shape[-1]), -1).indices
    count = order.shape[-1]
    nearer = torch.arange(count, 0, -1, device=nearness.device) / (2 * count**2)  # together less than one vote
    votes = F.one_hot(labels[order], classes) * (1 + nearer.unsqueeze(-1))
    return votes.sum(-2).argmax(-1)
