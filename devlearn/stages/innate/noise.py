"""Before the eyes open: random noise with random answers, which brings weights into line with their feedback."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs
from devlearn.learners.objectives import CrossEntropy, Rule, check_rule, learned_by
from devlearn.stages.fields import AdamRate, RateSchedule, SenseOf
from devlearn.stages.shared.train import Descent, evaluate_objective, train
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import DataSource, source_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.streams import Streams

HELD_OUT = 1_000


@stage("innate.noise")
@final
class Noise(Stage):
    """Learns random labels of random noise by feedback alignment: nothing but the weights' alignment can be gained.

    Every update draws B new images of independent pixels ``x ~ N(0, sd^2)`` (on the scale where ink is 0..1) and
    for each a label ``y_b``, uniform over the K classes of the data set whose images it will see and independent of it;
    ``z_b`` are the logits. No data is read and no label is charged. What can be gained is the alignment of weights with
    the fixed feedback by which errors will travel back in school (see the probe ``alignment``); with ``rule: backprop``
    there is nothing to align.

    Metrics:
        loss: cross-entropy in nats, ``-(1/B) sum_b log softmax(z_b)[y_b]``; ``log K`` is the least there is, 2.303 for
        ten classes
        accuracy: share of the minibatch that was right, ``(1/B) sum_b 1[argmax_k z_bk = y_b]``; 1 / K is chance

    Source:
        Cheon, Lee and Paik (2024), Pretraining with random noise for fast and robust learning without weight transport.

    Deviations:
        Weights and feedback are drawn as torch's layers are (Kaiming uniform), each in its own stream of draws.
    """

    role = "innate"
    metrics = ("loss", "accuracy")
    stream_names = ("noise", "answers")
    immutable_keys = ("rule",)
    controls = ("shuffle", "scale", "compute")

    sense: SenseOf = "mnist"
    batch: int = Field(64, ge=1, description="images of noise an update")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    sd: float = Field(1.0, gt=0, description="standard deviation of a pixel, where ink is 0..1")
    rule: Rule = Field(
        "feedback_alignment", description="how errors travel back: by fixed random feedback, or backprop"
    )

    @property
    def _seen(self) -> DataSource:
        """The data set in the manner of whose images noise is drawn."""
        return source_named(self.sense)

    @property
    def _cross_entropy(self) -> CrossEntropy:
        return CrossEntropy(self._seen.sense_name, self._seen.read_out)

    def needs(self) -> Needs:
        return Needs(self._seen.senses, self._seen.heads, feedback=self.rule == "feedback_alignment")

    def cost(self, brain: nn.Module) -> Cost:
        check_rule(self.rule, brain)
        shapes = {"images": ((self.batch, *self._seen.shape), torch.float32), "labels": ((self.batch,), torch.int64)}
        step = flops.update(brain, learned_by(self.rule, self._cross_entropy), shapes)
        return Cost(updates=1, images=self.batch, flops=step)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        objective, descent = learned_by(self.rule, self._cross_entropy), Descent(self.lr, self.schedule)
        return train(cohort, objective, self.minibatches(context, state["done"]), descent, state, context)

    def minibatches(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """Noise in the unit of bytes, (N, B, *shape) float32, and ``labels`` (N, B), after the first ``done``."""
        for number in count(done):
            noise, answers = (context.streams(name, counter=number) for name in ("noise", "answers"))
            yield self._drawn(noise, answers, self.batch, context)

    def _drawn(self, noise: Streams, answers: Streams, rows: int, context: Context) -> dict[str, Tensor]:
        images = torch.from_numpy(noise.normal(rows, *self._seen.shape)).to(context.device)
        labels = torch.from_numpy(answers.integers(self._seen.classes, rows)).to(context.device)
        return {"images": images.mul_(255 * self.sd), "labels": labels}

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """The objective on 1,000 new images of noise for each learner."""
        batch = self._drawn(context.streams("noise"), context.streams("answers"), HELD_OUT, context)
        return evaluate_objective(cohort, self._cross_entropy, batch)
