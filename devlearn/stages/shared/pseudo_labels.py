"""Learning from a learner's own answers about images without labels: pseudo-labels and consistency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.tasks.data import gathered
from devlearn.tasks.data.augment import Views, warped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.flops import Shapes
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.tasks.data import DataSource

MEMORY = 0.99  # of the running share of answers: a hundred updates


@dataclass(frozen=True)
class PseudoLabels:
    """What an update adds to a labelled minibatch: images of the same data set, with answers in place of labels.

    ``source`` is the data set, the other fields are the stage's keys of these names (``batch`` is
    ``unlabelled_batch``). ``consistent`` asks about the
    ``light`` view and shows the ``strong`` one; without it both are the image as it is. Draws from the streams
    ``unlabelled``, ``light`` and ``strong``. State: ``teacher`` and ``share``, where there is one.
    """

    source: DataSource
    batch: int
    threshold: float
    weight: float
    ramp: int
    consistent: bool
    light: Views | None
    strong: Views
    align: bool
    teacher: float

    @property
    def shapes(self) -> Shapes:
        """Shapes and dtypes of what is added to one learner's minibatch."""
        images = ((self.batch, *self.source.shape), torch.float32)
        answers, trust = ((self.batch,), torch.int64), ((self.batch,), torch.float32)
        return {"unlabelled": images, "answers": answers, "trust": trust}

    @property
    def images(self) -> int:
        """Images that are shown in an update: each once to be answered, and once to learn the answer."""
        return 2 * self.batch

    def flops(self, brain: nn.Module) -> int:
        """FLOPs of one learner's answers for an update."""
        images = torch.empty(self.batch, *self.source.shape, dtype=torch.uint8, device="meta")
        return flops.forward(brain, images, self.source.sense_name, self.source.read_out)

    def begin(self, cohort: Cohort) -> State:
        """Its part of a stage's state."""
        state: State = {}
        if self.teacher:
            state["teacher"] = cohort.state()
        if self.align:
            classes = self.source.classes
            state["share"] = torch.full((cohort.n, classes), 1 / classes, dtype=cohort.dtype, device=cohort.device)
        return state

    def added_to(
        self,
        batches: Iterable[dict[str, Tensor]],
        labelled: LabelledBatches,
        cohort: Cohort,
        state: State,
        context: Context,
    ) -> Iterator[dict[str, Tensor]]:
        """The minibatches with ``unlabelled`` images, ``answers`` and ``trust``, (N, U, ...) each.

        The answers are a constant for the gradient. ``trust`` is the weight of those that are believed and else 0.
        """
        data, asked, source = labelled.dataset(context), self._asked(cohort, state), self.source
        known = data.labels[labelled.indices(context)]  # (N, L)
        wanted = class_shares(known, source.classes).to(cohort.dtype) if self.align else None
        indices = context.minibatches(len(data), self.batch, state["done"], "unlabelled")
        for batch, index in zip(batches, indices, strict=False):
            images = gathered(data.images, index)  # (N, U, *shape)
            if self.teacher:
                ema_update(asked, cohort, self.teacher)
            light = deformed(images, self.light, context, "light", state["done"]) if self.consistent else images
            with torch.no_grad():
                p = asked(light, source.sense_name, source.read_out).softmax(-1)  # (N, U, K)
            if wanted is not None:
                p = align_distribution(p, wanted, state["share"])
            confidence, answers = p.max(-1)
            strong = deformed(images, self.strong, context, "strong", state["done"]) if self.consistent else images
            weight = self.weight * min(1.0, state["done"] / self.ramp if self.ramp else 1.0)
            trust = (confidence >= self.threshold).to(p.dtype) * weight
            yield {**batch, "unlabelled": strong.float(), "answers": answers, "trust": trust}

    def _asked(self, cohort: Cohort, state: State) -> Cohort:
        """Who answers: the learners, or a running mean of each, whose tensors in ``state`` change in place."""
        if not self.teacher:
            return cohort
        teacher = cohort.clone()
        teacher.load(state["teacher"])
        state["teacher"] = {**teacher.parameters(), **teacher.buffers}
        return teacher


def deformed(images: Tensor, views: Views | None, context: Context, stream: str, done: int) -> Tensor:
    """Images (N, B, *shape), deformed by draws from a stream at update ``done``; as they are without ``views``."""
    if views is None:
        return images
    return warped(images, views.draw(context.streams(stream, counter=done), images.shape[1]))


def class_shares(labels: Tensor, classes: int) -> Tensor:
    """How frequent each class is among labels (N, L): (N, K) float64."""
    return torch.nn.functional.one_hot(labels, classes).double().mean(1)


def align_distribution(p: Tensor, wanted: Tensor, share: Tensor) -> Tensor:
    """Answers p (N, U, K), scaled by wanted / running share (N, K), which is kept up to date: they sum to one again.

    Distribution alignment (Berthelot et al. 2020, ReMixMatch, section 3.1), with an exponential running mean.
    """
    share.lerp_(p.mean(1), 1 - MEMORY)
    p = p * (wanted / share.clamp(min=1e-6)).unsqueeze(1)
    return p / p.sum(-1, keepdim=True)


def ema_update(teacher: Cohort, cohort: Cohort, decay: float) -> None:
    """The teacher's weights become a running mean of the learner's (Tarvainen and Valpola 2017)."""
    own = cohort.parameters()
    for name, weight in teacher.parameters().items():
        weight.lerp_(own[name], 1 - decay)


def mask_rate(batch: dict[str, Tensor]) -> Tensor:
    """The share of unlabelled images whose answers are believed: (N,); 0 where there are none."""
    if "trust" not in batch:
        return torch.zeros(len(batch["labels"]), device=batch["labels"].device)
    return (batch["trust"] > 0).float().mean(-1)
