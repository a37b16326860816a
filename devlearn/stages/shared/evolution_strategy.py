"""What stages share that climb by evolution strategies: perturbed copies are marked, and no mark is differentiated."""

from collections.abc import Iterator
from functools import partial
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy
from devlearn.stages.context import Context, State
from devlearn.stages.shared.labelled import DIGITS, Lessons
from devlearn.stages.shared.population import Judge, Noise, Scores, climb
from devlearn.stages.stage import Metrics, Work
from devlearn.tasks.data import IMAGE_SENSE

BLOCK = 32  # generations that share a table of noise


class Generations(Lessons):
    """A stage whose updates are generations of mirrored copies, judged on labelled minibatches."""

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

    def judging(self, brain: nn.Module) -> int:
        """FLOPs of judging one copy."""
        return flops.forward(brain, flops.blank_batch(self.shapes)["images"], IMAGE_SENSE, DIGITS)

    def work(self, brain: nn.Module) -> Work:
        return Work(
            updates=1,
            images=self.population * self.rows,
            flops=self.population * self.judging(brain),
            labels=self.pool,
            label_bits=self.bits,
        )

    def _better(self, scores: Scores) -> Tensor:
        return scores["accuracy"] if self.fitness == "accuracy" else -scores["loss"]

    def generations(
        self, cohort: Cohort, state: State, context: Context, judge: Judge | None = None
    ) -> Iterator[Metrics]:
        """Climb, endlessly, from where ``state`` stands; ``judge`` marks copies otherwise than by forward passes."""
        optimiser, noise = self.rebuilt(cohort, state["moments"]), None
        for batch in self.minibatches(cohort, state, context):
            block, place = divmod(state["done"], BLOCK)
            if noise is None or place == 0:
                names, source = cohort.reached(self.objective, self.shapes), context.streams("noise", counter=block)
                noise = Noise.draw(source, cohort, names, BLOCK, self.population // 2)
            directions = partial(noise.directions, generation=place)
            uphill, means = climb(cohort, directions, self.sigma, self.objective, batch, self._better, judge)
            optimiser.set_lr(self.rate(state, context))
            cohort.descend({name: -slope for name, slope in uphill.items()}, optimiser)
            state["done"] += 1
            yield means
