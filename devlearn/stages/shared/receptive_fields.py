"""A first layer that is drawn and never learned: where it is in a brain, and fields of the norms that units had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.stages.shared.weight_rewrite import rewrite_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context
    from devlearn.tasks.data import DataSource


def rewrite_first_layer(cohort: Cohort, seen: DataSource, fields: Callable[[int, int, int], Tensor]) -> None:
    """Replace the fields of the first layer on a data set's images, in each tower; biases and later layers stay.

    The first layer of an ``mlp`` has a field as large as an image for each unit, that of a ``conv`` a kernel for each
    channel; all colours share it. ``fields(units, height, width)`` gives (N, units, height, width) of any norm; each
    gets the norm that its unit has.
    """
    born = cohort.parameters()
    rewrite_weights(cohort, {name: _scaled(fields, born[name], seen) for name in first_layers(born, seen)})


def _scaled(fields: Callable[[int, int, int], Tensor], born: Tensor, seen: DataSource) -> Tensor:
    """Fields with the norms of the newborn's, (N, U, D) or (N, U, C, K, K)."""
    new = fields(born.shape[1], *(seen.sides if born.dim() == 3 else born.shape[-2:])).to(born)  # (N, U, H, W)
    if born.dim() == 3:
        new = new.unsqueeze(-1).expand(*new.shape, seen.numbers // new[0, 0].numel()).reshape(born.shape)
    else:
        new = new.unsqueeze(2).expand_as(born)
    scaled: Tensor = new * (_norms(born) / _norms(new)).view(*born.shape[:2], *[1] * (born.dim() - 2))
    return scaled


def _norms(fields: Tensor) -> Tensor:
    norms: Tensor = fields.flatten(2).norm(dim=2)
    return norms


def check_first_layer(brain: nn.Module, seen: DataSource) -> None:
    """Raises ValueError, with the mend, for a brain that has no first layer on a data set's images."""
    if not first_layers((name for name, _ in brain.named_parameters()), seen):
        own = f"senses.{seen.sense_name}"
        mend = f"call it {own}.layer.weight, (U, {seen.numbers}), or {own}.convolutions.0.weight"
        raise ValueError(f"{type(brain).__name__} has no first layer on images to give fields to; {mend}")


def first_layers(names: Iterable[str], seen: DataSource) -> tuple[str, ...]:
    """The weights that images enter by, in each tower: convolutions where there are any."""
    known = tuple(names)
    for layer in ("convolutions.0", "layer"):
        if own := tuple(name for name in known if name.endswith(f"senses.{seen.sense_name}.{layer}.weight")):
            return own
    return ()


def grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """The rows y and columns x of a picture's pixels, (H, 1) and (1, W)."""
    rows, columns = (torch.arange(side, dtype=torch.float64) for side in (height, width))
    return rows.unsqueeze(1), columns.unsqueeze(0)


def centres(context: Context, units: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where fields are centred, evenly over the picture, from the stream ``places``: y and x, (N, U, 1, 1) each."""
    drawn = torch.from_numpy(context.streams("places").random(units, 2)).double()
    return drawn[..., 0, None, None] * (height - 1), drawn[..., 1, None, None] * (width - 1)
