"""What the first layer looks for: its receptive fields as pictures, and how smooth they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe
from devlearn.stages.fields import SenseOf
from devlearn.tasks.data import source_named

if TYPE_CHECKING:
    from torch import Tensor, nn


def morans_i(fields: Tensor) -> Tensor:
    """Spatial autocorrelation between neighbours that share a side: (..., H, W) -> (...) float64.

    Moran (1950) with rook neighbours of weight one. White noise gives
    -1 / (H W - 1) on average, a chequerboard -1, a slow gradient nearly 1; a constant field has none (nan).
    """
    z = fields.double() - fields.double().mean((-2, -1), keepdim=True)
    height, width = z.shape[-2:]
    sides = height * (width - 1) + (height - 1) * width
    products = (z[..., 1:, :] * z[..., :-1, :]).sum((-2, -1)) + (z[..., 1:] * z[..., :-1]).sum((-2, -1))
    return height * width / sides * products / z.square().sum((-2, -1))


@probe("fields")
class Fields(Probe):
    """Receptive fields of the first layer: pictures of some units, and the mean smoothness of all.

    A field is (H, W): each weight stands at the pixel of the image that it reads, also where a learner's pixels are
    scrambled; a convolution's fields are its kernels. The pictures show the first ``units`` units, not a selection: the
    strongest or the smoothest would show what one hopes to see, and different units at different moments.

    Metrics:
        smoothness: mean over units of Moran's I, ``(n / S) sum_ij z_i z_j / sum_i z_i^2``, with the n weights z of a
            field around their mean and the upper sum over the S pairs that share a side; -1 / (n - 1) on average where
            weights know nothing of each other, towards 1 where neighbours agree; constant fields are left out

    Source:
        Moran (1950), Notes on continuous stochastic phenomena, Biometrika 37.

    Deviations:
        None known.
    """

    metrics: ClassVar = {"smoothness": Metric("higher", None, unit="number")}

    sense: SenseOf = "mnist"
    units: int = Field(24, ge=1, le=256, description="how many units are drawn: the first ones")

    def needs(self) -> Needs:
        return Needs(source_named(self.sense).senses)

    def check_brain(self, brain: nn.Module) -> None:
        if not callable(getattr(brain, "fields", None)):
            what = "give it fields(sense) -> (U, H, W), the weights of its first layer"
            raise ValueError(f"{type(brain).__name__} shows no receptive fields; {what}")

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        sense = source_named(self.sense).sense_name
        smoothness: list[Tensor] = []
        pictures: dict[str, Tensor] = {}
        for member in cohort.members():
            fields = member.fields(sense).detach()  # type: ignore[operator]
            if full and not smoothness:
                pictures["fields"] = grey(fields[: self.units])
            smoothness.append(morans_i(fields).nanmean())
        return Measurement({"smoothness": torch.stack(smoothness)}, pictures=pictures)


def grey(fields: Tensor) -> Tensor:
    """Weights as brightness: 0 is 128, the largest |weight| shown 1 or 255; weights that are not finite are 128."""
    fields = fields.nan_to_num(0.0, 0.0, 0.0)
    return (128 + 127 * fields / fields.abs().max().clamp(min=1e-30)).round().to(torch.uint8)
