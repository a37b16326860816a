"""Clusters of images that keep an image and its other view together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from devlearn.lazy import torch
from devlearn.learners.objectives.objective import Batch, Result

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MutualInformation:
    """Invariant information clustering (Ji et al. 2019, eq. 3 to 5): an image and its other view belong together.

    Batch: images (B, *shape), others alike, row by row two views of one thing; ``axes`` are those of an image, 2 in
    grey and 3 in colour. Each head has S sub-heads of K clusters, (B, S * K) logits. Of each sub-head the joint
    distribution P (K, K) of the two assignments is averaged over the batch and over the order of the views; the loss is
    minus its mutual information in nats, averaged over sub-heads and summed over heads. ``balance`` weighs the
    entropies: with more than 1, equal clusters count more.
    Metric: information, the first head's mutual information, averaged over its sub-heads.
    """

    stacks: ClassVar[bool] = True
    sense: str
    heads: tuple[str, ...]
    clusters: tuple[int, ...]
    balance: float = 1.0
    axes: int = 2

    def __call__(self, brain: Any, batch: Batch) -> Result:
        seen = torch.cat([batch["images"], batch["others"]], -1 - self.axes)  # (2B, *shape)
        pairs = list(zip(brain(seen, self.sense, self.heads), self.clusters, strict=True))
        found = [information(joint(logits, size), self.balance).mean(-1) for logits, size in pairs]
        loss = -torch.stack(found).sum(0)
        with torch.no_grad():
            told = information(joint(*pairs[0])).mean(-1)
        return loss, {"information": told}


def joint(logits: Tensor, clusters: int) -> Tensor:
    """Logits (2B, S * K), the two views one after the other -> the joint distribution of each sub-head, (S, K, K)."""
    p = logits.unflatten(-1, (-1, clusters)).softmax(-1).transpose(-3, -2)  # (S, 2B, K)
    one, other = p.chunk(2, -2)
    both = one.mT @ other / one.shape[-2]
    result: Tensor = (both + both.mT) / 2
    return result


def information(both: Tensor, balance: float = 1.0) -> Tensor:
    """Mutual information in nats of joint distributions (..., K, K): (...). ``balance`` weighs the two entropies."""
    tiny = torch.finfo(both.dtype).tiny
    logs, rows, columns = (p.clamp(min=tiny).log() for p in (both, both.sum(-1, True), both.sum(-2, True)))
    return (both * (logs - balance * (rows + columns))).sum((-2, -1))
