"""School without gradients: perturbed copies are marked, and the learner moves towards the better ones."""

from collections.abc import Iterator
from functools import partial
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from devlearn import flops
from devlearn.cohort import Cohort
from devlearn.data import IMAGE_SENSE
from devlearn.lessons import DIGITS, Lessons
from devlearn.objectives import CrossEntropy
from devlearn.population import Noise, Scores, climb
from devlearn.stage import Context, Metrics, State, Work, stage

BLOCK = 32  # generations that share a table of noise


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
        learning, Algorithm 1 with mirrored sampling, fitness shaping and a table of noise.

    Deviations:
        Copies of equal fitness share their mean rank, as accuracy has many ties; each learner has its own table, of
        2^20 numbers (or twice the weights, where that is more), drawn anew every 32 generations.
    """

    metrics = ("loss", "accuracy")
    draws = (*Lessons.draws, "noise")

    batch: int = Field(64, ge=1, description="images that each copy of a generation sees; never more than labels")
    lr: float = Field(0.03, gt=0, description="learning rate of the rule that follows the estimated slope")
    population: int = Field(128, ge=2, multiple_of=2, description="copies of a generation, in mirrored pairs")
    sigma: float = Field(0.06, gt=0, description="standard deviation of the perturbation of every weight")
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
        optimiser, noise = self.rebuilt(cohort, state["moments"]), None
        for batch in self.minibatches(cohort, state, context):
            block, place = divmod(state["done"], BLOCK)
            if noise is None or place == 0:
                names, source = cohort.reached(self.objective, batch), context.streams("noise", counter=block)
                noise = Noise.draw(source, cohort, names, BLOCK, self.population // 2)
            directions = partial(noise.directions, generation=place)
            uphill, means = climb(cohort, directions, self.sigma, self.objective, batch, self._better)
            optimiser.set_lr(self.rate(state, context))
            cohort.descend({name: -slope for name, slope in uphill.items()}, optimiser)
            state["done"] += 1
            yield means
