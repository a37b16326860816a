"""Do clusters that were found without labels fall on the classes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners.cohort import Cohort
from devlearn.probes.features import CHUNK, Features, Layer, has, layer
from devlearn.probes.probe import Measurement, Metric, Probing, probe, unless_diverged
from devlearn.stages.fields import Clusters
from devlearn.streams import Streams

if TYPE_CHECKING:
    from torch import Tensor, nn


def matched(clusters: Tensor, labels: Tensor, count: int, classes: int) -> Tensor:
    """Which images' cluster stands for their class, each cluster for one class at most: (N, M), (M,) -> (N, M) bool.

    The assignment of clusters to classes with the most such images (Kuhn 1955, the Hungarian method).
    """
    found = [_matched(own, labels.cpu().numpy(), count, classes) for own in clusters.cpu().numpy()]
    return torch.from_numpy(np.stack(found)).to(clusters.device)


def _matched(
    clusters: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], count: int, classes: int
) -> np.ndarray[Any, Any]:
    table = np.zeros((count, classes), np.int64)
    np.add.at(table, (clusters, labels), 1)
    stands_for = np.full(count, -1)
    from scipy.optimize import linear_sum_assignment  # scipy takes a second: only when clusters are matched

    rows, columns = linear_sum_assignment(table, maximize=True)
    stands_for[rows] = columns
    right: np.ndarray[Any, Any] = stands_for[clusters] == labels
    return right


def k_means(x: Tensor, count: int, restarts: int, rounds: int, streams: Streams) -> Tensor:
    """Centres (N, count, D) of N learners' x (N, M, D): of some restarts the one with the least inertia.

    Lloyd's rounds until nothing moves or ``rounds`` are over, all restarts at once; an empty cluster keeps its centre.
    """
    draws = torch.from_numpy(streams.random(restarts, count)).to(x)  # (N, R, K)
    return torch.stack([_k_means(own, drawn, rounds) for own, drawn in zip(x, draws, strict=True)])


def _k_means(x: Tensor, draws: Tensor, rounds: int) -> Tensor:
    """x (M, D), draws (R, K) -> (K, D)."""
    restarts, count = draws.shape
    centres = _seeded(x, draws).flatten(0, 1)  # (R * K, D): one product serves all restarts
    first = torch.arange(restarts, device=x.device) * count
    before = None
    for _ in range(rounds):
        nearest = _apart(x, centres, restarts).argmin(-1) + first  # (M, R)
        if before is not None and torch.equal(nearest, before):
            break
        member = x.new_zeros(len(x), len(centres)).scatter_(1, nearest, 1)
        sizes = member.sum(0).unsqueeze(-1)  # (R * K, 1)
        centres, before = torch.where(sizes > 0, (member.T @ x) / sizes.clamp(min=1), centres), nearest
    inertia = _apart(x, centres, restarts).amin(-1).sum(0)  # (R,), but for what all share
    result: Tensor = centres.unflatten(0, draws.shape)[inertia.argmin()]
    return result


def _apart(x: Tensor, centres: Tensor, restarts: int) -> Tensor:
    """Squared distances of x (M, D) to centres (R * K, D), less the squared length of x: (M, R, K)."""
    result: Tensor = torch.addmm(centres.square().sum(-1), x, centres.T, alpha=-2).unflatten(-1, (restarts, -1))
    return result


def _seeded(x: Tensor, draws: Tensor) -> Tensor:
    """First centres, far from each other: the next is drawn by its squared distance to the nearest so far.

    Arthur and Vassilvitskii (2007), k-means++.
    """
    chosen = (draws[:, 0] * len(x)).long()  # (R,)
    centres, lengths = [x[chosen]], x.square().sum(-1)
    nearest = torch.full((len(draws), len(x)), torch.inf, dtype=x.dtype, device=x.device)
    for drawn in draws[:, 1:].unbind(1):
        last = centres[-1]  # (R, D)
        far = torch.addmm(last.square().sum(-1, keepdim=True), last, x.T, alpha=-2) + lengths
        nearest = torch.minimum(nearest, far.clamp(min=0))  # (R, M)
        chances = nearest.cumsum(-1)
        chosen = torch.searchsorted(chances, drawn[:, None] * chances[:, -1:]).squeeze(-1).clamp(max=len(x) - 1)
        centres.append(x[chosen])
    return torch.stack(centres, 1)


def squares(x: Tensor, centres: Tensor) -> Tensor:
    """Squared distances of x (..., M, D) to centres (..., K, D): (..., M, K)."""
    norms = x.square().sum(-1, keepdim=True) + centres.square().sum(-1).unsqueeze(-2)
    return (norms - 2 * x @ centres.mT).clamp(min=0)


@probe("clustering")
class Clustering(Features):
    """Accuracy of clusters that were found without labels, after the best match of clusters to classes.

    The clusters are those that a stage learned (``stage: NAME``, e.g. pretrain.cluster: in each learner's sub-head with
    the most information on held-out views), or those of k-means in a layer: squared distances, centres fitted to
    ``fit_images`` images of ``fit``, the restart with the least inertia. Labels are read for the match and the score
    alone: neither sub-head nor restart is chosen by them.

    Metrics:
        accuracy: ``(1/M) max_m sum_i 1[m(c_i) = y_i]`` over M images of ``data`` with clusters c and labels y, where m
            gives each cluster a class of its own; with no more clusters than K classes at least ``1 / K``

    Source:
        Kuhn (1955), The Hungarian method for the assignment problem; Lloyd (1982), Least squares quantization in PCM;
        Arthur and Vassilvitskii (2007), k-means++.

    Deviations:
        Lloyd's rounds end after ``rounds`` at the latest; a cluster that has become empty keeps its centre.
    """

    metrics: ClassVar = {"accuracy": Metric("higher", 0.0, unit="share")}
    requires = "assign"

    stage: str | None = Field(None, description="NAME of a stage that learns clusters; empty: k-means in a layer")
    layer: Layer = Field("last", description="where k-means looks: pixels, last, or the number of a hidden layer")
    clusters: Clusters = Field(0, validate_default=True, description="clusters of k-means; 0: as many as classes")
    restarts: int = Field(10, ge=1, description="beginnings of k-means")
    rounds: int = Field(50, ge=1, description="most rounds of k-means")
    fit_images: int = Field(5_000, ge=2, description="images that k-means is fitted to, evenly spread")

    @model_validator(mode="after")
    def _enough(self) -> Clustering:
        if self.stage is None and self.clusters > self.fit_images:
            raise ValueError(f"{self.clusters} clusters can't be fitted to {self.fit_images} images; raise fit_images")
        return self

    def check_brain(self, brain: nn.Module) -> None:
        if self.stage is None:
            super().check_brain(brain)
            has(brain, self.source, self.layer)

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        data = probing.context.data(self.data)
        data = data if full else data.spread(self.quick)
        clusters, count = self._clusters(cohort, probing, data.images)
        correct = matched(clusters, data.labels, count, self.source.classes).expand(cohort.n, -1)
        accuracy = unless_diverged(correct.double().mean(1), cohort)
        return Measurement({"accuracy": accuracy}, correct if full else None)

    def _clusters(self, cohort: Cohort, probing: Probing, images: Tensor) -> tuple[Tensor, int]:
        """The cluster of each image (N or 1, M), and how many clusters there are."""
        if self.stage is not None:
            return self._learned(cohort, probing, images)
        fit = probing.context.data(self.fit).spread(self.fit_images).images
        streams = probing.context.streams("centres")
        sense = self.source.sense_name
        x = layer(cohort, fit, sense, self.layer)
        centres = k_means(x.expand(cohort.n, -1, -1), self.clusters, self.restarts, self.rounds, streams)
        parts = [squares(layer(cohort, part, sense, self.layer), centres).argmin(-1) for part in images.split(CHUNK)]
        return torch.cat(parts, 1), self.clusters

    def _learned(self, cohort: Cohort, probing: Probing, images: Tensor) -> tuple[Tensor, int]:
        stage: Any = probing.stages[str(self.stage)]
        chosen = stage.chosen(cohort, probing.context)
        return torch.cat([stage.assign(cohort, part, chosen) for part in images.split(CHUNK)], 1), stage.clusters
