"""How weights change: the rule, its learning rate, and the loop of minibatches, which every stage with a loss has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devlearn.learners.optimiser import Optimiser
from devlearn.learners.schedule import Schedule, factor
from devlearn.stages.fields import OptimiserName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.objectives import Objective
    from devlearn.learners.optimiser import Weighted
    from devlearn.stages.context import Context, State


@dataclass(frozen=True)
class Descent:
    """The rule by which weights follow a gradient, and the schedule of its learning rate over the declared budget."""

    lr: float
    schedule: Schedule = "constant"
    optimiser: OptimiserName = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0

    def begin(self, context: Context) -> State:
        """Nothing done, and moments that are empty or those of the stage before. Raises ValueError without these."""
        return {"done": 0, "moments": context.inherit() if self.optimiser == "continue" else {}}

    def make_optimiser(self, owner: Weighted, moments: dict[str, Any]) -> Optimiser:
        """The optimiser of the learners, or of what else they learn, with its moments, which it keeps up to date."""
        return Optimiser(
            owner, moments, self.optimiser, self.lr, weight_decay=self.weight_decay, momentum=self.momentum
        )

    def learning_rate(self, done: int, context: Context) -> float:
        """The learning rate after ``done`` yields."""
        return self.lr * factor(self.schedule, done, context.planned)


def train(
    cohort: Cohort,
    objective: Objective,
    batches: Iterable[dict[str, Tensor]],
    descent: Descent,
    state: State,
    context: Context,
) -> Iterator[dict[str, Tensor]]:
    """One gradient step for each of the minibatches (N, B, ...), each with a yield of the objective's metrics (N,).

    ``state`` has ``done``, the minibatches taken, and ``moments``. ``batches`` begin after the first ``done``.
    """
    optimiser = descent.make_optimiser(cohort, state["moments"])
    for batch in batches:
        optimiser.set_lr(descent.learning_rate(state["done"], context))
        metrics = cohort.update(objective, batch, optimiser)
        state["done"] += 1
        yield metrics


def evaluate_objective(cohort: Cohort, objective: Objective, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The objective on a minibatch (N, B, ...) without a step: ``loss`` and its metrics, (N,) each."""
    loss, metrics = cohort.losses(objective, batch)
    return {"loss": loss, **metrics}
