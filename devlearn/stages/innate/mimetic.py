"""A first layer with the covariance of receptive fields: smooth and local, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.fields import SenseOf
from devlearn.stages.shared.receptive_fields import centres, check_first_layer, grid, rewrite_first_layer
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import source_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("innate.mimetic")
@final
class Mimetic(Stage):
    """Draws the first layer's fields from a Gaussian process over pixels, each in a window of its own, once.

    The weights of a unit on pixels u and v are jointly Gaussian around 0 with covariance ``exp(-|u - v|^2 / (2 a^2))
    exp(-(|u - c|^2 + |v - c|^2) / (2 b^2))``: nearby weights agree (``a = length``) and only pixels near the unit's
    centre ``c`` count (``b = window``). Centres are drawn evenly over the image. Every field is then scaled to the norm
    that the unit was born with. No data is looked at; later layers are left alone.

    Source:
        Pandey, Pachitariu, Brunton and Harris (2022), Structured random receptive fields enable informative sensory
        encodings, for this covariance; Trockman and Kolter (2023), Mimetic initialization of self-attention layers,
        for weights at birth that mimic the statistics of learned ones.

    Deviations:
        Pandey et al. draw the first layer of a network of random features, or initialise from it, and fit the
        covariance to recordings; here length and window are chosen on the valid split, and norms are a newborn's.
        Colours share a field.
    """

    role = "innate"
    units = ()
    stream_names = ("places", "process")
    controls = ("shuffle", "moments", "spectrum")

    sense: SenseOf = "mnist"
    length: float = Field(3.0, gt=0, description="pixels over which the weights of a field agree")
    window: float = Field(8.0, gt=0, description="standard deviation in pixels of a field's window")

    def needs(self) -> Needs:
        return Needs(source_named(self.sense).senses)

    def cost(self, brain: nn.Module) -> Cost:
        check_first_layer(brain, source_named(self.sense))
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        rewrite_first_layer(cohort, source_named(self.sense), lambda *sizes: self.fields(context, *sizes))
        yield {}

    def fields(self, context: Context, units: int, height: int, width: int) -> Tensor:
        """Fields of any norm, (N, units, height, width)."""
        y, x = (
            at - centre for at, centre in zip(grid(height, width), centres(context, units, height, width), strict=True)
        )
        noise = torch.from_numpy(context.streams("process").normal(units, height, width)).double()
        process = self._root(height) @ noise @ self._root(width)  # the covariance is a product over rows and columns
        return process * torch.exp(-(x.square() + y.square()) / (2 * self.window**2))  # (N, U, H, W)

    def _root(self, side: int) -> Tensor:
        """The symmetric square root of a line's covariance, (H, H)."""
        rows, columns = grid(side, side)
        values, vectors = torch.linalg.eigh(torch.exp(-(rows - columns).square() / (2 * self.length**2)))
        root: Tensor = vectors * values.clamp(min=0).sqrt() @ vectors.mT
        return root
