"""Evolved birth weights: copies of an ancestor are marked, at birth or after a little learning, and followed."""

from collections.abc import Iterator, Mapping
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.optimiser import Optimiser
from devlearn.stages.context import Context, State
from devlearn.stages.shared.ancestors import Ancestral
from devlearn.stages.shared.evolution_strategy import Generations
from devlearn.stages.stage import Metrics, stage
from devlearn.streams import BIRTH

Batch = Mapping[str, Tensor]


@stage("innate.evolve")
class Evolve(Generations, Ancestral):
    """Evolves the weights that a learner is born with, by evolution strategies on digits, at birth or after learning.

    A generation: P = ``population`` copies of the ancestor, weights plus and minus ``sigma`` times P/2 normal
    directions, are marked on B images: at birth (``inner: 0``, Darwin), or after ``inner`` steps of plain gradient
    descent on B other images each (Baldwin: what was learned is forgotten, only birth weights are passed on). The
    ancestor follows the rank-weighted mean of the directions. Images, labels and FLOPs of all copies and of what they
    learn are charged; ``updates`` counts generations.

    Metrics:
        loss: mean cross-entropy of the copies where they are marked, in nats
        accuracy: mean accuracy of the copies where they are marked

    Source:
        Salimans, Ho, Chen, Sidor and Sutskever (2017), Evolution strategies as a scalable alternative to reinforcement
        learning. Hinton and Nowlan (1987), How learning can guide evolution.

    Deviations:
        Ranks, ties and the table of noise are those of supervise.evolution. Hinton and Nowlan evolve bits by crossing;
        here birth weights follow an estimated slope.
    """

    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    draws = (*Generations.draws, BIRTH)
    fixed = (*Ancestral.fixed, "inner")

    optimiser: Literal["adam", "sgd"] = Field("adam", description="the rule by which ancestors follow the slope")
    inner: int = Field(0, ge=0, description="gradient steps that a copy learns before it is marked; none at birth")
    inner_lr: float = Field(0.1, gt=0, description="learning rate of those steps, plain gradient descent")

    @model_validator(mode="after")
    def _enough_images(self) -> "Evolve":
        if self.pool <= self.inner:
            raise ValueError(f"{self.inner} inner steps and a mark need {self.inner + 1} images at least; raise labels")
        return self

    @property
    def rows(self) -> int:
        return min(self.batch * (self.inner + 1), self.pool)

    def _lessons(self, batch: Batch) -> list[Batch]:
        """The images of a generation in equal parts: one for each inner step, and one to be marked on."""
        part = self.rows // (self.inner + 1)
        return [
            {name: value[start : start + part] for name, value in batch.items()}
            for start in range(0, part * (self.inner + 1), part)
        ]

    def judging(self, brain: nn.Module) -> int:
        part = self.model_copy(update={"batch": self.rows // (self.inner + 1), "inner": 0})
        return self.inner * flops.update(brain, self.objective, part.shapes) + Generations.judging(part, brain)

    def evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        broods: dict[int, Cohort] = {}

        def after_learning(learner: int, copies: Batch, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
            count = len(next(iter(copies.values())))
            brood = broods.setdefault(count, ancestors.newborn((context.seeds[learner],) * count))
            return self._learn(brood, {**_alike(ancestors, learner), **copies}, batch)

        return self.generations(ancestors, state, context, after_learning if self.inner else None)

    def _learn(self, brood: Cohort, birth: Batch, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Copies with the weights ``birth`` learn, and are marked: loss (P,) and metrics."""
        for name, tensor in {**brood.parameters(), **brood.buffers}.items():
            tensor.copy_(birth[name])
        *lessons, exam = [
            {name: value.expand(brood.n, *value.shape) for name, value in part.items()} for part in self._lessons(batch)
        ]
        optimiser = Optimiser(brood, {}, "sgd", self.inner_lr)
        for lesson in lessons:
            brood.update(self.objective, lesson, optimiser)
        with torch.no_grad():
            return brood.losses(self.objective, exam)


def _alike(ancestors: Cohort, learner: int) -> dict[str, Tensor]:
    return {name: tensor[learner] for name, tensor in {**ancestors.parameters(), **ancestors.buffers}.items()}
