"""Looking: rebuild images from which pixels are missing, without any label."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Reconstruction
from devlearn.stages.context import Context
from devlearn.stages.shared.train import Shapes
from devlearn.stages.shared.unlabelled_images import HELD, Looking
from devlearn.stages.stage import Metrics, stage
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

HEAD = "denoise"
BLOCK = 16  # minibatches whose masks are drawn together


@stage("pretrain.denoise")
class Denoise(Looking):
    """A denoising autoencoder: masking noise, per-pixel cross-entropy (Vincent et al. 2008).

    Pixels are blanked with probability ``drop``; ``q`` (784 probabilities) guesses the whole clean image ``x`` in 0..1.

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

    metrics = ("loss", "error")
    fixed = (*Looking.fixed, "hidden")
    draws = ("order", "mask")

    hidden: int = Field(0, ge=0, description="units of the decoder's hidden layer; 0: it is linear")
    drop: float = Field(0.5, gt=0, lt=1, description="probability that a pixel is blanked")

    def needs(self) -> Needs:
        return Needs(self.senses, {HEAD: Head(28 * 28, hidden=self.hidden)})

    @property
    def objective(self) -> Reconstruction:
        return Reconstruction(IMAGE_SENSE, HEAD)

    @property
    def shapes(self) -> Shapes:
        images = ((self.batch, *IMAGE.space.shape), torch.uint8)
        return {"images": images, "targets": images}

    def shown(self, cohort: Cohort, done: int, context: Context) -> Iterator[dict[str, Tensor]]:
        masks = None
        for number, images in enumerate(self.looks(done, context), done):  # (N, B, 28, 28)
            block, place = divmod(number, BLOCK)
            if masks is None or place == 0:
                masks = self._masks(context, block, images.shape[1])
            yield {"images": images * masks[:, place], "targets": images}

    def _masks(self, context: Context, block: int, rows: int) -> Tensor:
        """Which pixels are kept, for a block of minibatches: (N, BLOCK, B, 28, 28) bool."""
        kept = context.streams("mask", counter=block).mask(1 - self.drop, BLOCK, rows, 28, 28)
        return torch.from_numpy(kept).to(context.device)

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """Reconstruction of 1,000 images of the valid split, each learner's masks fixed."""
        images = self.held(context).expand(cohort.n, -1, -1, -1)
        kept = torch.from_numpy(context.streams("mask").mask(1 - self.drop, HELD, 28, 28)).to(context.device)
        return self.judged(cohort, {"images": images * kept, "targets": images})
