"""Looking: sort images into clusters so that two views of one image fall into the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import MutualInformation, information, joint
from devlearn.stages.fields import AdamRate, Clusters, PairBatchSize, RateSchedule, Sham, UnlabelledSplit
from devlearn.stages.shared.train import Descent, train
from devlearn.stages.shared.unlabelled import TwoViews, UnlabelledBatches, for_each
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data.augment import Views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.data import DataSource

MAIN, AUXILIARY = "clusters", "overclusters"


@stage("pretrain.cluster")
@final
class Cluster(Stage):
    """Invariant information clustering: maximises what an image's cluster tells about the cluster of its deformed view.

    Every image is deformed twice. Of each sub-head ``P`` (K, K) is the share of pairs that fall into clusters ``(c,
    c')``, averaged over the minibatch (soft assignments, both orders); a sub-head's information is ``I = sum P_cc' ln(
    P_cc' / (P_c P_c'))``, at most ``ln K``. There are ``sub_heads`` sub-heads of K = ``clusters`` clusters, and as many
    of ``overclusters`` finer ones that only help the features. The probe ``clustering`` reads the sub-head that tells
    most about held-out views: no label takes part in that choice.

    Metrics:
        loss: ``-I``, the mean over sub-heads, summed over the two kinds of sub-heads; with ``balance`` b other than 1,
            ``I = sum P_cc' (ln P_cc' - b ln P_c - b ln P_c')``
        information: ``I`` in nats (b = 1), the mean over the sub-heads of K clusters

    Source:
        Ji, Henriques and Vedaldi (2019), Invariant information clustering for unsupervised image classification and
        segmentation, arXiv:1807.06653.

    Deviations:
        Both kinds of sub-heads learn at every update; in the paper they take turns by epochs. Both views are deformed,
        affinely and elastically; in the paper one is cropped, the other also deformed, and each image has several
        views a minibatch. Much shorter, with a smaller network, without batch normalisation. The published 99.2 % is
        the best of the paper's sub-heads; here the sub-head is chosen without labels.
    """

    role = "pretrain"
    metrics = ("loss", "information")
    stream_names = ("order", "views")
    immutable_keys = ("data", "clusters", "overclusters", "sub_heads")
    controls = ("shuffle", "sham", "compute")

    batch: PairBatchSize = 256
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    data: UnlabelledSplit = "mnist.train"
    sham: Sham = False
    views: Views = Field(Views.model_validate({}), description="how much a view of an image is deformed")
    clusters: Clusters = Field(0, validate_default=True, description="clusters of a sub-head; 0: as many as classes")
    overclusters: int = Field(50, ge=0, description="clusters of an auxiliary sub-head; 0: there are none")
    sub_heads: int = Field(5, ge=1, description="sub-heads of each kind, which differ in their first weights")
    balance: float = Field(1.0, gt=0, description="weight of the clusters' entropies: above 1 favours even clusters")

    @property
    def two_views(self) -> TwoViews:
        return TwoViews(UnlabelledBatches(self.data, self.batch, self.sham), self.views)

    @property
    def sizes(self) -> dict[str, int]:
        """Clusters of a sub-head of each kind, by head."""
        sizes = {MAIN: self.clusters, **({AUXILIARY: self.overclusters} if self.overclusters else {})}
        return {self._seen.head_for(name): size for name, size in sizes.items()}

    @property
    def _seen(self) -> DataSource:
        return self.two_views.pictures.source

    @property
    def objective(self) -> MutualInformation:
        heads, axes = self.sizes, len(self._seen.shape)
        return MutualInformation(self._seen.sense_name, tuple(heads), tuple(heads.values()), self.balance, axes)

    def needs(self) -> Needs:
        return Needs(self._seen.senses, {name: Head(self.sub_heads * size) for name, size in self.sizes.items()})

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

    def chosen(self, cohort: Cohort, context: Context) -> Tensor:
        """Each learner's sub-head with the most information on held-out views, without labels: (N,)."""
        images = for_each(cohort, self.two_views.pictures.held_out(context))
        pair = self.two_views.pair(images, context, 0)
        logits = self._logits(cohort, torch.cat([pair["images"], pair["others"]], 1))
        return information(joint(logits, self.clusters), self.balance).argmax(-1)

    def _logits(self, cohort: Cohort, images: Tensor) -> Tensor:
        """Of all sub-heads, for images (N, M, *shape): (N, M, S * K)."""
        found: Tensor = cohort(images, self._seen.sense_name, self._seen.head_for(MAIN))
        return found

    def assign(self, cohort: Cohort, images: Tensor, chosen: Tensor) -> Tensor:
        """The cluster of each image (M, *shape) in each learner's ``chosen`` sub-head: (N, M)."""
        logits = self._logits(cohort, for_each(cohort, images)).unflatten(-1, (-1, self.clusters))
        clusters: Tensor = logits[torch.arange(cohort.n, device=logits.device), :, chosen].argmax(-1)
        return clusters
