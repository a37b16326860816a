"""School: labelled images and cross-entropy, and what may be learned from others without labels."""

from collections.abc import Iterator
from dataclasses import replace

from pydantic import Field
from torch import nn

from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy, Objective, OwnAnswers, Rule, check_rule, learned_by
from devlearn.stages.context import Context, State
from devlearn.stages.shared.labelled import DIGITS
from devlearn.stages.shared.semi_supervised import Unlabelled, believed
from devlearn.stages.stage import Metrics, Work, stage
from devlearn.tasks.data import IMAGE_SENSE


@stage("supervise")
class Supervise(Unlabelled):
    """Learns digits from labels by minibatch gradient descent on the cross-entropy; perhaps from its own answers too.

    ``z_b`` are the K = 10 logits of image b of a minibatch of B, ``y_b`` its label. With ``unlabelled: pseudo`` or
    ``consistency`` an update also shows U = ``unlabelled_batch`` images of the split, drawn from all of it, whose
    labels are never read. For each the learner answers ``q_u = softmax(logits)``, a constant for the gradient, about
    the image as it is (``pseudo``) or about its ``light`` view; where ``max_k q_uk >= threshold`` the answer
    ``a_u = argmax_k q_uk`` is believed (``s_u = 1``, else 0) and is the target for the same image (``pseudo``) or for
    its ``strong`` view, with logits ``z'_u``. ``w`` is ``weight``, after the ``ramp``. With ``align`` each ``q_u`` is
    multiplied by the labels' shares of the classes over a running mean of ``q`` and made to sum to one again. With
    ``rule: feedback_alignment`` errors travel back not by the weights but by random feedback, fixed for life.

    Metrics:
        loss: cross-entropy in nats, ``-(1/B) sum_b log softmax(z_b)[y_b]``, and with unlabelled images
            ``- (w/U) sum_u s_u log softmax(z'_u)[a_u]`` added
        accuracy: share of the minibatch that was right before the update, ``(1/B) sum_b 1[argmax_k z_bk = y_b]``
        sure: share of the unlabelled images whose answers are believed, ``(1/U) sum_u s_u``; 0 where there are none

    Source:
        Lee (2013), Pseudo-label, for ``pseudo``; Sohn et al. (2020), FixMatch, and Xie et al. (2020), Unsupervised data
        augmentation for consistency training, for ``consistency``; Berthelot et al. (2020), ReMixMatch, for ``align``;
        Tarvainen and Valpola (2017), Mean teachers are better role models, for ``teacher``; Lillicrap et al. (2016),
        Random synaptic feedback weights support error backpropagation for deep learning, for ``feedback_alignment``.

    Deviations:
        Lee believes every answer (``threshold: 0``) and trains with dropout. FixMatch's strong views are RandAugment
        and Cutout, its optimiser SGD with momentum; here they are affine and elastic deformations and Adam. The mean
        teacher's own cost is a squared difference of probabilities; here the teacher only gives the answers. The
        labels of the split decide which images the class-balanced pool consists of, and nothing else. Lillicrap et al.
        draw feedback uniformly at a scale of its own; here it is drawn as the weights are.
    """

    metrics = ("loss", "accuracy", "sure")
    fixed = (*Unlabelled.fixed, "rule")

    rule: Rule = Field(
        "backprop",
        description="how errors travel back: by the weights, or by fixed random feedback (mlp without memory)",
    )

    @property
    def objective(self) -> Objective:
        kind = OwnAnswers if self.extra else CrossEntropy
        return learned_by(self.rule, kind(IMAGE_SENSE, DIGITS))

    def needs(self) -> Needs:
        return replace(super().needs(), feedback=self.rule == "feedback_alignment")

    def work(self, brain: nn.Module) -> Work:
        check_rule(self.rule, brain)
        cost = flops.update(brain, self.objective, self.wide) + self.asking(brain)
        images = self.rows + self.extra
        return Work(updates=1, images=images, flops=cost, labels=self.pool, label_bits=self.bits)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser = self.rebuilt(cohort, state["moments"])
        for batch in self.minibatches(cohort, state, context):
            optimiser.set_lr(self.rate(state, context))
            metrics = cohort.update(self.objective, batch, optimiser)
            state["done"] += 1
            yield {**metrics, "sure": believed(batch)}
