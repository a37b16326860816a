"""Elastic weight consolidation: what the Fisher information says matters is held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.stacking import column
from devlearn.stages.protections.penalty import CENTRE, IMPORTANCE, Penalty, PenaltyGuard, mean_gradients, shared
from devlearn.stages.protections.protection import Protecting, Surcharge, protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from devlearn.learners.guard import Guard
    from devlearn.stages.context import State
    from devlearn.stages.stage import Stage

SQUARES, STEPS = "squares:", "steps"
DECAY = 0.99  # of the running mean of squared gradients, in stages without labels


@protection("ewc")
@final
class EWC(Penalty):
    """Elastic weight consolidation: holds weights by their Fisher information, as a penalty on moving them.

    Adds ``strength / 2 * sum_k F_k (w_k - w*_k)^2`` to the loss: w* are the weights at a stage's end, F the diagonal of
    the Fisher information there. For a stage with labels F is the mean, over ``samples`` of its images, of the squared
    gradient of ``-log p(y | x)``, with answers y as ``labels`` says. With ``batch`` B above 1, B images share a
    gradient, and F is B times the mean square of their mean gradient: the same on average where gradients are
    independent with mean 0, and less work. For any other stage (a trial, reconstruction) F is the running mean (decay
    0.99) of the squares of its minibatch gradients, which has another scale; choose ``strength`` for it.

    Offline, each stage has a penalty of its own, around its own weights. Their sum is one quadratic and is kept as
    that: two numbers for each weight, however many stages there are. Online, ``F <- decay * F + F of the stage``, and
    w* are the last weights.

    Source:
        Kirkpatrick et al. 2017, eq. 3; Huszar 2018 on the sum of penalties; online: Schwarz et al. 2018, eq. 9.

    Deviations:
        Of stages without labels, and with images that share a gradient, F is another estimate, as said.
    """

    scale = 0.5

    strength: float = Field(100.0, ge=0, description="of the penalty: lambda")
    samples: int = Field(500, ge=1, description="images that the Fisher information is estimated from, at most")
    batch: int = Field(1, ge=1, description="images that share a gradient")
    labels: Literal["sampled", "predicted", "true"] = Field(
        "sampled",
        description="answers: drawn from what the learner believes (the Fisher information), its likeliest, or the "
        "labels themselves (the empirical Fisher information)",
    )
    online: bool = Field(False, description="one penalty around the last weights instead of one for each stage")
    decay: float = Field(1.0, ge=0, le=1, description="online: what is left of F after another stage")

    @model_validator(mode="after")
    def _fades_online(self) -> EWC:
        if self.decay != 1 and not self.online:
            raise ValueError("decay is of online penalties; write online: true, or leave decay out")
        return self

    @property
    def pull(self) -> float:
        return self.strength

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        own, labelled = super().cost(stage, brain, earlier), stage.rehearsed()
        if labelled is None:
            return replace(own, memory=own.kept_bytes // 2)
        count, shapes = shared(labelled, self.samples, self.batch)
        asked = labelled.objective
        answers = flops.forward(brain, torch.empty(shapes["images"][0]), asked.sense, asked.head)
        step = flops.update(brain, asked, shapes) + (0 if self.labels == "true" else answers)
        return replace(own, closing_flops=count * step)

    def guard(self, at: Protecting) -> Guard:
        factor = 2 * self.scale * self.strength
        return PenaltyGuard(at.kept, factor) if at.stage.rehearsed() else _Noting(at.kept, factor)

    def begin(self, at: Protecting) -> None:
        if at.stage.rehearsed() is None:
            at.kept[STEPS] = torch.zeros(at.cohort.n, device=at.cohort.device)
            for name, weight in at.cohort.parameters().items():
                at.kept[SQUARES + name] = torch.zeros_like(weight)

    def importance(self, at: Protecting) -> Mapping[str, Tensor]:
        labelled = at.stage.rehearsed()
        if labelled is None:
            whole = 1 - DECAY ** at.kept.pop(STEPS)  # (N,)
            means = {name: at.kept.pop(SQUARES + name) for name in at.cohort.weights}
            return {name: mean / column(whole, mean) for name, mean in means.items()}
        asked = labelled.objective

        def answered(batch: dict[str, Tensor], number: int) -> dict[str, Tensor]:
            if self.labels == "true":
                return batch
            with torch.no_grad():
                logits = at.cohort(batch["images"], asked.sense, asked.head)
            if self.labels == "sampled":
                drawn = at.context.streams("protect", "answers", counter=number).exponential(*logits.shape[1:])
                logits = logits - torch.from_numpy(drawn).to(logits).log()
            return {**batch, "labels": logits.argmax(-1)}

        size = min(self.batch, labelled.num_labels)
        return mean_gradients(at, labelled, asked, self.samples, size, lambda found: size * found**2, answered)

    def remember(self, kept: State, name: str, matters: Tensor, weight: Tensor) -> None:
        if not self.online:
            return super().remember(kept, name, matters, weight)
        before = kept.get(IMPORTANCE + name, torch.zeros_like(weight))
        kept[IMPORTANCE + name], kept[CENTRE + name] = self.decay * before + matters, weight.clone()
        return None


class _Noting(PenaltyGuard):
    """Keeps a running mean of the squares of a stage's own gradients besides."""

    def corrected(self, weights: Mapping[str, nn.Parameter]) -> None:
        self.kept[STEPS] += 1
        for name, weight in weights.items():
            mean = self.kept[SQUARES + name].mul_(DECAY)
            if weight.grad is not None:
                mean.addcmul_(weight.grad, weight.grad, value=1 - DECAY)
        super().corrected(weights)
