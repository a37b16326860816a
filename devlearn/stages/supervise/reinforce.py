"""School by trial and error: a guess for each image, judged right or wrong."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Reinforce
from devlearn.stages.context import Context, State
from devlearn.stages.shared.labelled import DIGITS, Lessons
from devlearn.stages.stage import Metrics, Work, stage
from devlearn.tasks.data import IMAGE_SENSE

BLOCK = 64  # minibatches whose guesses are drawn together


@stage("supervise.reinforce")
class Guess(Lessons):
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

    metrics = ("loss", "reward", "accuracy")
    draws = (*Lessons.draws, "guess")
    fixed = (*Lessons.fixed, "batch", "samples")  # events are counted once, for label_bits

    samples: int = Field(1, ge=1, description="guesses for each image of an update, each judged")
    baseline: Literal["none", "mean"] = Field(
        "mean", description="taken from each reward: nothing, or the mean of the minibatch's other rewards (unbiased)"
    )

    @property
    def objective(self) -> Reinforce:
        return Reinforce(IMAGE_SENSE, DIGITS, self.baseline)

    def work(self, brain: nn.Module) -> Work:
        draws = {"draws": ((self.rows, self.samples), torch.float32)}
        cost = flops.update(brain, self.objective, {**self.shapes, **draws})
        bits = min(self.bits, self._updates(cost) * self.rows * self.samples)
        return Work(updates=1, images=self.rows, flops=cost, labels=self.pool, label_bits=bits)

    def _updates(self, cost: int) -> float:
        """Updates of the declared budget, at ``cost`` FLOPs each; endless without one."""
        if (budget := self.budget()) is None:
            return float("inf")
        unit, size = budget
        return -(-size // {"updates": 1, "images": self.rows, "flops": cost}[unit])

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser, draws = self.rebuilt(cohort, state["moments"]), None
        for batch in self.minibatches(cohort, state, context):
            block, place = divmod(state["done"], BLOCK)
            if draws is None or place == 0:
                draws = self._draws(context, block)
            optimiser.set_lr(self.rate(state, context))
            metrics = cohort.update(self.objective, {**batch, "draws": draws[:, place]}, optimiser)
            state["done"] += 1
            yield metrics

    def _draws(self, context: Context, block: int) -> Tensor:
        """Uniform numbers, one a guess, for a block of minibatches: (N, BLOCK, B, S)."""
        drawn = context.streams("guess", counter=block).random(BLOCK, self.rows, self.samples)
        return torch.from_numpy(drawn).to(context.device)
