"""What stages share that look at the images of a split and never read a label."""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context
from devlearn.stages.shared.train import Practice, Shapes
from devlearn.stages.stage import Metrics
from devlearn.tasks.data import IMAGE
from devlearn.tasks.data.augment import Views, warped

HELD = 1000  # images of the valid split that an objective is judged on


class Looking(Practice):
    """A stage whose learners look at images of a split, minibatch by minibatch."""

    controls = ("shuffle", "sham", "compute")
    draws: ClassVar[tuple[str, ...]] = ("order",)

    data: str = Field("mnist.train", description="the split whose images are looked at; its labels are never read")
    sham: bool = Field(
        False, description="a control: images without structure, each pixel's values over the split in random order"
    )

    def pictures(self, context: Context) -> Tensor:
        """What there is to look at: (M, 28, 28) bytes."""
        return context.data(self.data, sham=self.sham).images

    def held(self, context: Context) -> Tensor:
        """What the objective is judged on: (HELD, 28, 28) bytes."""
        return context.data("mnist.valid", sham=self.sham).spread(HELD).images

    def looks(self, done: int, context: Context) -> Iterator[Tensor]:
        """Minibatches (N, B, 28, 28) after the first ``done``, endlessly."""
        images = self.pictures(context)
        for index in context.minibatches(len(images), self.batch, done):  # (N, B)
            yield images[index]

    def evaluates_on(self) -> tuple[str, ...]:
        return ("mnist.valid",)


class Pairs(Looking):
    """A stage that is shown two deformed views of each image, which belong together."""

    draws = ("order", "views")

    batch: int = Field(256, ge=2, description="pairs of views an update; each view counts as an image shown")
    views: Views = Field(Views.model_validate({}), description="how much a view of an image is deformed")

    @property
    def seen(self) -> int:
        return 2 * self.batch

    @property
    def shapes(self) -> Shapes:
        images = ((self.batch, *IMAGE.space.shape), torch.float32)
        return {"images": images, "others": images}

    def shown(self, cohort: Cohort, done: int, context: Context) -> Iterator[dict[str, Tensor]]:
        for number, images in enumerate(self.looks(done, context), done):
            yield self.pair(images, context, number)

    def pair(self, images: Tensor, context: Context, number: int) -> dict[str, Tensor]:
        """Two views of each image (N, B, 28, 28), drawn as the ``number``-th minibatch's."""
        how = self.views.draw(context.streams("views", counter=number), 2, images.shape[1])  # (N, 2, B, D)
        one, other = (warped(images, part) for part in how.unbind(1))
        return {"images": one, "others": other}

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """The objective on held-out images, in minibatches of the stage's size."""
        images = self.held(context).expand(cohort.n, -1, -1, -1)
        parts = [part for part in images.split(self.batch, 1) if part.shape[1] == min(self.batch, HELD)]
        found = [self.judged(cohort, self.pair(part, context, number)) for number, part in enumerate(parts)]
        return {name: torch.stack([one[name] for one in found]).mean(0) for name in found[0]}
