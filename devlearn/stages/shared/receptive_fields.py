"""What stages share that give a newborn its first layer: receptive fields, drawn and never learned."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.scenario.controls import Control
from devlearn.stages.context import Context
from devlearn.stages.shared.weight_rewrite import Remake
from devlearn.stages.stage import Work
from devlearn.tasks.data import IMAGE, IMAGE_SENSE


class Eyes(Remake):
    """A stage that replaces the fields of the first layer on images, once. What they look like, it says.

    The first layer of an ``mlp`` has a field of 28 x 28 pixels for each unit, that of a ``conv`` a kernel for each
    channel. Every field gets the norm that the unit was born with; biases and later layers stay as born.
    """

    controls: ClassVar[tuple[Control, ...]] = ("shuffle", "moments", "spectrum")

    @abstractmethod
    def fields(self, context: Context, units: int, side: int) -> Tensor:
        """Fields of any norm, (N, units, side, side)."""

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE})

    def work(self, brain: nn.Module) -> Work:
        if not first_layers(name for name, _ in brain.named_parameters()):
            mend = f"call it senses.{IMAGE_SENSE}.layer.weight, (U, 784), or senses.{IMAGE_SENSE}.convolutions.0.weight"
            raise ValueError(f"{type(brain).__name__} has no first layer on images to give fields to; {mend}")
        return Work()

    def remade(self, cohort: Cohort, context: Context) -> dict[str, Tensor]:
        born = cohort.parameters()
        return {name: self._given(born[name], context) for name in first_layers(born)}

    def _given(self, born: Tensor, context: Context) -> Tensor:
        """Fields with the norms of the newborn's, (N, U, 784) or (N, U, C, K, K); channels share their unit's."""
        units, side = born.shape[1], IMAGE.space.shape[0] if born.dim() == 3 else born.shape[-1]
        fields = self.fields(context, units, side).to(born)  # (N, U, H, W)
        fields = fields.view_as(born) if born.dim() == 3 else fields.unsqueeze(2).expand_as(born)
        return fields * (_norms(born) / _norms(fields)).view(*born.shape[:2], *[1] * (born.dim() - 2))


def first_layers(names: Iterable[str]) -> tuple[str, ...]:
    """The weights that images enter by, in each tower: convolutions where there are any."""
    known = tuple(names)
    for layer in ("convolutions.0", "layer"):
        if found := tuple(name for name in known if name.endswith(f"senses.{IMAGE_SENSE}.{layer}.weight")):
            return found
    return ()


def grid(side: int) -> tuple[Tensor, Tensor]:
    """The rows y and columns x of a picture's pixels, (H, 1) and (1, W)."""
    line = torch.arange(side, dtype=torch.float64)
    return line.unsqueeze(1), line.unsqueeze(0)


def places(context: Context, units: int, side: int) -> tuple[Tensor, Tensor]:
    """Where fields are centred, evenly over the picture, from the stream ``places``: y and x, (N, U, 1, 1) each."""
    drawn = torch.from_numpy(context.streams("places").random(units, 2)).double() * (side - 1)
    return drawn[..., 0, None, None], drawn[..., 1, None, None]


def _norms(fields: Tensor) -> Tensor:
    return fields.flatten(2).norm(dim=2)
