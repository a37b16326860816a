"""Birth weights from which little tasks are learned fast: Reptile."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.schedule import Schedule
from devlearn.stages.context import Context, State
from devlearn.stages.shared.ancestors import Ancestral
from devlearn.stages.shared.labelled import DIGITS
from devlearn.stages.stage import Metrics, Work, stage
from devlearn.tasks.data import CLASSES, IMAGE_SENSE


@stage("innate.reptile")
class Reptile(Ancestral):
    """Moves birth weights towards what few labels teach, task after task.

    A task is ``batch`` labelled images. The ancestor learns ``inner`` steps of it, each on ``inner_batch`` of the
    images in turn, by a fresh optimiser, from weights ``w`` to ``w'``; then ``w`` becomes ``w + lr (w' - w)``.
    With ``relabel`` every task gives the digits other names, so that only how to tell them apart can be passed on.
    ``updates`` counts inner steps: a task is ``inner`` of them.

    Metrics:
        loss: cross-entropy of the task's first minibatch, before anything of it is learned, in nats
        accuracy: share of the task's first minibatch that was right then
        learned: share of the task's last minibatch that was right, after all inner steps but one

    Source:
        Nichol, Achiam and Schulman (2018), On first-order meta-learning algorithms.

    Deviations:
        A task is a random handful of images of all ten digits, not of N classes with K images each, and digits keep
        their names unless ``relabel``. Inner Adam keeps its first moment.
    """

    metrics = ("loss", "accuracy", "learned")
    draws = (*Ancestral.draws, "names")
    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    batch: int = Field(50, ge=1, description="labelled images of a task; never more than there are labels")
    lr: float = Field(1.0, gt=0, le=1, description="how far birth weights move towards what a task has taught")
    schedule: Schedule = Field("linear", description="of that over the declared budget")
    inner: int = Field(10, ge=1, description="gradient steps of a task")
    inner_batch: int = Field(10, ge=1, description="images of a task that such a step sees, in turn")
    inner_lr: float = Field(1e-3, gt=0, description="learning rate of those steps")
    relabel: bool = Field(False, description="whether every task gives the digits other names")

    @property
    def objective(self) -> CrossEntropy:
        return CrossEntropy(IMAGE_SENSE, DIGITS)

    @property
    def _part(self) -> "Reptile":
        """The stage with one inner step's images for a minibatch."""
        return self.model_copy(update={"batch": min(self.inner_batch, self.rows)})

    def work(self, brain: nn.Module) -> Work:
        step = flops.update(brain, self.objective, self._part.shapes)
        images = self.inner * self._part.rows
        return Work(self.inner, images=images, flops=self.inner * step, labels=self.pool, label_bits=self.bits)

    def evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for task in self.minibatches(ancestors, state, context):
            if self.relabel:
                names = torch.from_numpy(context.streams("names", counter=state["done"]).permutation(CLASSES))
                task = {**task, "labels": names.to(context.device).gather(1, task["labels"])}
            born = {name: weights.clone() for name, weights in ancestors.parameters().items()}
            first, last = self._learn(ancestors, task)
            for name, weights in ancestors.parameters().items():
                weights.copy_(born[name].lerp(weights, self.rate(state, context)))
            state["done"] += 1
            yield {**first, "learned": last["accuracy"]}

    def _learn(self, ancestors: Cohort, task: dict[str, Tensor]) -> tuple[Metrics, Metrics]:
        """All inner steps of a task; what the first and the last one said."""
        optimiser = Optimiser(ancestors, {}, self.optimiser, self.inner_lr, **self.decay)
        size, found = self._part.rows, []
        for step in range(self.inner):
            rows = (step * size + torch.arange(size, device=ancestors.device)) % self.rows
            found.append(
                ancestors.update(self.objective, {name: value[:, rows] for name, value in task.items()}, optimiser)
            )
        return found[0], found[-1]
