"""Evolved birth weights: copies of an ancestor are marked, at birth or after a little learning, and followed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.stages.fields import (
    Blur,
    CopyBatchSize,
    FitnessKey,
    LabelledSplit,
    Labels,
    Lineages,
    Momentum,
    Population,
    RateSchedule,
    Shift,
    Sigma,
    SlopeRate,
    WeightDecay,
)
from devlearn.stages.shared.ancestors import Ancestors
from devlearn.stages.shared.evolution_strategy import EvolutionStrategy, forward_flops
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.streams import BIRTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.evolve")
@final
class Evolve(Stage):
    """Evolves the weights that a learner is born with, by evolution strategies, at birth or after learning.

    A generation: P = ``population`` copies of the ancestor, weights plus and minus ``sigma`` times P/2 normal
    directions, are scored on B images: at birth (``inner: 0``, Darwin), or after ``inner`` steps of plain gradient
    descent on B other images each (Baldwin: what was learned is forgotten, only birth weights are passed on). The
    ancestor follows the rank-weighted mean of the directions. Images, labels and FLOPs of all copies and of what they
    learn are charged; ``updates`` counts generations.

    Metrics:
        loss: mean cross-entropy of the copies on the B images that they are scored on, in nats
        accuracy: mean accuracy of the copies on these

    Source:
        Salimans, Ho, Chen, Sidor and Sutskever (2017), Evolution strategies as a scalable alternative to reinforcement
        learning. Hinton and Nowlan (1987), How learning can guide evolution.

    Deviations:
        Ranks, ties and the table of noise are those of supervise.evolution. Hinton and Nowlan evolve bits by
        crossover; here birth weights follow an estimated gradient.
    """

    role = "innate"
    metrics = ("loss", "accuracy")
    stream_names = ("labels", "order", "noise", BIRTH)
    immutable_keys = ("data", "labels", "optimiser", "momentum", "lineages", "inner")
    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: CopyBatchSize = 64
    optimiser: Literal["adam", "sgd"] = Field("adam", description="the rule by which ancestors follow the slope")
    lr: SlopeRate = 0.03
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    blur: Blur = 0.0
    shift: Shift = 0
    lineages: Lineages = None
    population: Population = 128
    sigma: Sigma = 0.06
    fitness: FitnessKey = "accuracy"
    inner: int = Field(0, ge=0, description="gradient steps that a copy learns before it is marked; none at birth")
    inner_lr: float = Field(0.1, gt=0, description="learning rate of those steps, plain gradient descent")

    @model_validator(mode="after")
    def _enough_images(self) -> Evolve:
        if self.labelled.num_labels <= self.inner:
            raise ValueError(f"{self.inner} inner steps and a mark need {self.inner + 1} images at least; raise labels")
        return self

    @property
    def labelled(self) -> LabelledBatches:
        """The images of a generation: those of the inner steps, and those that copies are marked on."""
        return LabelledBatches(self.data, self.labels, self.batch * (self.inner + 1), self.blur, self.shift)

    @property
    def _lesson(self) -> LabelledBatches:
        """An equal part of them: the images of one inner step, or of the mark."""
        return replace(self.labelled, batch=self.labelled.batch_size // (self.inner + 1))

    @property
    def strategy(self) -> EvolutionStrategy:
        return EvolutionStrategy(self.population, self.sigma, self.fitness)

    @property
    def ancestors(self) -> Ancestors:
        return Ancestors(self.lineages)

    def lineage(self, seed: int) -> str | None:
        return self.ancestors.lineage(self.kind, seed)

    def needs(self) -> Needs:
        return self.labelled.needs

    def cost(self, brain: nn.Module) -> Cost:
        learning = self.inner * flops.update(brain, self.labelled.objective, self._lesson.shapes)
        images = (self.inner + 1) * self._lesson.batch_size
        return self.strategy.cost(self.labelled, brain, images, learning + forward_flops(brain, self._lesson))

    def labels_bought(self, source: LabelledBatches, context: Context) -> Tensor:
        return self.ancestors.inherited(source.indices(self.ancestors.context(context)), context)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return self.ancestors.begin(cohort, context)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return self.ancestors.segment(cohort, state, context, self._evolve)

    def _evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        broods: dict[int, Cohort] = {}  # by size: copies of a learner, as learners

        def after_learning(
            learner: int, copies: Mapping[str, Tensor], batch: Mapping[str, Tensor]
        ) -> tuple[Tensor, Mapping[str, Tensor]]:
            count = len(next(iter(copies.values())))
            brood = broods.setdefault(count, ancestors.newborn((context.seeds[learner],) * count))
            alike = {name: tensor[learner] for name, tensor in {**ancestors.parameters(), **ancestors.buffers}.items()}
            return self._learn(brood, {**alike, **copies}, batch)

        descent = Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)
        evaluate = after_learning if self.inner else None
        return self.strategy.generations(ancestors, self.labelled, descent, state, context, evaluate)

    def _learn(
        self, brood: Cohort, birth: Mapping[str, Tensor], batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Copies with the weights ``birth`` learn, and are marked: loss (P,) and metrics."""
        for name, tensor in {**brood.parameters(), **brood.buffers}.items():
            tensor.copy_(birth[name])
        part = self._lesson.batch_size
        *lessons, exam = [
            {name: value[start : start + part].expand(brood.n, part, *value.shape[1:]) for name, value in batch.items()}
            for start in range(0, part * (self.inner + 1), part)
        ]
        optimiser = Descent(self.inner_lr, optimiser="sgd").make_optimiser(brood, {})
        objective = self.labelled.objective
        for lesson in lessons:
            brood.update(objective, lesson, optimiser)
        with torch.no_grad():
            return brood.losses(objective, exam)
