"""Looking: tell which of many views shows the same image."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import NTXent
from devlearn.stages.fields import AdamRate, PairBatchSize, RateSchedule, Sham, UnlabelledSplit
from devlearn.stages.shared.train import Descent, train
from devlearn.stages.shared.unlabelled import TwoViews, UnlabelledBatches
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data.augment import Views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.data import DataSource

HEAD = "contrast"


@stage("pretrain.contrast")
@final
class Contrast(Stage):
    """Contrastive learning: tells, among all views of a minibatch, the one that shows the same image.

    Each of B images is deformed twice; a projection (a hidden layer, then a read-out of ``project`` numbers) maps the
    2B views to unit vectors ``v``. It is left behind when the stage ends: what stays is the trunk.

    Metrics:
        loss: mean over the 2B views i, with partner j, of ``-ln(exp(v_i.v_j / t) / sum_{k != i} exp(v_i.v_k / t))``
        accuracy: share of views whose nearest other is their partner

    Source:
        Chen, Kornblith, Norouzi and Hinton (2020), A simple framework for contrastive learning of visual
        representations, arXiv:2002.05709.

    Deviations:
        Views are affine and elastic deformations instead of crops, colour jitter and blur; Adam instead of LARS; small
        minibatches, so there are fewer wrong views to tell apart.
    """

    role = "pretrain"
    metrics = ("loss", "accuracy")
    stream_names = ("order", "views")
    immutable_keys = ("data", "project", "hidden")
    controls = ("shuffle", "sham", "compute")

    batch: PairBatchSize = 256
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    data: UnlabelledSplit = "mnist.train"
    sham: Sham = False
    views: Views = Field(Views.model_validate({}), description="how much a view of an image is deformed")
    temperature: float = Field(0.5, gt=0, description="what similarities are divided by before the softmax")
    project: int = Field(64, ge=1, description="numbers that a view is mapped to")
    hidden: int = Field(128, ge=0, description="units of the projection's hidden layer; 0: it is linear")

    @property
    def two_views(self) -> TwoViews:
        return TwoViews(UnlabelledBatches(self.data, self.batch, self.sham), self.views)

    @property
    def _seen(self) -> DataSource:
        return self.two_views.pictures.source

    @property
    def _head(self) -> str:
        return self._seen.head_for(HEAD)

    @property
    def objective(self) -> NTXent:
        return NTXent(self._seen.sense_name, self._head, self.temperature, len(self._seen.shape))

    def needs(self) -> Needs:
        return Needs(self._seen.senses, {self._head: Head(self.project, hidden=self.hidden)})

    def cost(self, brain: nn.Module) -> Cost:
        step = flops.update(brain, self.objective, self.two_views.shapes)
        return Cost(updates=1, images=2 * self.batch, flops=step)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches, descent = self.two_views.minibatches(context, state["done"]), Descent(self.lr, self.schedule)
        return train(cohort, self.objective, batches, descent, state, context)

    def evaluates_on(self) -> tuple[str, ...]:
        return self.two_views.pictures.evaluated_on

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """The objective on views of 1,000 images of the valid split, in minibatches of the stage's size."""
        return self.two_views.evaluate(cohort, self.objective, context)
