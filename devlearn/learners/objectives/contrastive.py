"""Which image is the other view of this one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from devlearn.lazy import F, torch
from devlearn.learners.objectives.objective import Batch, Result


@dataclass(frozen=True)
class NTXent:
    """Which image is the other view of this one? Normalised temperature-scaled cross-entropy (Chen et al. 2020).

    Batch: images (B, *shape) and others alike, row by row two views of one thing, bytes or floats on one scale;
    ``axes`` are those of an image, 2 in grey and 3 in colour. All 2B views are mapped to unit vectors; the softmax over
    the cosine similarities, divided by ``temperature``, of a view to the 2B - 1 others should pick its partner. Metric:
    accuracy, the share of views whose nearest other is its partner.
    """

    stacks: ClassVar[bool] = True
    sense: str
    head: str
    temperature: float = 0.5
    axes: int = 2

    def __call__(self, brain: Any, batch: Batch) -> Result:
        views = torch.cat([batch["images"], batch["others"]], -1 - self.axes)  # (2B, *shape)
        found = F.normalize(brain(views, self.sense, self.head), dim=-1)  # (2B, D)
        likeness = found @ found.transpose(-1, -2) / self.temperature  # (2B, 2B)
        count = likeness.shape[-1]
        likeness = likeness.masked_fill(torch.eye(count, dtype=torch.bool, device=likeness.device), -torch.inf)
        partner = torch.arange(count, device=likeness.device).roll(count // 2).expand(likeness.shape[:-1])
        loss = -F.log_softmax(likeness, -1).gather(-1, partner.unsqueeze(-1)).squeeze(-1).mean(-1)
        return loss, {"accuracy": (likeness.detach().argmax(-1) == partner).to(likeness.dtype).mean(-1)}
