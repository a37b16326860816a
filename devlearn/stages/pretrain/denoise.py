"""Looking: see the whole image in one that is partly blanked, without any label."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import Reconstruction
from devlearn.stages.fields import AdamRate, BatchSize, DecoderUnits, RateSchedule, Sham, UnlabelledSplit
from devlearn.stages.shared.train import Descent, evaluate_objective, train
from devlearn.stages.shared.unlabelled import UnlabelledBatches, for_each
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics

HEAD = "denoise"
BLOCK = 16  # minibatches whose masks are drawn together


@stage("pretrain.denoise", version=2)
@final
class Denoise(Stage):
    """A denoising autoencoder: masking noise, per-pixel cross-entropy (Vincent et al. 2008).

    Pixels are blanked with probability ``drop``; ``q`` (a probability for each number of the image) is the
    reconstruction of the whole clean image ``x`` in 0..1.

    Metrics:
        loss: Bernoulli cross-entropy, the mean over images and pixels of ``-x log q - (1 - x) log(1 - q)``
        error: mean over images and pixels of ``(q - x)^2``

    Source:
        Vincent, Larochelle, Bengio and Manzagol (2008), Extracting and composing robust features with denoising
        autoencoders.

    Deviations:
        All layers are learned at once, not one after the other; the decoder is one layer behind the trunk, or two,
        its weights are not tied to the encoder's; optimised by Adam instead of plain stochastic gradient descent.
    """

    role = "pretrain"
    metrics = ("loss", "error")
    stream_names = ("order", "mask")
    immutable_keys = ("data", "hidden")
    controls = ("shuffle", "sham", "compute")

    batch: BatchSize = 128
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    data: UnlabelledSplit = "mnist.train"
    sham: Sham = False
    hidden: DecoderUnits = 0
    drop: float = Field(0.5, gt=0, lt=1, description="probability that a pixel is blanked")

    @property
    def pictures(self) -> UnlabelledBatches:
        return UnlabelledBatches(self.data, self.batch, self.sham)

    @property
    def _head(self) -> str:
        return self.pictures.source.head_for(HEAD)

    @property
    def objective(self) -> Reconstruction:
        return Reconstruction(self.pictures.source.sense_name, self._head)

    def needs(self) -> Needs:
        return Needs(self.pictures.source.senses, {self._head: Head(self.pictures.source.numbers, hidden=self.hidden)})

    def cost(self, brain: nn.Module) -> Cost:
        images = ((self.batch, *self.pictures.source.shape), torch.uint8)
        step = flops.update(brain, self.objective, {"images": images, "targets": images})
        return Cost(updates=1, images=self.batch, flops=step)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches, descent = self.minibatches(context, state["done"]), Descent(self.lr, self.schedule)
        return train(cohort, self.objective, batches, descent, state, context)

    def minibatches(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """``images``, partly blanked, and the whole ones as ``targets``: (N, B, *shape) after the first ``done``."""
        masks = None
        for number, images in enumerate(self.pictures.minibatches(context, done), done):
            block, place = divmod(number, BLOCK)
            if masks is None or place == 0:
                masks = self._kept(context, block, BLOCK, images.shape[1])  # (N, BLOCK, B, H, W) bool
            yield {"images": images * masks[:, place], "targets": images}

    def _kept(self, context: Context, block: int, *count: int) -> Tensor:
        """Which pixels are left: (N, *count, H, W) bool, and an axis for colours, which a pixel loses together."""
        height, width, *colours = self.pictures.source.shape
        kept = context.streams("mask", counter=block).mask(1 - self.drop, *count, height, width)
        return torch.from_numpy(kept).to(context.device)[(..., *[None] * len(colours))]

    def evaluates_on(self) -> tuple[str, ...]:
        return self.pictures.evaluated_on

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """Reconstruction of 1,000 images of the valid split, each learner's masks fixed."""
        images = for_each(cohort, self.pictures.held_out(context))
        kept = self._kept(context, 0, images.shape[1])
        return evaluate_objective(cohort, self.objective, {"images": images * kept, "targets": images})
