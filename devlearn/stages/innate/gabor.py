"""A first layer as in primary visual cortex: Gabor patches."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Annotated, final

from pydantic import Field, model_validator

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

NARROWEST = 0.3  # pixels: a narrower envelope may miss them all
Frequency = Annotated[float, Field(gt=0, le=0.5)]


@stage("innate.gabor")
@final
class Gabor(Stage):
    """Makes the first layer's fields Gabor patches in quadrature pairs, once; later layers are left alone.

    The field of a unit is ``exp(-(x'^2 + y'^2) / (2 s^2)) cos(2 pi f x' + p)`` at its place, with x' and y' turned by
    ``t``, scaled to the norm that the unit was born with. Two units side by side are a quadrature pair: they share
    place, orientation ``t`` (one of ``orientations``, evenly over half a turn) and frequency ``f`` (one of
    ``frequencies``), which are drawn for each learner, and their phases ``p`` are drawn and drawn + pi/2. The envelope
    is ``s = cycles / f``. With ``relu`` the units are the simple cells of the model.

    Source:
        Dapello, Marques, Schrimpf, Geiger, Cox and DiCarlo (2020), Simulating a primary visual cortex at the front of
        CNNs improves robustness to image perturbations.

    Deviations:
        Fields can be learned further: they are what the learner is born with, not a fixed front end. There are simple
        cells only (an energy unit needs another non-linearity) and no noise; colours share a field. Envelopes are
        round; the tuning is drawn evenly from a few values instead of from distributions measured in the macaque.
    """

    role = "innate"
    units = ()
    stream_names = ("places", "tuning", "phases")
    controls = ("shuffle", "moments", "spectrum")

    sense: SenseOf = "mnist"
    orientations: int = Field(8, ge=1, description="how many orientations there are")
    frequencies: Annotated[tuple[Frequency, ...], Field(min_length=1)] = Field(
        (0.05, 0.1), description="spatial frequencies, cycles a pixel"
    )
    cycles: float = Field(0.4, gt=0, description="standard deviation of the envelope, in cycles")

    @model_validator(mode="after")
    def _wide_enough(self) -> Gabor:
        """Raises ValueError for fields that may fall between the pixels."""
        narrowest = self.cycles / max(self.frequencies)
        if narrowest < NARROWEST:
            finest = max(self.frequencies)
            why = f"cycles {self.cycles:g} at frequency {finest:g} is an envelope of {narrowest:.2g} pixels"
            raise ValueError(f"{why}, and {NARROWEST:g} are needed; raise cycles to {NARROWEST * finest:g}")
        return self

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
        pairs = -(-units // 2)
        places = zip(grid(height, width), centres(context, pairs, height, width), strict=True)
        y, x = ((at - to).repeat_interleave(2, 1) for at, to in places)
        kinds = torch.from_numpy(context.streams("tuning").integers(self.orientations * len(self.frequencies), pairs))
        kinds = kinds.repeat_interleave(2, 1)[..., None, None]  # (N, U, 1, 1)
        turn = (kinds % self.orientations).double() * pi / self.orientations
        frequency = torch.tensor(self.frequencies, dtype=torch.float64)[kinds // self.orientations]
        phase = torch.from_numpy(context.streams("phases").random(pairs)).double() * 2 * pi
        phase = torch.stack([phase, phase + pi / 2], 2).flatten(1)[..., None, None]
        along = x * turn.cos() + y * turn.sin()
        envelope = torch.exp(-(x.square() + y.square()) / 2 * (frequency / self.cycles).square())
        return (envelope * torch.cos(2 * pi * frequency * along + phase))[:, :units]  # (N, U, H, W)
