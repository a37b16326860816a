"""School: labelled images and cross-entropy."""

from collections.abc import Iterator

from torch import nn

from devlearn import flops
from devlearn.cohort import Cohort
from devlearn.data import IMAGE_SENSE
from devlearn.lessons import DIGITS, Lessons
from devlearn.objectives import CrossEntropy
from devlearn.stage import Context, Metrics, State, Work, stage


@stage("supervise")
class Supervise(Lessons):
    """Learns digits from labels by minibatch gradient descent on the cross-entropy.

    ``z_b`` are the K = 10 logits of image b of a minibatch of B, ``y_b`` its label.

    Metrics:
        loss: cross-entropy in nats, ``-(1/B) sum_b log softmax(z_b)[y_b]``
        accuracy: share of the minibatch that was right before the update, ``(1/B) sum_b 1[argmax_k z_bk = y_b]``
    """

    metrics = ("loss", "accuracy")

    @property
    def objective(self) -> CrossEntropy:
        return CrossEntropy(IMAGE_SENSE, DIGITS)

    def work(self, brain: nn.Module) -> Work:
        cost = flops.update(brain, self.objective, self.shapes)
        return Work(updates=1, images=self.rows, flops=cost, labels=self.pool, label_bits=self.bits)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser = self.rule(cohort, state)
        for batch in self.minibatches(cohort, state, context):
            optimiser.set_lr(self.rate(state, context))
            metrics = cohort.update(self.objective, batch, optimiser)
            state["done"] += 1
            yield metrics
