"""Looking: tell which of many views shows the same image."""

from pydantic import Field

from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.objectives import NTXent
from devlearn.stages.shared.unlabelled_images import Pairs
from devlearn.stages.stage import stage
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

HEAD = "contrast"


@stage("pretrain.contrast")
class Contrast(Pairs):
    """Contrastive learning: a view of an image is to be found among all views of a minibatch by its other view.

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

    metrics = ("loss", "accuracy")
    fixed = (*Pairs.fixed, "project", "hidden")

    temperature: float = Field(0.5, gt=0, description="what similarities are divided by before the softmax")
    project: int = Field(64, ge=1, description="numbers that a view is mapped to")
    hidden: int = Field(128, ge=0, description="units of the projection's hidden layer; 0: it is linear")

    @property
    def objective(self) -> NTXent:
        return NTXent(IMAGE_SENSE, HEAD, self.temperature)

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {HEAD: Head(self.project, hidden=self.hidden)})
