"""School without gradients: perturbed copies are marked, and the learner moves towards the better ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from devlearn.stages.fields import (
    Blur,
    CopyBatchSize,
    FitnessKey,
    LabelledSplit,
    Labels,
    Momentum,
    OptimiserOrContinue,
    Population,
    RateSchedule,
    Shift,
    Sigma,
    SlopeRate,
    WeightDecay,
)
from devlearn.stages.shared.evolution_strategy import EvolutionStrategy, forward_flops
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("supervise.evolution")
@final
class Evolution(Stage):
    """Climbs 0/1 accuracy itself, or the cross-entropy as a control, by evolution strategies: no gradient anywhere.

    An update is a generation: P = ``population`` copies, weights plus and minus ``sigma`` times P/2 normal directions
    ``d_i``, see one minibatch of B images, forward passes only. Their fitness becomes centred ranks ``F`` in -1/2..1/2,
    and the optimiser follows ``sum_i (F_i+ - F_i-) d_i / (P sigma)``. Parameters that the read-out does not depend on
    stay. ``images`` counts what the copies are shown, P x B a generation; FLOPs are those of P forward passes and of
    the weighted sum of the directions, P for each weight.

    Metrics:
        loss: mean cross-entropy of the copies on the minibatch, in nats
        accuracy: mean accuracy of the copies on the minibatch

    Source:
        Salimans, Ho, Chen, Sidor and Sutskever (2017), Evolution strategies as a scalable alternative to reinforcement
        learning, Algorithm 1 with mirrored sampling, fitness shaping and a table of noise.

    Deviations:
        Copies of equal fitness share their mean rank, as accuracy has many ties; each learner has its own table, of
        2^20 numbers (or twice the weights, where that is more), drawn anew every 32 generations.
    """

    role = "supervise"
    metrics = ("loss", "accuracy")
    stream_names = ("labels", "order", "noise")
    immutable_keys = ("data", "labels", "optimiser", "momentum")

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: CopyBatchSize = 64
    optimiser: OptimiserOrContinue = "adam"
    lr: SlopeRate = 0.03
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    blur: Blur = 0.0
    shift: Shift = 0
    population: Population = 128
    sigma: Sigma = 0.06
    fitness: FitnessKey = "accuracy"

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch, self.blur, self.shift)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def strategy(self) -> EvolutionStrategy:
        return EvolutionStrategy(self.population, self.sigma, self.fitness)

    def needs(self) -> Needs:
        return self.labelled.needs

    def cost(self, brain: nn.Module) -> Cost:
        own = self.labelled
        return self.strategy.cost(own, brain, own.batch_size, forward_flops(brain, own))

    def begin(self, cohort: Cohort, context: Context) -> State:
        return self.descent.begin(context)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return self.strategy.generations(cohort, self.labelled, self.descent, state, context)
