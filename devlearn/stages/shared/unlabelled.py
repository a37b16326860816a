"""Images without labels, as they are or in two views each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.stages.shared.train import evaluate_objective
from devlearn.tasks.data import gathered, source_of, valid_of
from devlearn.tasks.data.augment import Views, warped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.flops import Shapes
    from devlearn.learners.objectives import Objective
    from devlearn.stages.context import Context
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.data import DataSource

HELD_OUT = 1000  # images of the valid split that an objective is evaluated on


@dataclass(frozen=True)
class UnlabelledBatches:
    """Minibatches of a split's images; its labels are never read. Draws from the stream ``order``.

    With ``sham`` the images have no structure: each pixel's values over the split are in random order.
    """

    data: str
    batch: int
    sham: bool = False

    @property
    def source(self) -> DataSource:
        """The data set: its sense and the shape of its images."""
        return source_of(self.data)

    @property
    def evaluated_on(self) -> tuple[str, ...]:
        """The split that an objective is evaluated on."""
        return (valid_of(self.data),)

    def minibatches(self, context: Context, done: int) -> Iterator[Tensor]:
        """Images (N, B, *shape) in bytes after the first ``done`` minibatches, endlessly."""
        images = context.data(self.data, sham=self.sham).images
        for index in context.minibatches(len(images), self.batch, done):  # (N, B)
            yield gathered(images, index)

    def held_out(self, context: Context) -> Tensor:
        """What an objective is evaluated on, the same for all learners: (HELD_OUT, *shape) bytes, or as
        many as there are."""
        return context.data(self.evaluated_on[0], sham=self.sham).spread(HELD_OUT).images


def for_each(cohort: Cohort, images: Tensor) -> Tensor:
    """Images (M, *shape), the same for every learner: (N, M, *shape)."""
    return images.expand(cohort.n, *images.shape)


@dataclass(frozen=True)
class TwoViews:
    """Minibatches of image pairs that belong together: two deformed views of one image. Draws from ``views`` too."""

    pictures: UnlabelledBatches
    views: Views

    @property
    def shapes(self) -> Shapes:
        """Shapes and dtypes of one learner's minibatch, for counting FLOPs."""
        images = ((self.pictures.batch, *self.pictures.source.shape), torch.float32)
        return {"images": images, "others": images}

    def minibatches(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """``images`` and ``others``, (N, B, *shape) each, after the first ``done``, endlessly."""
        for number, images in enumerate(self.pictures.minibatches(context, done), done):
            yield self.pair(images, context, number)

    def pair(self, images: Tensor, context: Context, number: int) -> dict[str, Tensor]:
        """Two views of each image (N, B, *shape), drawn as the ``number``-th minibatch's."""
        how = self.views.draw(context.streams("views", counter=number), 2, images.shape[1])  # (N, 2, B, D)
        one, other = (warped(images, part) for part in how.unbind(1))
        return {"images": one, "others": other}

    def evaluate(self, cohort: Cohort, objective: Objective, context: Context) -> Metrics:
        """The objective on held-out images, the mean over minibatches of the stage's size: {metric: (N,)}."""
        batch = self.pictures.batch
        images = for_each(cohort, self.pictures.held_out(context))
        parts = [part for part in images.split(batch, 1) if part.shape[1] == min(batch, images.shape[1])]
        pairs = (self.pair(part, context, number) for number, part in enumerate(parts))
        metrics = [evaluate_objective(cohort, objective, pair) for pair in pairs]
        return {name: torch.stack([part[name] for part in metrics]).mean(0) for name in metrics[0]}
