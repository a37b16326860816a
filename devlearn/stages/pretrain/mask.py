"""Looking: guess the hidden patches of an image from those that are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import Inpainting
from devlearn.stages.fields import AdamRate, BatchSize, DecoderUnits, RateSchedule, Sham, UnlabelledSplit
from devlearn.stages.shared.train import Descent, evaluate_objective, train
from devlearn.stages.shared.unlabelled import EVALUATED_ON, UnlabelledBatches
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.streams import Streams

HEAD = "mask"
SIDE = 28
OBJECTIVE = Inpainting(IMAGE_SENSE, HEAD)


@stage("pretrain.mask")
@final
class MaskedPatches(Stage):
    """Masked patches: whole squares of an image are blanked, and what was in them is to be guessed.

    Of the patches of ``patch`` x ``patch`` pixels of each image a ``share`` (in whole patches) is blanked, others each
    time. ``q`` (784 probabilities) guesses the image ``x`` in 0..1; only the set H of hidden pixels counts.

    Metrics:
        loss: Bernoulli cross-entropy, the mean over the minibatch's hidden pixels of ``-x log q - (1 - x) log(1 - q)``
        error: mean over the hidden pixels of ``(q - x)^2``

    Source:
        He, Chen, Xie, Li, Dollar and Girshick (2022), Masked autoencoders are scalable vision learners,
        arXiv:2111.06377.

    Deviations:
        No transformer: patches are blanked, not left out, and the learner is not told which black is hidden. The
        decoder is a read-out with one hidden layer at most; cross-entropy of raw pixels instead of squares of
        normalised ones.
    """

    role = "pretrain"
    metrics = ("loss", "error")
    stream_names = ("order", "patches")
    immutable_keys = ("data", "hidden")
    controls = ("shuffle", "sham", "compute")

    batch: BatchSize = 128
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    data: UnlabelledSplit = "mnist.train"
    sham: Sham = False
    patch: Literal[1, 2, 4, 7, 14] = Field(4, description="side of a patch in pixels; it divides 28")
    share: float = Field(0.5, gt=0, lt=1, description="of the patches that are hidden; 0.75 in the paper")
    hidden: DecoderUnits = 0

    @property
    def pictures(self) -> UnlabelledBatches:
        return UnlabelledBatches(self.data, self.batch, self.sham)

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {HEAD: Head(SIDE * SIDE, hidden=self.hidden)})

    def cost(self, brain: nn.Module) -> Cost:
        shape = (self.batch, *IMAGE.space.shape)
        shapes = {"images": (shape, torch.uint8), "targets": (shape, torch.uint8), "hidden": (shape, torch.bool)}
        return Cost(updates=1, images=self.batch, flops=flops.update(brain, OBJECTIVE, shapes))

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches, descent = self.minibatches(context, state["done"]), Descent(self.lr, self.schedule)
        return train(cohort, OBJECTIVE, batches, descent, state, context)

    def minibatches(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """``images``, partly ``hidden``, and the whole ones as ``targets``: (N, B, 28, 28) after the first ``done``."""
        for number, images in enumerate(self.pictures.minibatches(context, done), done):
            yield self._blanked(images, context.streams("patches", counter=number))

    def _blanked(self, images: Tensor, streams: Streams) -> dict[str, Tensor]:
        """Images (N, B, 28, 28) with hidden patches, a whole number of them at least one."""
        across = SIDE // self.patch
        ranks = torch.from_numpy(streams.random(images.shape[1], across * across)).argsort(-1).argsort(-1)
        small = (ranks < max(1, round(self.share * across * across))).unflatten(-1, (across, across))
        hidden = small.repeat_interleave(self.patch, -1).repeat_interleave(self.patch, -2).to(images.device)
        return {"images": images * ~hidden, "targets": images, "hidden": hidden}

    def evaluates_on(self) -> tuple[str, ...]:
        return EVALUATED_ON

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """The hidden patches of 1,000 images of the valid split."""
        images = self.pictures.held_out(context).expand(cohort.n, -1, -1, -1)
        return evaluate_objective(cohort, OBJECTIVE, self._blanked(images, context.streams("patches")))
