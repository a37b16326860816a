"""A first layer that is drawn and never learned: where it is in a brain, and fields of the norms that units had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.shared.weight_rewrite import rewrite_weights
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context

SEEING = Needs({IMAGE_SENSE: IMAGE})


def rewrite_first_layer(cohort: Cohort, fields: Callable[[int, int], Tensor]) -> None:
    """Replace the fields of the first layer on images, in each tower; biases and later layers stay.

    The first layer of an ``mlp`` has a field of 28 x 28 pixels for each unit, that of a ``conv`` a kernel for each
    channel, which all input channels share. ``fields(units, side)`` gives (N, units, side, side) of any norm; each gets
    the norm that its unit has.
    """
    born = cohort.parameters()
    rewrite_weights(cohort, {name: _scaled(fields, born[name]) for name in first_layers(born)})


def _scaled(fields: Callable[[int, int], Tensor], born: Tensor) -> Tensor:
    """Fields with the norms of the newborn's, (N, U, 784) or (N, U, C, K, K)."""
    units, side = born.shape[1], IMAGE.space.shape[0] if born.dim() == 3 else born.shape[-1]
    new = fields(units, side).to(born)  # (N, U, H, W)
    new = new.view_as(born) if born.dim() == 3 else new.unsqueeze(2).expand_as(born)
    scaled: Tensor = new * (_norms(born) / _norms(new)).view(*born.shape[:2], *[1] * (born.dim() - 2))
    return scaled


def _norms(fields: Tensor) -> Tensor:
    norms: Tensor = fields.flatten(2).norm(dim=2)
    return norms


def check_first_layer(brain: nn.Module) -> None:
    """Raises ValueError, with the mend, for a brain that has no first layer on images."""
    if not first_layers(name for name, _ in brain.named_parameters()):
        mend = f"call it senses.{IMAGE_SENSE}.layer.weight, (U, 784), or senses.{IMAGE_SENSE}.convolutions.0.weight"
        raise ValueError(f"{type(brain).__name__} has no first layer on images to give fields to; {mend}")


def first_layers(names: Iterable[str]) -> tuple[str, ...]:
    """The weights that images enter by, in each tower: convolutions where there are any."""
    known = tuple(names)
    for layer in ("convolutions.0", "layer"):
        if own := tuple(name for name in known if name.endswith(f"senses.{IMAGE_SENSE}.{layer}.weight")):
            return own
    return ()


def grid(side: int) -> tuple[Tensor, Tensor]:
    """The rows y and columns x of a picture's pixels, (H, 1) and (1, W)."""
    line = torch.arange(side, dtype=torch.float64)
    return line.unsqueeze(1), line.unsqueeze(0)


def centres(context: Context, units: int, side: int) -> tuple[Tensor, Tensor]:
    """Where fields are centred, evenly over the picture, from the stream ``places``: y and x, (N, U, 1, 1) each."""
    drawn = torch.from_numpy(context.streams("places").random(units, 2)).double() * (side - 1)
    return drawn[..., 0, None, None], drawn[..., 1, None, None]
