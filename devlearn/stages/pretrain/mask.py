"""Looking: guess the hidden patches of an image from those that are seen."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Inpainting
from devlearn.stages.context import Context
from devlearn.stages.shared.train import Shapes
from devlearn.stages.shared.unlabelled_images import Looking
from devlearn.stages.stage import Metrics, stage
from devlearn.streams import Streams
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

HEAD = "mask"
SIDE = 28


@stage("pretrain.mask")
class MaskedPatches(Looking):
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

    metrics = ("loss", "error")
    fixed = (*Looking.fixed, "hidden")
    draws: ClassVar = ("order", "patches")

    patch: Literal[1, 2, 4, 7, 14] = Field(4, description="side of a patch in pixels; it divides 28")
    share: float = Field(0.5, gt=0, lt=1, description="of the patches that are hidden; 0.75 in the paper")
    hidden: int = Field(0, ge=0, description="units of the decoder's hidden layer; 0: it is linear")

    @property
    def objective(self) -> Inpainting:
        return Inpainting(IMAGE_SENSE, HEAD)

    @property
    def shapes(self) -> Shapes:
        shape = (self.batch, *IMAGE.space.shape)
        return {"images": (shape, torch.uint8), "targets": (shape, torch.uint8), "hidden": (shape, torch.bool)}

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {HEAD: Head(SIDE * SIDE, hidden=self.hidden)})

    def shown(self, cohort: Cohort, done: int, context: Context) -> Iterator[dict[str, Tensor]]:
        for number, images in enumerate(self.looks(done, context), done):
            yield self._blanked(images, context.streams("patches", counter=number))

    def _blanked(self, images: Tensor, streams: Streams) -> dict[str, Tensor]:
        """Images (N, B, 28, 28) with hidden patches, a whole number of them at least one."""
        across = SIDE // self.patch
        ranks = torch.from_numpy(streams.random(images.shape[1], across * across)).argsort(-1).argsort(-1)
        small = (ranks < max(1, round(self.share * across * across))).unflatten(-1, (across, across))
        hidden = small.repeat_interleave(self.patch, -1).repeat_interleave(self.patch, -2).to(images.device)
        return {"images": images * ~hidden, "targets": images, "hidden": hidden}

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """The hidden patches of 1,000 images of the valid split."""
        images = self.held(context).expand(cohort.n, -1, -1, -1)
        return self.judged(cohort, self._blanked(images, context.streams("patches")))
