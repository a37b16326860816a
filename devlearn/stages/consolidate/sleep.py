"""Sleep: what was kept of earlier stages is gone through again, and nothing new is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs
from devlearn.stages.fields import (
    BatchSize,
    LearningRate,
    Momentum,
    OptimiserOrContinue,
    RateSchedule,
    SenseOf,
    WeightDecay,
    source_in,
)
from devlearn.stages.protections.memory import FILLED, IMAGES, Draws, shapes, taken
from devlearn.stages.protections.protection import HEADS
from devlearn.stages.protections.rehearsal import cross_entropy
from devlearn.stages.shared.target_network import target_network
from devlearn.stages.shared.train import Descent, train
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.streams import Streams
from devlearn.tasks.data.sham import scattered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.objectives.objective import Batch, Result
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.data import DataSource

MEMORY = "replay"  # the protection whose images are gone through


@stage("consolidate.sleep")
@final
class Sleep(Stage):
    """Goes through the images that ``protect: {kind: replay}`` kept of earlier stages, each by its own read-out.

    A minibatch is B = ``batch`` of them, drawn with replacement. With ``answers: kept`` the targets y are their labels,
    with ``own`` the likeliest answers of the learner as it was when the stage began; FLOPs of that earlier self's
    forward pass are charged with every update. The memory stays as it is. With ``sham: noise`` as many images without
    structure are shown instead: the values of each pixel over a learner's memory are permuted among the images; the
    learner answers them itself, as with ``own``.

    Metrics:
        loss: ``-(1/B) sum_b log softmax(z_b)[y_b]`` in nats, z_b the logits of the image's read-out
        agreement: share of the minibatch that was answered so before the update, ``(1/B) sum_b 1[argmax_k z_bk = y_b]``

    Source:
        McClelland, McNaughton and O'Reilly (1995), Why there are complementary learning systems in the hippocampus and
        neocortex, for replay between experiences; Robins (1995), Catastrophic forgetting, rehearsal and
        pseudorehearsal, whose noise is answered by the network itself.

    Deviations:
        Robins interleaves rehearsal with what is new, draws noise uniformly and keeps whole answers; where nothing else
        is learned, the whole answers of the stage's start are what is answered already, and teach nothing.
    """

    role = "consolidate"
    metrics = ("loss", "agreement")
    stream_names = ("order", "noise")
    immutable_keys = ("sense", "read_outs", "batch", "optimiser", "momentum", "answers", "sham")
    recalls = (MEMORY,)
    controls = ("sham", "compute")

    sense: SenseOf = "mnist"
    read_outs: Annotated[tuple[str, ...], Field(description="those that answer; empty: that of the data set")] = ()
    batch: BatchSize = 128
    optimiser: OptimiserOrContinue = "adam"
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    answers: Literal["kept", "own"] = Field(
        "kept", description="targets: the labels that were kept, or what the learner answers when the stage begins"
    )
    sham: Literal["none", "noise"] = Field(
        "none", description="a control: images without structure, answered by the learner itself"
    )

    @property
    def source(self) -> DataSource:
        source = source_in({"sense": self.sense})
        assert source is not None
        return source

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def objective(self) -> Recalled:
        return Recalled(self.source.sense_name, self.read_outs or (self.source.read_out,))

    @property
    def _own(self) -> bool:
        return self.answers == "own" or self.sham == "noise"

    def needs(self) -> Needs:
        return Needs(self.source.senses, {} if self.read_outs else self.source.heads)

    def unprepared(self, before: Sequence[Stage]) -> str:
        kept = [other for other in before if other.protect is not None and other.protect.kind == MEMORY]
        tasks = [labelled.task for labelled in (other.rehearsed() for other in kept) if labelled is not None]
        if not tasks:
            return f"{self.kind} needs a stage before it with protect: {{kind: {MEMORY}, ..}}, which keeps the images"
        if other := next((t.source for t in tasks if t.source.sense_name != self.source.sense_name), None):
            return f"the images that were kept are of {other.name}; write sense: {other.name}"
        if missing := {task.read_out for task in tasks} - set(self.objective.heads):
            every = ", ".join(dict.fromkeys(task.read_out for task in tasks))
            return f"images of the read-out {min(missing)!r} were kept; write read_outs: [{every}]"
        return ""

    def cost(self, brain: nn.Module) -> Cost:
        objective = self.objective
        step = flops.update(brain, objective, shapes(self.source, self.batch))
        if not self._own:
            return Cost(updates=1, images=self.batch, flops=step)
        blank = torch.empty((self.batch, *self.source.shape), device="meta")
        asked = flops.forward(brain, blank, objective.sense, objective.heads)
        weights = sum(4 * weight.numel() for weight in brain.parameters())
        return Cost(updates=1, images=2 * self.batch, flops=step + asked, memory=weights)

    def begin(self, cohort: Cohort, context: Context) -> State:
        before = {name: weight.clone() for name, weight in cohort.parameters().items()} if self._own else {}
        return {**self.descent.begin(context), "before": before}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return train(cohort, self.objective, self.recalled(cohort, state, context), self.descent, state, context)

    def recalled(self, cohort: Cohort, state: State, context: Context) -> Iterator[dict[str, Tensor]]:
        """Minibatches of what was kept, with targets, endlessly after those that are done."""
        memory, objective = dict(context.kept[MEMORY]), self.objective
        if self.sham == "noise":
            memory[IMAGES] = without_structure(memory, context.streams("noise"))
        teacher = target_network(cohort, state["before"]) if self._own else cohort
        draws, done = Draws(context, "order"), state["done"]
        while True:
            batch, _ = taken(memory, draws.at(done, self.batch), objective.heads, memory[HEADS])
            if self._own:
                with torch.no_grad():
                    outputs = teacher(batch["old_images"], objective.sense, objective.heads)
                likeliest = torch.stack([logits.argmax(-1) for logits in outputs])  # (heads, N, B)
                batch["old_labels"] = likeliest.gather(0, batch["old_owners"].unsqueeze(0))[0]
            yield batch
            done += 1


def without_structure(memory: State, streams: Streams) -> Tensor:
    """As many images as each learner keeps, (N, S, *shape), whose pixels know nothing of each other."""
    images: Tensor = memory[IMAGES].clone()
    for row, (held, rng) in enumerate(zip(memory[FILLED].tolist(), streams.generators, strict=True)):
        images[row : row + 1, :held] = scattered(images[row : row + 1, :held], Streams([rng]))
    return images


@dataclass(frozen=True)
class Recalled:
    """Cross-entropy of targets, each by its own read-out; with the share whose likeliest answer is the target.

    Batch: old_images (B, *shape), old_labels (B,) and old_owners (B,), which are numbers in ``heads``.
    """

    stacks: ClassVar[bool] = True
    sense: str
    heads: tuple[str, ...]

    def __call__(self, brain: Any, batch: Batch) -> Result:
        outputs, labels = brain(batch["old_images"], self.sense, self.heads), batch["old_labels"]
        loss = cross_entropy(outputs, labels, batch["old_owners"])
        likeliest = torch.stack([logits.detach().argmax(-1) for logits in outputs])
        right = likeliest.gather(0, batch["old_owners"].unsqueeze(0))[0] == labels
        return loss, {"agreement": right.to(loss.dtype).mean(-1)}
