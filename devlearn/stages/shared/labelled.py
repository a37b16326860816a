"""What every stage with labelled images shares: which images, in which order, and with which rule weights change."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor

from devlearn.learners.brains.needs import Head, Needs
from devlearn.learners.cohort import Cohort
from devlearn.learners.optimiser import Optimiser, Weighted
from devlearn.learners.schedule import Schedule, factor
from devlearn.stages.context import Context, State
from devlearn.stages.stage import Stage
from devlearn.tasks.data import CLASSES, FEWEST, IMAGE, IMAGE_SENSE, Dataset, balanced, most_balanced, size

DIGITS = "digits"


class Lessons(Stage):
    """A stage that learns digits from minibatches of labelled images. How it learns is the subclass's."""

    draws: ClassVar[tuple[str, ...]] = ("labels", "order")
    fixed = (*Stage.fixed, "momentum")

    data: str = Field("mnist.train", description="the split that the labelled images are drawn from")
    labels: Annotated[int, Field(ge=CLASSES)] | Literal["all"] = Field(
        "all", description="labelled images for each learner, drawn class-balanced; or all of the split"
    )
    batch: int = Field(128, ge=1, description="images an update; never more than there are labels")
    optimiser: Literal["adam", "sgd", "continue"] = Field(
        "adam", description="continue keeps the optimiser and the moments of the stage before"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate")
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(0.0, ge=0, description="L2 for sgd, decoupled for adam")
    schedule: Schedule = Field("constant", description="of the learning rate over the declared budget")
    blur: float = Field(
        0.0,
        ge=0,
        le=28,
        description="what is seen is out of focus: sd in pixels of a Gaussian blur; its FLOPs are not counted",
    )

    shift: int = Field(
        0,
        ge=0,
        le=27,
        description="what is seen is out of the middle: largest move in pixels along each axis, filled with 0; every "
        "image has a move of its own, the same for all learners and at every showing",
    )

    @field_validator("labels")
    @classmethod
    def _enough(cls, labels: int | Literal["all"], info: ValidationInfo) -> int | Literal["all"]:
        """Raises ValueError where the split has too few images of a class."""
        split = info.data.get("data")
        if split in FEWEST and labels != "all" and labels > (most := most_balanced(split)):
            rarest = f"{most:,} of its {size(split):,} images, as its rarest class has {FEWEST[split]:,}"
            raise ValueError(f"a class-balanced draw from {split} has at most {rarest}; or write all")
        return labels

    @property
    def pool(self) -> int:
        """Labelled images of each learner."""
        return size(self.data) if self.labels == "all" else self.labels

    @property
    def rows(self) -> int:
        """Images of a minibatch."""
        return min(self.batch, self.pool)

    @property
    def bits(self) -> float:
        """What the pool's labels can tell at most: log2(10) bits each."""
        return self.pool * math.log2(CLASSES)

    @property
    def shapes(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Shapes and dtypes of one learner's minibatch."""
        return {"images": ((self.rows, *IMAGE.space.shape), torch.uint8), "labels": ((self.rows,), torch.int64)}

    @property
    def decay(self) -> dict[str, Any]:
        """The optimiser's keys besides its learning rate."""
        return {"weight_decay": self.weight_decay, "momentum": self.momentum}

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {DIGITS: Head(CLASSES)})

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": context.inherit() if self.optimiser == "continue" else {}}

    def rebuilt(self, owner: Weighted, moments: dict[str, Any]) -> Optimiser:
        """The optimiser of the learners, or of what else they learn, with its moments."""
        return Optimiser(owner, moments, self.optimiser, self.lr, **self.decay)

    def rate(self, state: State, context: Context) -> float:
        """The learning rate of the next update."""
        return self.lr * factor(self.schedule, state["done"], context.planned)

    def split(self, context: Context) -> Dataset:
        """What the labelled images are drawn from, as this school shows it."""
        return context.data(self.data, self.blur, shift=self.shift)

    def labelled(self, context: Context) -> Tensor:
        """Which images of the split have labels for each learner: indices (N, labels)."""
        data = self.split(context)
        if self.labels == "all":
            return torch.arange(len(data), device=context.device).expand(len(context.seeds), -1)
        return balanced(data.labels, self.labels, context.streams("labels"))

    def minibatches(self, cohort: Cohort, state: State, context: Context) -> Iterator[dict[str, Tensor]]:
        """Images (N, B, 28, 28) and labels (N, B), endlessly, from where ``state`` stands."""
        data, drawn = self.split(context), self.labelled(context)
        for positions in context.minibatches(self.pool, self.rows, state["done"]):
            index = drawn.gather(1, positions)  # (N, B)
            yield {"images": data.images[index], "labels": data.labels[index]}
