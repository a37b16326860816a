"""A variational autoencoder for ONE learner: what it makes of images and what it makes up, and what it is taught by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from devlearn.learners.brains.layers import ACTIVATIONS, Linear
from devlearn.learners.objectives.reconstruction import per_pixel


class Autoencoder(nn.Module):
    """Images of D numbers from ``latent`` numbers that are standard normal, by ``hidden`` units of a layer each way.

    Called with {images (B, *shape) in 0..255, noise (B, latent)}: the logits of the pixels (B, D), and the mean and log
    variance (B, latent) of the numbers that it takes an image to come from. With {noise} alone it makes up images: the
    logits.
    """

    stacks = True

    def __init__(self, numbers: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.reading, self.belief = Linear(numbers, hidden), Linear(hidden, 2 * latent)
        self.telling, self.pixels = Linear(latent, hidden), Linear(hidden, numbers)
        self.activation = ACTIVATIONS["relu"]

    def forward(self, given: Mapping[str, Tensor]) -> Any:
        noise = given["noise"]
        if "images" not in given:
            return self._told(noise)
        seen = given["images"].flatten(noise.dim() - 1).to(noise.dtype) / 255  # (B, D)
        mean, log_variance = self.belief(self.activation(self.reading(seen))).chunk(2, -1)
        return self._told(mean + noise * (log_variance / 2).exp()), mean, log_variance

    def _told(self, numbers: Tensor) -> Tensor:
        logits: Tensor = self.pixels(self.activation(self.telling(numbers)))
        return logits


@dataclass(frozen=True)
class EvidenceBound:
    """Minus the evidence lower bound in nats an image (Kingma and Welling 2014), pixels as Bernoulli variables.

    Batch: images (B, *shape) in 0..255, noise (B, latent). Metric: surprise, the part that is not the divergence.
    """

    stacks: ClassVar[bool] = True

    def __call__(self, model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        logits, mean, log_variance = model(batch)
        surprise = per_pixel(logits, batch["images"])[0].sum(-1).mean(-1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean(-1) / 2
        return surprise + divergence, {"surprise": surprise.detach()}
