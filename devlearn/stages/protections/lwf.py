"""Learning without forgetting: new images are answered as before by the read-outs of earlier stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from pydantic import Field

from devlearn.lazy import F, torch
from devlearn.learners import flops
from devlearn.learners.guard import Guard
from devlearn.stages.protections.memory import rehearsed
from devlearn.stages.protections.protection import HEADS, Protecting, Protection, Surcharge, protection, unrehearsed
from devlearn.stages.protections.rehearsal import added_flops
from devlearn.stages.shared.target_network import target_network

if TYPE_CHECKING:
    from torch import nn

    from devlearn.learners.objectives import Objective
    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.stage import Stage

BEFORE, CLASSES = "before:", "classes:"  # weights at the stage's start; classes that a read-out has been taught
Old = tuple[str, tuple[int, ...] | None]  # a read-out, and which of its outputs; None: all


@protection("lwf")
@final
class LearningWithoutForgetting(Protection):
    """Learning without forgetting: holds the answers to new images near those of the stage's start; keeps no image.

    Adds to a minibatch's loss ``weight * sum_h H(p*_h, p_h)``, the mean over its images; h are the read-outs of earlier
    protected stages, the stage's own among them where it was taught before. ``p_h = softmax(z_h / temperature)`` over
    those classes that h has been taught, with its logits z_h now; p*_h is the same with the weights of the stage's
    start; ``H(p*, p) = -sum_k p*_k log p_k``. The weights of the stage's start are kept while it lasts, and nothing
    afterwards.

    Source:
        Li and Hoiem 2017, eq. 2 and 3; with one read-out for all tasks: LwF.MC of Rebuffi et al. 2017, by a softmax.

    Deviations:
        The new read-out is not warmed up alone first. The old answers are computed at every update, which is counted.
    """

    weight: float = Field(1.0, ge=0, description="of the loss on old answers")
    temperature: float = Field(2.0, gt=0, description="what logits are divided by")

    def refusal(self, stage: Stage) -> str:
        if stage.rehearsed() is None:
            return f"lwf asks how images with labels were answered, and {unrehearsed(stage)}; take si"
        return ""

    def unlike(self, stage: Stage, before: Stage) -> str:
        own, other = rehearsed(stage).source, rehearsed(before).source
        if own.sense_name != other.sense_name:
            both = f"{own.name} is seen by another sense than {other.name} before"
            return (
                f"lwf lets earlier read-outs answer new images, and {both}; protect stages of one data set, or take si"
            )
        return ""

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        if not (self.weight and earlier):
            return Surcharge()
        labelled = rehearsed(stage)
        sense, images = labelled.source.sense_name, torch.empty(labelled.shapes["images"][0], device="meta")
        heads = tuple(dict.fromkeys(earlier))
        outputs = flops.outputs(brain, images, sense, heads)
        answers = {f"answers_{i}": (tuple(each.shape), torch.float32) for i, each in enumerate(outputs)}
        objective = self._objective(labelled.objective, stage, tuple((head, None) for head in heads))
        added = added_flops(brain, stage, objective, answers) + flops.forward(brain, images, sense, heads)
        weights = sum(4 * weight.numel() for weight in brain.parameters())
        return Surcharge(labelled.batch_size, added, memory=weights)

    def begin(self, at: Protecting) -> None:
        if self.weight and at.earlier:
            at.kept.update({BEFORE + name: weight.clone() for name, weight in at.cohort.parameters().items()})

    def guard(self, at: Protecting) -> Guard:
        return _Distilling(at, self) if self.weight and at.earlier else Guard()

    def end(self, at: Protecting) -> None:
        for name in [name for name in at.kept if name.startswith(BEFORE)]:
            del at.kept[name]
        task = rehearsed(at.stage).task
        every = task.classes is None or task.renumbered
        taught = range(task.outputs) if every else task.classes
        key = CLASSES + task.read_out
        at.kept[key] = sorted({*at.kept.get(key, ()), *(taught or ())})

    def _objective(self, new: Objective, stage: Stage, olds: tuple[Old, ...]) -> Distillation:
        asked = rehearsed(stage).objective
        return Distillation(new, asked.sense, asked.head, olds, self.temperature, self.weight)


@dataclass(frozen=True)
class Distillation:
    """An objective plus the cross-entropy of old answers, by one pass. Its metrics, and ``loss``, are the first one's.

    Batch: what the objective reads, and for the i-th of ``olds`` answers_i (B, K), which sum to one.
    """

    stacks: ClassVar[bool] = True
    new: Objective
    sense: str
    head: str
    olds: tuple[Old, ...]
    temperature: float
    weight: float

    def __call__(self, brain: Any, batch: Batch) -> Result:
        names = tuple(dict.fromkeys((self.head, *(head for head, _ in self.olds))))
        outputs = dict(zip(names, brain(batch["images"], self.sense, names), strict=True))
        loss, metrics = self.new(lambda *_: outputs[self.head], batch)
        whole = loss
        for number, (head, classes) in enumerate(self.olds):
            logits = outputs[head] if classes is None else outputs[head][..., list(classes)]
            now = F.log_softmax(logits / self.temperature, -1)
            whole = whole - self.weight * (batch[f"answers_{number}"] * now).sum(-1).mean(-1)
        return whole, {"loss": loss, **metrics}


class _Distilling(Guard):
    def __init__(self, at: Protecting, own: LearningWithoutForgetting) -> None:
        kept, self.stage, self.own = at.kept, at.stage, own
        size = len(BEFORE)
        before = {name[size:]: value for name, value in kept.items() if name.startswith(BEFORE)}
        self.teacher = target_network(at.cohort, before)
        self.olds: tuple[Old, ...] = tuple((head, tuple(kept[CLASSES + head])) for head in dict.fromkeys(kept[HEADS]))

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        longer, heads = self.own._objective(objective, self.stage, self.olds), tuple(head for head, _ in self.olds)
        with torch.no_grad():
            outputs = self.teacher(batch["images"], longer.sense, heads)
            answers = {
                f"answers_{number}": (logits[..., list(classes or ())] / self.own.temperature).softmax(-1)
                for number, (logits, (_, classes)) in enumerate(zip(outputs, self.olds, strict=True))
            }
        return longer, {**batch, **answers}
