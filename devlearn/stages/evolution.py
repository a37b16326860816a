"""School without gradients: perturbed copies are marked, and the learner moves towards the better ones."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from devlearn import flops
from devlearn.cohort import Cohort
from devlearn.data import IMAGE_SENSE
from devlearn.lessons import DIGITS, Lessons
from devlearn.objectives import CrossEntropy
from devlearn.population import Scores, climb
from devlearn.stage import Context, Metrics, State, Work, stage


@stage("supervise.evolution")
class Evolution(Lessons):
    """Climbs 0/1 accuracy itself, or the cross-entropy as a control, by evolution strategies: no gradient anywhere.

    An update is a generation: P = ``population`` copies, weights plus and minus ``sigma`` times P/2 normal directions
    ``d_i``, see one minibatch of B images, forward passes only. Their fitness becomes centred ranks ``F`` in -1/2..1/2,
    and the optimiser follows ``sum_i (F_i+ - F_i-) d_i / (P sigma)``. Parameters that the read-out does not depend on
    stay. ``images`` counts what the copies are shown, P x B a generation; FLOPs are P forward passes.

    Metrics:
        loss: mean cross-entropy of the copies on the minibatch, in nats
        accuracy: mean accuracy of the copies on the minibatch

    Source:
        Salimans, Ho, Chen, Sidor and Sutskever (2017), Evolution strategies as a scalable alternative to reinforcement
        learning, Algorithm 1 with mirrored sampling and fitness shaping.

    Deviations:
        Directions are drawn anew, not cut from a table of noise; copies of equal fitness share their mean rank.
    """

    metrics = ("loss", "accuracy")

    batch: int = Field(256, ge=1, description="images that each copy of a generation sees; never more than labels")
    lr: float = Field(0.02, gt=0, description="learning rate of the rule that follows the estimated slope")
    population: int = Field(128, ge=2, multiple_of=2, description="copies of a generation, in mirrored pairs")
    sigma: float = Field(0.02, gt=0, description="standard deviation of the perturbation of every weight")
    fitness: Literal["accuracy", "cross_entropy"] = Field(
        "accuracy", description="what makes a copy better: more right answers, or a lower cross-entropy"
    )

    @property
    def objective(self) -> CrossEntropy:
        return CrossEntropy(IMAGE_SENSE, DIGITS)

    def work(self, brain: nn.Module) -> Work:
        shown = flops.meta_batch(self.shapes)["images"]
        return Work(
            updates=1,
            images=self.population * self.rows,
            flops=self.population * flops.forward(brain, shown, IMAGE_SENSE, DIGITS),
            labels=self.pool,
            label_bits=self.bits,
        )

    def _better(self, scores: Scores) -> Tensor:
        return scores["accuracy"] if self.fitness == "accuracy" else -scores["loss"]

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        optimiser, names = self.rule(cohort, state), None
        for batch in self.minibatches(cohort, state, context):
            names = names or cohort.reached(self.objective, batch)
            streams = {name: context.streams("noise", name, counter=state["done"]) for name in names}
            uphill, means = climb(
                cohort, streams, self.population // 2, self.sigma, self.objective, batch, self._better
            )
            optimiser.set_lr(self.rate(state, context))
            cohort.descend({name: -slope for name, slope in uphill.items()}, optimiser)
            state["done"] += 1
            yield means
