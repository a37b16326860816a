"""School: labelled images and cross-entropy, and what may be learned from others without labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs, memory_size
from devlearn.learners.objectives import CrossEntropy, OwnAnswers, Rule, check_rule, learned_by
from devlearn.stages.fields import (
    Blur,
    Classes,
    LabelledBatchSize,
    LabelledSplit,
    Labels,
    LearningRate,
    Momentum,
    OptimiserOrContinue,
    RareKey,
    RateSchedule,
    Relabel,
    RowByRow,
    Shift,
    TaskHead,
    ViewKey,
    WeightDecay,
)
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.pseudo_labels import PseudoLabels, deformed, mask_rate
from devlearn.stages.shared.task_series import TaskSeries
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import class_counts
from devlearn.tasks.data.augment import Views
from devlearn.tasks.data.rows import begun, check_reader, row_sense, row_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.objectives import Objective
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("supervise")
@final
class Supervise(Stage):
    """Learns classes from labels by minibatch gradient descent on the cross-entropy, and without labels if asked to.

    ``z_b`` are the logits, one for each of K classes, of image b of a minibatch of B, ``y_b`` its label.

    With ``unlabelled: pseudo`` or ``consistency`` an update also shows U = ``unlabelled_batch`` images of the split,
    drawn from all of it, whose labels are never read. For each the learner answers ``q_u = softmax(logits)``, a
    constant for the gradient, about the image as it is (``pseudo``) or about its ``light`` view; where ``max_k q_uk >=
    threshold`` the answer ``a_u = argmax_k q_uk`` is believed (``s_u = 1``, else 0) and is the target for the same
    image (``pseudo``) or for its ``strong`` view, with logits ``z'_u``. ``w`` is ``weight``, after the ``ramp``. With
    ``align`` each ``q_u`` is multiplied by the labels' shares of the classes over a running mean of ``q`` and made to
    sum to one again. The ledger's ``images`` are B + 2 U an update: unlabelled ones are shown to be answered, and to
    learn the answer.

    With ``rule: feedback_alignment`` errors travel back not through the transposed weights but through random matrices,
    fixed for life. With ``row_by_row`` an image is a sequence of its rows: a brain with memory sees one after another,
    and its logits after the last one count. With ``tasks`` what is to be learned changes every so many updates, for
    each learner in another way: a series of tasks, whose online accuracy says whether an old network still learns as
    fast as a young one.

    Metrics:
        loss: cross-entropy in nats, ``-(1/B) sum_b log softmax(z_b)[y_b]``, and with unlabelled images
            ``- (w/U) sum_u s_u log softmax(z'_u)[a_u]`` added
        accuracy: share of the minibatch that was right before the update, ``(1/B) sum_b 1[argmax_k z_bk = y_b]``
        sure: share of the unlabelled images whose answers are believed, ``(1/U) sum_u s_u``; 0 where there are none
        online: with ``tasks``, the mean of ``accuracy`` over the last ``every`` updates, as many as a task has: at a
            task's end its online accuracy

    Source:
        Lee (2013), Pseudo-label, for ``pseudo``; Sohn et al. (2020), FixMatch, and Xie et al. (2020), Unsupervised data
        augmentation for consistency training, for ``consistency``; Berthelot et al. (2020), ReMixMatch, for ``align``;
        Tarvainen and Valpola (2017), Mean teachers are better role models, for ``teacher``; Lillicrap et al. (2016),
        Random synaptic feedback weights support error backpropagation for deep learning, for ``feedback_alignment``;
        Dohare et al. (2024), Loss of plasticity in deep continual learning, for ``tasks``.

    Deviations:
        Lee believes every answer (``threshold: 0``) and trains with dropout. FixMatch's strong views are RandAugment
        and Cutout, its optimiser SGD with momentum; here they are affine and elastic deformations and Adam. The mean
        teacher's own cost is a squared difference of probabilities; here the teacher only gives the answers. The
        labels of the split decide which images the class-balanced pool consists of, and nothing else. Lillicrap et al.
        draw feedback uniformly at a scale of its own; here it is drawn as the weights are. Dohare et al. show one image
        at a time and all 60,000 in each task; here a task is ``every`` minibatches. An image's label is paid for once:
        what new names say of it, log2(K!) bits for all images of a task, is not on the ledger.
    """

    role = "supervise"
    metrics = ("loss", "accuracy", "sure", "online")
    stream_names = ("labels", "order", "views", "unlabelled", "light", "strong", "tasks")
    immutable_keys = (
        "data",
        "labels",
        "optimiser",
        "momentum",
        "unlabelled",
        "unlabelled_batch",
        "align",
        "teacher",
        "rule",
        "row_by_row",
        "classes",
        "head",
        "relabel",
        "rare",
        "tasks",
    )

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: LabelledBatchSize = 128
    optimiser: OptimiserOrContinue = "adam"
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    blur: Blur = 0.0
    shift: Shift = 0
    views: Views | None = Field(None, description="how the labelled images are deformed, anew at every update")
    unlabelled: Literal["none", "pseudo", "consistency"] = Field(
        "none",
        description="what is made of images without labels: nothing, pseudo-labels, consistency under deformation",
    )
    unlabelled_batch: int = Field(256, ge=1, description="images of the split without labels, an update")
    threshold: float = Field(0.95, ge=0, lt=1, description="confidence from which an answer is believed")
    weight: float = Field(1.0, ge=0, description="of the loss on believed answers")
    ramp: int = Field(0, ge=0, description="updates over which this weight grows linearly from 0")
    light: Views | None = Field(None, description="consistency: deformation of the view that is answered")
    strong: Views = Field(
        Views.model_validate({}), description="consistency: deformation of the view that learns the answer"
    )
    align: bool = Field(False, description="scale answers to be as frequent as the labels: distribution alignment")
    teacher: float = Field(
        0.0, ge=0, lt=1, description="who answers: a running mean of the weights with this decay; 0: the learner itself"
    )
    rule: Rule = Field(
        "backprop",
        description="how errors travel back: by the weights, or by fixed random feedback (mlp without memory)",
    )
    row_by_row: RowByRow = False
    classes: Classes = None
    head: TaskHead = None
    view: ViewKey = None
    relabel: Relabel = None
    rare: RareKey = None
    tasks: TaskSeries | None = Field(
        None,
        description="tasks that follow each other within the stage: {kind: permuted, every: UPDATES}, or relabelled; "
        "the budget says how many; empty: one task",
    )

    @model_validator(mode="after")
    def _reads_what_has_labels(self) -> Supervise:
        if self.row_by_row and self.unlabelled != "none":
            raise ValueError(
                f"row_by_row reads labelled images alone; drop row_by_row or unlabelled: {self.unlabelled}"
            )
        return self

    @model_validator(mode="after")
    def _one_task(self) -> Supervise:
        if self.unlabelled != "none" and (self.classes or self.head or self.relabel or self.rare):
            keys = "classes, head, relabel and rare"
            raise ValueError(f"images without labels are of all classes: leave {keys} out, or unlabelled")
        if self.rare and self.labels != "all":
            raise ValueError("a number of labels is drawn class-balanced, and no class is rare then; write labels: all")
        if self.classes and self.labels != "all":
            counts = class_counts(self.data)
            most = len(self.classes) * min(counts[label] for label in self.classes)
            if not len(self.classes) <= self.labels <= most:
                raise ValueError(f"labels of {len(self.classes)} classes are {len(self.classes)} to {most:,}, or all")
        if self.unlabelled != "none" and self.tasks:
            raise ValueError(f"tasks are of labelled images alone; drop tasks or unlabelled: {self.unlabelled}")
        return self

    @property
    def labelled(self) -> LabelledBatches:
        seen = (self.blur, self.shift, self.classes, self.head, self.view, self.relabel, self.rare)
        return LabelledBatches(self.data, self.labels, self.batch, *seen)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def pseudo_labels(self) -> PseudoLabels | None:
        """What is made of images without labels."""
        if self.unlabelled == "none":
            return None
        consistent, views = self.unlabelled == "consistency", (self.light, self.strong)
        asked = (self.labelled.source, self.unlabelled_batch, self.threshold, self.weight, self.ramp, consistent)
        return PseudoLabels(*asked, *views, self.align, self.teacher)

    @property
    def objective(self) -> Objective:
        kind, task = CrossEntropy if self.unlabelled == "none" else OwnAnswers, self.labelled.task
        sense = next(iter(row_sense(task.source))) if self.row_by_row else task.source.sense_name
        return learned_by(self.rule, kind(sense, task.read_out))

    def rehearsed(self) -> LabelledBatches | None:
        return None if self.tasks else self.shown()

    def shown(self) -> LabelledBatches | None:
        plain = self.unlabelled == "none" and not self.row_by_row and self.rule == "backprop"
        return self.labelled if plain else None

    def columns(self) -> tuple[str, ...]:
        return self.metrics if self.tasks else tuple(name for name in self.metrics if name != "online")

    def needs(self) -> Needs:
        if self.row_by_row:
            return Needs(row_sense(self.labelled.source), self.labelled.needs.heads)
        return replace(self.labelled.needs, feedback=self.rule == "feedback_alignment")

    def cost(self, brain: nn.Module) -> Cost:
        return replace(self._cost(brain), memory=self.tasks.memory) if self.tasks else self._cost(brain)

    def _cost(self, brain: nn.Module) -> Cost:
        check_rule(self.rule, brain)
        own, more = self.labelled, self.pseudo_labels
        if self.row_by_row:
            check_reader(brain, own.batch_size)
            rows, numbers = row_shape(own.source)
            read = {
                "images": ((own.batch_size, rows, numbers), torch.uint8),
                "starts": ((own.batch_size, rows), torch.bool),
                "hidden": ((own.batch_size, memory_size(brain)), torch.float32),
            }
            return own.cost(flops.update(brain, self.objective, {**own.shapes, **read}))
        if more is None:
            return own.cost(flops.update(brain, self.objective, own.shapes))
        step = flops.update(brain, self.objective, {**own.shapes, **more.shapes})
        return own.cost(step + more.flops(brain), own.batch_size + more.images)

    def begin(self, cohort: Cohort, context: Context) -> State:
        more = self.pseudo_labels
        noted = self.tasks.begin(cohort.n, cohort.device) if self.tasks else {}
        return {**self.descent.begin(context), **(more.begin(cohort) if more else {}), **noted}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        descent, objective = self.descent, self.objective
        optimiser = descent.make_optimiser(cohort, state["moments"])
        for batch in self.minibatches(cohort, state, context):
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            read = begun(batch["images"], cohort) if self.row_by_row else {}
            metrics = cohort.update(objective, {**batch, **read}, optimiser)
            state["done"] += 1
            online = {"online": self.tasks.online(state, metrics["accuracy"])} if self.tasks else {}
            yield {**metrics, "sure": mask_rate(batch), **online}

    def minibatches(self, cohort: Cohort, state: State, context: Context) -> Iterator[dict[str, Tensor]]:
        """Labelled images, deformed where asked, and unlabelled ones with answers: (N, B, ...) and (N, U, ...)."""
        batches = self._seen(state, context)
        if self.tasks:
            batches = self.tasks.shown(batches, self.labelled.task.outputs, context, state["done"])
        more = self.pseudo_labels
        return more.added_to(batches, self.labelled, cohort, state, context) if more else batches

    def _seen(self, state: State, context: Context) -> Iterator[dict[str, Tensor]]:
        for batch in self.labelled.minibatches(context, state["done"]):
            yield {**batch, "images": deformed(batch["images"], self.views, context, "views", state["done"])}
