"""School by trial and error: a guess for each image, judged right or wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.objectives import Reinforce
from devlearn.stages.fields import (
    Blur,
    LabelledBatchSize,
    LabelledSplit,
    Labels,
    LearningRate,
    Momentum,
    OptimiserOrContinue,
    RateSchedule,
    Shift,
    WeightDecay,
)
from devlearn.stages.shared.draws import uniform
from devlearn.stages.shared.labelled import LabelledBatches, updates_of
from devlearn.stages.shared.train import Descent, train
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("supervise.reinforce")
@final
class Guess(Stage):
    """Guesses classes at random from its own probabilities and is told right or wrong (REINFORCE).

    Each image b of a minibatch gets S = ``samples`` guesses ``a_bs`` from ``softmax(z_b)``; the reward ``r_bs`` is 1
    where the guess is the label ``y_b``, else 0. Labels judge guesses and do nothing else. The expected gradient is
    exactly that of the accuracy of guessing, ``softmax(z_b)[y_b]``: this probability times the cross-entropy's.
    ``baseline: mean`` takes from each reward the mean of all other rewards of the minibatch; no other guess depends on
    this one, so the expectation stays (the plain mean would shrink it by ``1 - 1/(B S)``). ``label_bits`` is what the
    feedback can tell at most: one bit an event (a guess that is judged) over the declared budget, and never more than
    the labels of the pool themselves.

    Metrics:
        loss: ``-(1/(B S)) sum_bs (r_bs - baseline_bs) log softmax(z_b)[a_bs]``,
            its gradient is followed, its value means little
        reward: share of right guesses, the mean of ``r_bs``
        accuracy: share of images whose likeliest class was right before the update

    Source:
        Williams (1992), Simple statistical gradient-following algorithms for connectionist reinforcement learning;
        the baseline of other samples: Kool, van Hoof and Welling (2019), Buy 4 REINFORCE samples, get a baseline for
        free.

    Deviations:
        Kool et al. leave out one of several samples of one input; here the other rewards are all of the minibatch's.
    """

    role = "supervise"
    metrics = ("loss", "reward", "accuracy")
    stream_names = ("labels", "order", "guess")
    immutable_keys = ("data", "labels", "optimiser", "momentum", "batch", "samples")  # label_bits are counted once

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: LabelledBatchSize = 128
    optimiser: OptimiserOrContinue = "adam"
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    blur: Blur = 0.0
    shift: Shift = 0
    samples: int = Field(1, ge=1, description="guesses for each image of an update, each judged")
    baseline: Literal["none", "mean"] = Field(
        "mean", description="taken from each reward: nothing, or the mean of the minibatch's other rewards (unbiased)"
    )

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch, self.blur, self.shift)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def objective(self) -> Reinforce:
        source = self.labelled.source
        return Reinforce(source.sense_name, source.read_out, self.baseline)

    def needs(self) -> Needs:
        return self.labelled.needs

    def cost(self, brain: nn.Module) -> Cost:
        labelled, events = self.labelled, self.labelled.batch_size * self.samples
        draws = {"draws": ((labelled.batch_size, self.samples), torch.float32)}
        step = flops.update(brain, self.objective, {**labelled.shapes, **draws})
        told = updates_of(self.budget(), labelled.batch_size, step) * events
        return replace(labelled.cost(step), label_bits=min(labelled.label_bits, told))

    def follows_budget(self) -> bool:
        return True  # ``label_bits`` are counted from it, even where the schedule is constant

    def begin(self, cohort: Cohort, context: Context) -> State:
        return self.descent.begin(context)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return train(cohort, self.objective, self._batches(state["done"], context), self.descent, state, context)

    def _batches(self, done: int, context: Context) -> Iterator[dict[str, Tensor]]:
        """Labelled images, and ``draws`` (N, B, S) uniform in [0, 1), one a guess, after the first ``done``."""
        shape = (self.labelled.batch_size, self.samples)
        draws = uniform(context, "guess", shape, done)
        for batch, drawn in zip(self.labelled.minibatches(context, done), draws, strict=False):
            yield {**batch, "draws": drawn}
