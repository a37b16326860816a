"""Memory aware synapses: weights that the answers depend on are held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.stages.protections.penalty import CENTRE, IMPORTANCE, Penalty, mean_gradients, shared
from devlearn.stages.protections.protection import Protecting, Surcharge, protection, unrehearsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.context import State
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.stages.stage import Stage


@protection("mas")
@final
class MemoryAwareSynapses(Penalty):
    """Memory aware synapses: holds weights that answers depend on, by a penalty that needs no labels.

    Adds ``strength * sum_k O_k (w_k - w*_k)^2`` to the loss; w* are the weights at the last stage's end. O adds up over
    stages: the mean, over ``samples`` of a stage's images x, of ``|d ||f(x)||^2 / d w_k|``, where f(x) are the outputs
    of its read-out. No label is read for it. With ``batch`` B above 1, B images share a gradient, and O is the mean of
    the absolute values of these mean gradients, which is smaller where images disagree. It keeps two numbers for each
    weight: O and w*.

    Source:
        Aljundi et al. 2018, eq. 2 to 4.

    Deviations:
        None with ``batch: 1``.
    """

    strength: float = Field(1.0, ge=0, description="of the penalty: lambda")
    samples: int = Field(500, ge=1, description="images that the importance is estimated from, at most")
    batch: int = Field(1, ge=1, description="images that share a gradient")

    @property
    def pull(self) -> float:
        return self.strength

    def refusal(self, stage: Stage) -> str:
        if stage.rehearsed() is None:
            return f"mas asks what answers to a stage's images depend on, and {unrehearsed(stage)}; take si, ewc or l2"
        return ""

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        own, labelled = super().cost(stage, brain, earlier), stage.rehearsed()
        assert labelled is not None
        count, shapes = shared(labelled, self.samples, self.batch)
        return replace(own, closing_flops=count * flops.update(brain, _asked(labelled), shapes))

    def importance(self, at: Protecting) -> Mapping[str, Tensor]:
        labelled = at.stage.rehearsed()
        assert labelled is not None
        size, asked = min(self.batch, labelled.num_labels), _asked(labelled)
        return mean_gradients(at, labelled, asked, self.samples, size, torch.abs, lambda batch, _: batch)

    def remember(self, kept: State, name: str, matters: Tensor, weight: Tensor) -> None:
        before = kept.get(IMPORTANCE + name, 0.0 * weight)
        kept[IMPORTANCE + name], kept[CENTRE + name] = before + matters, weight.clone()


def _asked(labelled: LabelledBatches) -> SquaredOutputs:
    return SquaredOutputs(labelled.objective.sense, labelled.objective.head)


@dataclass(frozen=True)
class SquaredOutputs:
    """The squared norm of what a read-out says, averaged over images (B, *shape)."""

    stacks: ClassVar[bool] = True
    sense: str
    head: str

    def __call__(self, brain: Any, batch: Batch) -> Result:
        return brain(batch["images"], self.sense, self.head).square().sum(-1).mean(-1), {}
