"""How far weights are from the feedback by which errors travel back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs, fed_back
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import check_rule
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe
from devlearn.stages.fields import HeadName, SenseOf
from devlearn.tasks.data import source_named

if TYPE_CHECKING:
    from torch import Tensor, nn

DEEPEST = 8
OPPOSITE = 180.0


def angle(a: Tensor, b: Tensor) -> Tensor:
    """The angle in degrees between tensors taken as vectors, learner by learner: (N, ...) twice -> (N,) float64."""
    a, b = a.flatten(1).double(), b.flatten(1).double()
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))


@probe("alignment")
class Alignment(Probe):
    """The angle between each layer's weights and the fixed random feedback by which errors travel back through it.

    ``W_l`` are the weights (out, in) of layer l, its transpose is what backprop sends errors through; ``B_l`` (in, out)
    is what feedback alignment sends them through. Only layers behind the first have feedback. At birth the two are
    drawn independently and the angle is near 90; at 0 feedback alignment is backprop with another learning rate.

    Metrics:
        angle: mean over the layers behind the first, in degrees
        layer_2, layer_3, layer_4, layer_5: ``arccos(<W_l^T, B_l> / (|W_l^T| |B_l|))``, flattened, in degrees; layer
            1 belongs to the sense, the read-out is the last; a brain has as many of these as layers
        layer_6, layer_7, layer_8: the same of a deep brain's later layers

    Source:
        Lillicrap, Cownden, Tweed and Akerman (2016), Random synaptic feedback weights support error backpropagation for
        deep learning.

    Deviations:
        The paper compares the error signals that the two matrices send back; here the matrices themselves are compared.
    """

    metrics: ClassVar = {
        name: Metric("lower", OPPOSITE, unit="degrees", chance=OPPOSITE / 2)
        for name in ("angle", *(f"layer_{k}" for k in range(2, DEEPEST + 1)))
    }

    sense: SenseOf = "mnist"
    head: HeadName = ""

    def needs(self) -> Needs:
        seen = source_named(self.sense)
        return Needs(seen.senses, {self.head: Head(seen.classes)}, feedback=True)

    def check_brain(self, brain: nn.Module) -> None:
        check_rule("feedback_alignment", brain)

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        weights = cohort.parameters()
        pairs = [(f"{layer}.weight", f"{layer}.feedback") for layer in self._layers(cohort)]
        angles = [angle(weights[forward], cohort.buffers[back]) for forward, back in pairs]
        named = {f"layer_{k}": value for k, value in enumerate(angles, 2) if k <= DEEPEST}
        return Measurement({"angle": torch.stack(angles).mean(0), **named})

    def _layers(self, cohort: Cohort) -> list[str]:
        """The layers behind the first on the way to the read-out, in order."""
        others = ("critic_body.", "heads.")
        layers = fed_back(cohort.buffers)
        return [name for name in layers if not name.startswith(others) or name.startswith(f"heads.{self.head}.")]
