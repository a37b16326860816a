"""What probes share that fit something to a brain's layers on one split and score it on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Metric, Probe
from devlearn.scenario.splits import is_test, joined, overlap, split_name
from devlearn.stages.fields import Split, source_in
from devlearn.tasks.data import DataSource, is_split, size, source_of, spread_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

CHUNK = 500  # images at a time: layers of convolutions are wide
Layer = Literal["pixels", "last"] | Annotated[int, Field(ge=1)]


def _training(fit: str, info: ValidationInfo) -> str:
    """Without a split, the one that the data set is learned from."""
    source = source_in(info.data)
    return fit or (joined(source.key, "train") if source else "")


class Features(Probe):
    """A probe that reads layers, under no gradient: what it fits is its own and leaves the learners alone."""

    data: Split = Field("mnist.test", description="the split that is scored")
    fit: Annotated[Split, AfterValidator(_training)] = Field(
        "",
        validate_default=True,
        description="the split that is fitted to: no test split, and not data's; empty: the data set's train",
    )
    fit_images: int = Field(
        2_000, ge=2, description="images that are fitted to, evenly spread, the same for all learners"
    )
    quick: int = Field(
        2_000, gt=0, description="images scored on the way; all of data are used at birth and stage ends"
    )

    @model_validator(mode="after")
    def _held_out(self) -> Any:
        if not is_split(self.data):
            return self  # which is told of the key data
        size(self.fit)
        if is_test(self.fit) or overlap(self.fit, self.data):
            name = split_name(self.fit)[0]
            other = joined(name, "rest" if overlap(joined(name, "train"), self.data) else "train")
            raise ValueError(f"what is fitted to {self.fit} can't be scored on {self.data}; fit to {other}")
        if source_of(self.fit).shape != self.source.shape or source_of(self.fit).classes != self.source.classes:
            raise ValueError(f"{self.fit} and {self.data} have images of other shapes or other classes; fit to its own")
        if self.fit_images < self.source.classes:
            raise ValueError(f"fit_images is {self.fit_images}, and there are {self.source.classes} classes; raise it")
        return self

    @property
    def source(self) -> DataSource:
        """The data set that is looked at."""
        return source_of(self.data)

    def metrics_here(self) -> Mapping[str, Metric]:
        """Chance is one of the classes."""
        return {name: metric._replace(chance=1 / self.source.classes) for name, metric in self.metrics.items()}

    def needs(self) -> Needs:
        return Needs(self.source.senses)

    def check_brain(self, brain: nn.Module) -> None:
        shows_layers(brain)

    def splits(self) -> tuple[str, ...]:
        return (self.data,)

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        length = size(self.data)
        return {self.data: np.arange(length) if full else spread_rows(self.quick, length)}


def shows_layers(brain: nn.Module) -> None:
    """Raises ValueError, with the mend, for a brain whose layers can't be read."""
    if not callable(getattr(brain, "features", None)):
        what = "give it features(observation, sense) -> [(B, D) as it sees them, (B, D') of each hidden layer, ..]"
        raise ValueError(f"{type(brain).__name__} shows no layers; {what}")


def layers(cohort: Cohort, images: Tensor, sense: str) -> tuple[Tensor, ...]:
    """What every layer of every learner makes of images (B, *shape): (N, B, D) each, the pixels first."""
    return cohort.features(images.expand(cohort.n, *images.shape), sense)


def layer(cohort: Cohort, images: Tensor, sense: str, which: Layer) -> Tensor:
    """One layer of images (M, *shape): (N, M, D), or (1, M, D) where no learner's pixels differ.

    Raises ValueError for a layer that the brain does not have.
    """
    return torch.cat([_one(layers(cohort, part, sense), which) for part in images.split(CHUNK)], 1)


def _one(found: tuple[Tensor, ...], which: Layer) -> Tensor:
    if which == "pixels":
        return found[0][:1] if (found[0] == found[0][:1]).all() else found[0]
    number = len(found) - 1 if which == "last" else which
    if number >= len(found):
        raise ValueError(f"the brain has {len(found) - 1} hidden layers; there is no layer {number}")
    return found[number]


def has(brain: nn.Module, source: DataSource, which: Layer) -> None:
    """Raises ValueError, with the mend, where a brain on the meta device lacks a layer."""
    if isinstance(which, int):
        image = torch.empty(1, *source.shape, dtype=torch.uint8, device="meta")
        count = len(brain.features(image, source.sense_name)) - 1  # type: ignore[operator]
        if which > count:
            raise ValueError(f"layer {which} is asked for and the brain has {count}; ask for last, or for 1 to {count}")
