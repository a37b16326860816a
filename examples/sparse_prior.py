"""A prior in one file: a stage that acts once, at birth. In a scenario: ``kind: "sparse_prior:Sparse"``."""

from collections.abc import Iterator

from pydantic import Field
from torch import Tensor, nn

from devlearn.plugin import IMAGE, IMAGE_SENSE, Cohort, Context, Cost, Metrics, Needs, Stage, State, stage

PIXELS = 28 * 28


@stage("sparse_prior:Sparse")
class Sparse(Stage):
    """Leaves each unit of the first layer its largest weights, and the norm that it had.

    For brains whose image sense begins with one linear layer (``mlp``).
    """

    role = "innate"
    units = ()  # it acts once
    controls = ("shuffle",)  # what a claim about it has to rule out: better values, whatever their arrangement

    share: float = Field(0.1, gt=0, le=1, description="the share of each unit's weights that stays")

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE})

    def cost(self, brain: nn.Module) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        weights = cohort.parameters()
        first = [name for name in weights if f"senses.{IMAGE_SENSE}." in name and weights[name].shape[-1] == PIXELS]
        if not first:
            raise ValueError(f"this brain has no linear layer on {IMAGE_SENSE}; use kind: mlp")
        for name in first:
            weights[name].copy_(self.thinned(weights[name]))
        yield {}

    def thinned(self, weights: Tensor) -> Tensor:
        """(N, U, 784) -> (N, U, 784), each unit's largest weights at the norm that all of them had."""
        kept = max(1, round(self.share * PIXELS))
        least = weights.abs().topk(kept, dim=-1).values[..., -1:]  # (N, U, 1)
        thin = weights * (weights.abs() >= least)
        return thin * weights.norm(dim=-1, keepdim=True) / thin.norm(dim=-1, keepdim=True)
