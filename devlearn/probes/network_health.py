"""Signs of a network that can learn no more: units that never fire, features of low rank, large weights, curvature."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy
from devlearn.probes.features import layers, shows_layers
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe, unless_diverged
from devlearn.stages.fields import HeadName, Split
from devlearn.tasks.data import DataSource, size, source_of, spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

DELTA = 0.01  # of the singular values' sum, that srank leaves out: Kumar et al. (2021)


@probe("network_health")
class NetworkHealth(Probe):
    """Correlates of a loss of plasticity: silent units, features of low rank, large weights, curvature.

    Measured on ``images`` of ``data``, the same for all learners at every measurement. ``h_im`` is the activity of
    hidden unit i for image m of M. For a learner whose tasks permute the pixels, the unpermuted images are one more
    fresh task, and what is measured is how the network responds to that.

    Metrics:
        dormant: share of the hidden units whose score ``mean_m |h_im| / mean over the units k of its layer of
            mean_m |h_km|`` is at most ``tau``; all of a layer where none of it ever fires
        dead: share of the hidden units that answer the same to every image, ``max_m h_im = min_m h_im``
        effective_rank: of the last hidden layer's features, the matrix (h_im), ``exp(-sum_j p_j log p_j)`` with
            ``p_j`` its singular values over their sum; 0 where all are 0
        srank: how many of its largest singular values make up 99 % of the sum
        weight_size: mean of |w| over all weights and biases of the brain
        curvature: the eigenvalue of largest size of the Hessian of the cross-entropy on these images and their labels,
            by ``steps`` steps of power iteration, ``v' H v`` with H v exact; never larger in size than the true one

    Source:
        Sokar et al. (2023), The dormant neuron phenomenon in deep reinforcement learning, for ``dormant``; Dohare et
        al. (2024), Loss of plasticity in deep continual learning, for ``dead`` and ``weight_size``; Roy and Vetterli
        (2007), The effective rank; Kumar et al. (2021), Implicit under-parameterization, for ``srank``; Lyle et al.
        (2023), Understanding plasticity in neural networks, for ``curvature``.

    Deviations:
        Dohare et al. call units dead that are 0 for all images, and for tanh those that are saturated; a unit that is
        the same for all says as little, whatever the activation. In a convolutional brain every place of every map is a
        unit, so a place that looks at an empty border counts too.
    """

    metrics: ClassVar = {
        "dormant": Metric("lower", 1.0, unit="share"),
        "dead": Metric("lower", 1.0, unit="share"),
        "effective_rank": Metric("higher", 0.0),
        "srank": Metric("higher", 0.0),
        "weight_size": Metric("lower", None),
        "curvature": Metric("lower", None),
    }

    data: Split = Field("mnist.valid", description="the split whose images are shown")
    head: HeadName = ""
    images: int = Field(500, ge=2, description="images that are shown, evenly spread over the split")
    tau: float = Field(0.025, ge=0, description="the score up to which a unit is dormant")
    steps: int = Field(10, ge=1, description="steps of power iteration towards the curvature")

    @property
    def source(self) -> DataSource:
        """The data set that is looked at."""
        return source_of(self.data)

    def needs(self) -> Needs:
        return Needs(self.source.senses, {self.head: Head(self.source.classes)})

    def check_brain(self, brain: nn.Module) -> None:
        shows_layers(brain)

    def splits(self) -> tuple[str, ...]:
        return (self.data,)

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        return {self.data: spread_rows(self.images, size(self.data))}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        data = probing.context.data(self.data).spread(self.images)
        hidden = layers(cohort, data.images, self.source.sense_name)[1:]  # (N, M, D) each
        weights = cohort.flat.abs().mean(1)
        scores = torch.cat([dormancy(layer) for layer in hidden], 1)  # (N, units)
        constant = torch.cat([layer.amax(1) == layer.amin(1) for layer in hidden], 1)
        spectra = singular_values(hidden[-1])
        values = {
            "dormant": (scores <= self.tau).double().mean(1),
            "dead": constant.double().mean(1),
            "effective_rank": effective_rank(spectra),
            "srank": srank(spectra),
            "weight_size": weights,
            "curvature": self._curvature(cohort, probing, data.images, data.labels),
        }
        return Measurement({name: unless_diverged(value.double(), cohort) for name, value in values.items()})

    def _curvature(self, cohort: Cohort, probing: Probing, images: Tensor, labels: Tensor) -> Tensor:
        """(N,), learner by learner: each as an ordinary module, whose second derivatives autograd knows."""
        objective = CrossEntropy(self.source.sense_name, self.head)
        start = torch.from_numpy(probing.context.streams("direction").normal(cohort.flat.shape[1]))
        found = []
        for member, direction in zip(cohort.members(), start.to(cohort.device, cohort.dtype), strict=True):
            with torch.enable_grad():
                loss, _ = objective(member, {"images": images, "labels": labels})
                found.append(largest_curvature(loss, list(member.parameters()), direction, self.steps))
        return torch.stack(found)


def dormancy(layer: Tensor) -> Tensor:
    """Sokar's score of each unit of a layer (N, M, D), (N, D): how much it fires, over how much its layer does."""
    fires = layer.double().abs().mean(1)
    return fires / fires.mean(1, keepdim=True).clamp(min=torch.finfo(fires.dtype).tiny)


def singular_values(layer: Tensor) -> Tensor:
    """Of each learner's features (N, M, D), the largest first: (N, min(M, D)) float64; nan for what is not finite."""
    finite = layer.isfinite().flatten(1).all(1)
    found: Tensor = torch.linalg.svdvals(layer.double().where(finite[:, None, None], 0.0))
    return found.where(finite[:, None], torch.nan)


def effective_rank(spectra: Tensor) -> Tensor:
    """Roy and Vetterli's: the exponential of the entropy of singular values (N, R), (N,); 0 where all are 0."""
    total = spectra.sum(1)
    shares = spectra / total.clamp(min=torch.finfo(spectra.dtype).tiny)[:, None]
    rank: Tensor = torch.special.entr(shares).sum(1).exp()
    return rank.where(total != 0, 0.0)


def srank(spectra: Tensor, delta: float = DELTA) -> Tensor:
    """Kumar's: how many of the largest singular values (N, R) make up 1 - delta of their sum, (N,)."""
    total = spectra.sum(1, keepdim=True)
    counts: Tensor = (spectra.cumsum(1) < (1 - delta) * total).sum(1) + (total[:, 0] > 0)
    return counts.double().where(total[:, 0].isfinite(), torch.nan)


def largest_curvature(loss: Tensor, weights: Sequence[Tensor], direction: Tensor, steps: int) -> Tensor:
    """The eigenvalue of largest size of a loss's Hessian, (): power iteration from a ``direction`` (P,) of the weights.

    A loss that is linear in the weights has none: 0. What it doesn't depend on counts as flat.
    """
    hessian = _products(loss, weights)
    value = torch.zeros_like(loss)
    for _ in range(steps):
        direction = direction / direction.norm()
        turned = hessian(direction)
        value = direction @ turned
        if not turned.any():
            break
        direction = turned
    return value.detach()


def _products(loss: Tensor, weights: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
    """The product of the Hessian with a direction (P,), exact: the gradient of the gradient along it."""
    sizes = [weight.numel() for weight in weights]
    first = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True, materialize_grads=True)
    slope = torch.cat([part.flatten() for part in first])

    def product(direction: Tensor) -> Tensor:
        if not slope.requires_grad:
            return torch.zeros(sum(sizes), dtype=slope.dtype, device=slope.device)
        seconds = torch.autograd.grad(
            slope @ direction, weights, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return torch.cat([part.flatten() for part in seconds])

    return product
