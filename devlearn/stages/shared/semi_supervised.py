"""What school makes of images without labels: the learner's own answers, and which of them it believes."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context, State
from devlearn.stages.shared.labelled import DIGITS, Lessons
from devlearn.tasks.data import CLASSES, IMAGE, IMAGE_SENSE
from devlearn.tasks.data.augment import Views, warped

MEMORY = 0.99  # of the running share of answers: a hundred updates


class Unlabelled(Lessons):
    """Lessons in which images without labels may be shown too, and images may be seen from elsewhere.

    The labels of images outside the labelled pool decide which pool is drawn, as it is class-balanced, and are never
    read otherwise.
    """

    draws = (*Lessons.draws, "views", "unlabelled", "light", "strong")
    fixed = (*Lessons.fixed, "unlabelled", "unlabelled_batch", "align", "teacher")

    views: Views | None = Field(None, description="how the labelled images are deformed, anew at every update")
    unlabelled: Literal["none", "pseudo", "consistency"] = Field(
        "none",
        description="what is made of images without labels: nothing, pseudo-labels, consistency under deformation",
    )
    unlabelled_batch: int = Field(256, ge=1, description="images of the split without labels, an update")
    threshold: float = Field(0.95, ge=0, lt=1, description="confidence from which an answer is believed")
    weight: float = Field(1.0, ge=0, description="of the loss on believed answers")
    ramp: int = Field(0, ge=0, description="updates over which this weight grows linearly from 0")
    light: Views | None = Field(None, description="consistency: deformation of the view that is answered")
    strong: Views = Field(
        Views.model_validate({}), description="consistency: deformation of the view that learns the answer"
    )
    align: bool = Field(False, description="scale answers to be as frequent as the labels: distribution alignment")
    teacher: float = Field(
        0.0, ge=0, lt=1, description="who answers: a running mean of the weights with this decay; 0: the learner itself"
    )

    @property
    def extra(self) -> int:
        """Images without labels of an update."""
        return 0 if self.unlabelled == "none" else self.unlabelled_batch

    @property
    def wide(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Shapes and dtypes of one learner's minibatch, images without labels included."""
        if not self.extra:
            return self.shapes
        images = ((self.extra, *IMAGE.space.shape), torch.float32)
        answers, trust = ((self.extra,), torch.int64), ((self.extra,), torch.float32)
        return {**self.shapes, "unlabelled": images, "answers": answers, "trust": trust}

    def asking(self, brain: nn.Module) -> int:
        """FLOPs of one learner's answers for an update."""
        if not self.extra:
            return 0
        shown = torch.empty(self.extra, *IMAGE.space.shape, dtype=torch.uint8, device="meta")
        return flops.forward(brain, shown, IMAGE_SENSE, DIGITS)

    def begin(self, cohort: Cohort, context: Context) -> State:
        state = super().begin(cohort, context)
        if self.extra and self.teacher:
            state["teacher"] = cohort.state()
        if self.extra and self.align:
            state["share"] = torch.full((cohort.n, CLASSES), 1 / CLASSES, dtype=cohort.dtype, device=cohort.device)
        return state

    def minibatches(self, cohort: Cohort, state: State, context: Context) -> Iterator[dict[str, Tensor]]:
        """As ``Lessons``, deformed where asked; and unlabelled images, answers and trust, (N, U, ...) each."""
        batches = super().minibatches(cohort, state, context)
        if self.views:
            batches = self._deformed(batches, state, context)
        return self._answered(batches, cohort, state, context) if self.extra else batches

    def _deformed(
        self, batches: Iterator[dict[str, Tensor]], state: State, context: Context
    ) -> Iterator[dict[str, Tensor]]:
        for batch in batches:
            yield {**batch, "images": seen(batch["images"], self.views, context, "views", state)}

    def _answered(
        self, batches: Iterator[dict[str, Tensor]], cohort: Cohort, state: State, context: Context
    ) -> Iterator[dict[str, Tensor]]:
        data, asked = self.split(context), self._asked(cohort, state)
        wanted = shares(data.labels[self.labelled(context)]).to(cohort.dtype) if self.align else None
        indices = context.minibatches(len(data), self.unlabelled_batch, state["done"], "unlabelled")
        for batch, index in zip(batches, indices, strict=False):
            images = data.images[index]  # (N, U, 28, 28)
            if self.teacher:
                follow(asked, cohort, self.teacher)
            consistent = self.unlabelled == "consistency"
            light = seen(images, self.light, context, "light", state) if consistent else images
            with torch.no_grad():
                p = asked(light, IMAGE_SENSE, DIGITS).softmax(-1)  # (N, U, K)
            if wanted is not None:
                p = aligned(p, wanted, state["share"])
            trust, answers = p.max(-1)
            shown = seen(images, self.strong, context, "strong", state) if consistent else images.float()
            trust = (trust >= self.threshold).to(p.dtype) * self._worth(state)
            yield {**batch, "unlabelled": shown, "answers": answers, "trust": trust}

    def _asked(self, cohort: Cohort, state: State) -> Cohort:
        """Who answers."""
        if not self.teacher:
            return cohort
        teacher = cohort.clone()
        teacher.load(state["teacher"])
        state["teacher"] = {**teacher.parameters(), **teacher.buffers}
        return teacher

    def _worth(self, state: State) -> float:
        """The weight of believed answers at the next update."""
        return self.weight * min(1.0, state["done"] / self.ramp if self.ramp else 1.0)


def seen(images: Tensor, views: Views | None, context: Context, name: str, state: State) -> Tensor:
    """Images (N, B, H, W), deformed by draws from the stream ``name``; as they are without ``views``."""
    if views is None:
        return images
    return warped(images, views.draw(context.streams(name, counter=state["done"]), images.shape[1]))


def shares(labels: Tensor) -> Tensor:
    """How frequent each class is among labels (N, L): (N, K) float64."""
    return torch.nn.functional.one_hot(labels, CLASSES).double().mean(1)


def aligned(p: Tensor, wanted: Tensor, share: Tensor) -> Tensor:
    """Answers p (N, U, K), scaled by wanted / running share (N, K), which is kept up to date: they sum to one again.

    Distribution alignment (Berthelot et al. 2020, ReMixMatch, section 3.1), with an exponential running mean.
    """
    share.lerp_(p.mean(1), 1 - MEMORY)
    p = p * (wanted / share.clamp(min=1e-6)).unsqueeze(1)
    return p / p.sum(-1, keepdim=True)


def follow(teacher: Cohort, cohort: Cohort, decay: float) -> None:
    """The teacher's weights become a running mean of the learner's (Tarvainen and Valpola 2017)."""
    own = cohort.parameters()
    for name, weight in teacher.parameters().items():
        weight.lerp_(own[name], 1 - decay)


def believed(batch: dict[str, Tensor]) -> Tensor:
    """The share of unlabelled images whose answers are believed: (N,); 0 where there are none."""
    if "trust" not in batch:
        return torch.zeros(len(batch["labels"]), device=batch["labels"].device)
    return (batch["trust"] > 0).float().mean(-1)
