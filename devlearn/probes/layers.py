"""How much each layer says about the class: a linear read-out of the pixels and of every hidden layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from devlearn.lazy import F, torch
from devlearn.learners.cohort import Cohort
from devlearn.probes.features import CHUNK, Features, layers
from devlearn.probes.probe import Measurement, Metric, Probing, probe, unless_diverged
from devlearn.tasks.data import Dataset, size, spread_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

DEEPEST = 8
PENALTY = 3e-4  # of a layer's total variance; chosen on mnist.valid and seeds that no scenario uses


def ridge(x: Tensor, y: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """The linear read-out x w + b that fits y best in squares: x (N, M, D), y (M, K) -> w (N, D, K), b (N, 1, K).

    Closed-form ridge regression on centred features, with lambda = ``penalty`` times their summed squares, so that the
    scale of a layer does not matter; b is not penalised. Solved in the smaller of D and M dimensions (the dual form is
    Saunders, Gammerman and Vovk 1998). A learner whose features are not finite gets nan.
    """
    mean, height = x.mean(1, keepdim=True), y.mean(0)
    x, y = x - mean, (y - height).expand(len(x), *y.shape)
    wide = x.shape[2] > x.shape[1]
    gram = x @ x.mT if wide else x.mT @ x
    scale = penalty * gram.diagonal(dim1=1, dim2=2).sum(1)  # (N,)
    gram.diagonal(dim1=1, dim2=2).add_(scale.clamp(min=1e-12)[:, None])
    factor, failed = torch.linalg.cholesky_ex(gram)
    w = x.mT @ torch.cholesky_solve(y, factor) if wide else torch.cholesky_solve(x.mT @ y, factor)
    w = w.where((failed == 0)[:, None, None], torch.nan)
    return w, height - mean @ w


@probe("layers")
class Layers(Features):
    """Accuracy of linear read-outs of the pixels and of every hidden layer: how much each says about the class.

    The read-outs are the probe's own, and so are the labels that they take: ridge regression to one-hot labels on a
    fixed part of ``fit``, in closed form, with a penalty of 0.0003 of the layer's total variance; scored on ``data``.
    In a convolutional brain each convolution (after pooling) is a layer, and a recurrent memory is the last one. Layers
    are used whole, however wide.

    Metrics:
        last: the share of images that a read-out of the last hidden layer gets right
        pixels: the same of the image as the learner sees it, which needs no brain: the same for all but for rounding
        best: the largest of the hidden layers' shares, picked on the scored images themselves, which flatters a little
        layer_1, layer_2, layer_3, layer_4: the same of one hidden layer; a brain has as many of these as layers
        layer_5, layer_6, layer_7, layer_8: the same of a deep brain's later layers

    Source:
        Alain and Bengio (2016), Understanding intermediate layers using linear classifier probes, arXiv:1610.01644.

    Deviations:
        Theirs are logistic regressions, trained by gradient descent.
    """

    metrics: ClassVar = {
        name: Metric("higher", 0.0, unit="share")
        for name in ("last", "pixels", "best", *(f"layer_{k}" for k in range(1, DEEPEST + 1)))
    }

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        """Those that are scored, and those that are fitted to."""
        return {**super().labels_read(full), self.fit: spread_rows(self.fit_images, size(self.fit))}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        data = probing.context.data(self.data)
        data = data if full else data.spread(self.quick)
        accuracies = _score(cohort, self._read_outs(cohort, probing), data, self.source.sense_name)  # [(N,)]
        hidden = {f"layer_{k}": value for k, value in enumerate(accuracies) if 0 < k <= DEEPEST}
        best = torch.stack(accuracies[1:] or accuracies).amax(0)
        values = {"last": accuracies[-1], "pixels": accuracies[0], "best": best, **hidden}
        return Measurement({name: unless_diverged(value, cohort) for name, value in values.items()})

    def _read_outs(self, cohort: Cohort, probing: Probing) -> list[tuple[Tensor, Tensor]]:
        """One read-out for each layer, fitted for all learners."""
        data = probing.context.data(self.fit).spread(self.fit_images)
        seen = [layers(cohort, images, self.source.sense_name) for images in data.images.split(CHUNK)]
        one_hot = F.one_hot(data.labels, self.source.classes).to(cohort.dtype)
        found = [torch.cat(parts, 1) for parts in zip(*seen, strict=True)]  # [(N, M, D)]
        if (found[0] == found[0][:1]).all():
            found[0] = found[0][:1]  # nobody's pixels are scrambled: one read-out of them serves all
        return [ridge(layer, one_hot, PENALTY) for layer in found]


def _score(cohort: Cohort, read_outs: list[tuple[Tensor, Tensor]], data: Dataset, sense: str) -> list[Tensor]:
    """Accuracy of each layer's read-out, [(N,) float64]; nan where there is none."""
    right = [torch.zeros(cohort.n, dtype=torch.float64, device=cohort.device) for _ in read_outs]
    for images, labels in zip(data.images.split(CHUNK), data.labels.split(CHUNK), strict=True):
        for k, layer in enumerate(layers(cohort, images, sense)):
            logits = layer @ read_outs[k][0] + read_outs[k][1]  # (N, B, K)
            right[k] += (logits.argmax(-1) == labels).sum(1)
    lost = [weights.isnan().flatten(1).any(1) for weights, _ in read_outs]
    return [count.where(~gone, torch.nan) / len(data) for count, gone in zip(right, lost, strict=True)]
