"""Looking: guess the hidden patches of an image from those that are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import Inpainting
from devlearn.stages.fields import AdamRate, BatchSize, DecoderUnits, RateSchedule, Sham, UnlabelledSplit, source_in
from devlearn.stages.shared.train import Descent, evaluate_objective, train
from devlearn.stages.shared.unlabelled import UnlabelledBatches, for_each
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.streams import Streams

HEAD = "mask"


@stage("pretrain.mask", version=2)
@final
class MaskedPatches(Stage):
    """Masked patches: whole squares of an image are blanked, and the network predicts their pixels.

    Of the patches of ``patch`` x ``patch`` pixels of each image a ``share`` (in whole patches) is blanked, others each
    time. ``q`` (a probability for each number of the image) is the reconstruction of the image ``x`` in 0..1; only the
    set H of hidden pixels counts.

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
    patch: int = Field(4, ge=1, description="side of a patch in pixels; it divides height and width of an image")
    share: float = Field(0.5, gt=0, lt=1, description="of the patches that are hidden; 0.75 in the paper")
    hidden: DecoderUnits = 0

    @property
    def pictures(self) -> UnlabelledBatches:
        return UnlabelledBatches(self.data, self.batch, self.sham)

    @model_validator(mode="after")
    def _whole_patches(self) -> MaskedPatches:
        source = source_in({"data": self.data})
        if source is not None and any(side % self.patch or side == self.patch for side in source.sides):
            height, width = source.sides
            known = [side for side in range(1, min(source.sides)) if height % side == width % side == 0]
            raise ValueError(
                f"patch {self.patch} does not divide an image of {height} x {width} into several; "
                f"use {' or '.join(map(str, known))}"
            )
        return self

    @property
    def _head(self) -> str:
        return self.pictures.source.head_for(HEAD)

    @property
    def objective(self) -> Inpainting:
        return Inpainting(self.pictures.source.sense_name, self._head)

    def needs(self) -> Needs:
        return Needs(self.pictures.source.senses, {self._head: Head(self.pictures.source.numbers, hidden=self.hidden)})

    def cost(self, brain: nn.Module) -> Cost:
        shape = (self.batch, *self.pictures.source.shape)
        shapes = {"images": (shape, torch.uint8), "targets": (shape, torch.uint8), "hidden": (shape, torch.bool)}
        return Cost(updates=1, images=self.batch, flops=flops.update(brain, self.objective, shapes))

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches, descent = self.minibatches(context, state["done"]), Descent(self.lr, self.schedule)
        return train(cohort, self.objective, batches, descent, state, context)

    def minibatches(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """``images``, partly ``hidden``, and the whole ones as ``targets``: (N, B, *shape) after the first ``done``."""
        for number, images in enumerate(self.pictures.minibatches(context, done), done):
            yield self._blanked(images, context.streams("patches", counter=number))

    def _blanked(self, images: Tensor, streams: Streams) -> dict[str, Tensor]:
        """Images (N, B, *shape) with hidden patches, a whole number of them at least one."""
        height, width, *colours = self.pictures.source.shape
        down, across = height // self.patch, width // self.patch
        ranks = torch.from_numpy(streams.random(images.shape[1], down * across)).argsort(-1).argsort(-1)
        small = (ranks < max(1, round(self.share * down * across))).unflatten(-1, (down, across))
        hidden = small.repeat_interleave(self.patch, -1).repeat_interleave(self.patch, -2).to(images.device)
        for count in colours:
            hidden = hidden.unsqueeze(-1).expand(*hidden.shape, count)
        return {"images": images * ~hidden, "targets": images, "hidden": hidden}

    def evaluates_on(self) -> tuple[str, ...]:
        return self.pictures.evaluated_on

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """The hidden patches of 1,000 images of the valid split."""
        images = for_each(cohort, self.pictures.held_out(context))
        return evaluate_objective(cohort, self.objective, self._blanked(images, context.streams("patches")))
