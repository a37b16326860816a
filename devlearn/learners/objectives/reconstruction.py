"""An image, or the hidden part of it, from what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import torch
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


def per_pixel(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Bernoulli cross-entropy and squared error, which has no gradient, of each number of an image: (B, D) both.

    Logits are (B, D), targets (B, *shape) in bytes, D numbers each: (H, W), or (H, W, C) in colour. The cross-entropy
    of a logit x and a target t is ``max(x, 0) - x t - log sigmoid(|x|)``, right to 1e-7 in float32; its gradient,
    ``sigmoid(x) - t``, is that of torch's ``binary_cross_entropy_with_logits``, bit for bit, in a quarter of the time:
    torch takes ``log1p`` a number at a time.
    """
    wanted = flat_as(logits, targets).to(logits.dtype) / 255
    with torch.no_grad():
        gradients = torch.sigmoid(logits) - wanted
        losses = logits.clamp_min(0).addcmul_(logits, wanted, value=-1).sub_(logits.abs().sigmoid_().log_())
    if not torch.is_grad_enabled():
        return losses, gradients.square_()
    pull = logits * gradients
    return losses + (pull - pull.detach()), gradients.square()  # the bracket is 0, and carries the gradient


def flat_as(logits: Tensor, images: Tensor) -> Tensor:
    """Images (..., B, *shape) with their axes laid flat, as logits (..., B, D) are."""
    return images.flatten(logits.dim() - 1)


@dataclass(frozen=True)
class Reconstruction:
    """Per-pixel Bernoulli cross-entropy of a target image. Batch: images (B, *shape) shown, targets alike in bytes.

    With a corrupted image shown and the clean one as target this is the denoising autoencoder (Vincent et al. 2008);
    with a movie's next frame as target it is next-frame prediction. Metric: error, the mean squared error in 0..1.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        logits = brain(batch["images"], self.sense, self.head)  # (B, D)
        losses, squares = per_pixel(logits, batch["targets"])
        return losses.mean((-2, -1)), {"error": squares.mean((-2, -1))}


@dataclass(frozen=True)
class Inpainting:
    """Per-pixel Bernoulli cross-entropy where nothing was to be seen (masked patches: He et al. 2022).

    Batch: images (B, *shape) shown, targets alike in bytes, hidden alike in bool: the numbers that count. Metric:
    error, the mean squared error of these pixels in 0..1.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        logits = brain(batch["images"], self.sense, self.head)  # (B, D)
        losses, squares = per_pixel(logits, batch["targets"])
        share = flat_as(logits, batch["hidden"]).to(logits.dtype)
        share = share / share.sum((-2, -1), keepdim=True).clamp(min=1)
        return (losses * share).sum((-2, -1)), {"error": (squares * share).sum((-2, -1))}
