"""A task: a data set seen in one way. Which of its classes, and whose read-out says which one an image is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from devlearn.lazy import torch
from devlearn.streams import PINNED, generator
from devlearn.tasks.data import class_counts, source_of, spread_rows

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.tasks.data import DataSource


class Rare(BaseModel):
    """Classes of which a task has fewer images than there are: the first ones at even distances, for every learner."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    classes: Annotated[tuple[int, ...], Field(min_length=1)] = Field(description="the classes that are rare")
    share: Annotated[float, Field(gt=0, lt=1)] = Field(0.1, description="of their images, that the task has")

    def left(self, count: int) -> int:
        """Of ``count`` images of a rare class, those that the task has: one at least."""
        return max(1, round(self.share * count))


@dataclass(frozen=True)
class Task:
    """Some classes of a split, or all (None), and their read-out; None: that of the data set.

    The data set's own read-out has an output for each of its classes, and labels are what they are: which classes a
    task is of has to be told apart too (class-incremental). A read-out of another name has one for each class of the
    task, in their order: of its own (task-incremental), or one for several tasks (domain-incremental). ``relabel`` is
    the number of a permutation by which the task's classes have each other's names, ``rare`` says which it has few of.
    """

    data: str
    classes: tuple[int, ...] | None = None
    head: str | None = None
    relabel: int | None = None
    rare: Rare | None = None

    @property
    def source(self) -> DataSource:
        """The data set."""
        return source_of(self.data)

    @property
    def read_out(self) -> str:
        """The head's name."""
        return self.head or self.source.read_out

    @property
    def renumbered(self) -> bool:
        """Whether labels are places in ``classes``."""
        return self.classes is not None and self.read_out != self.source.read_out

    @property
    def outputs(self) -> int:
        """How many classes the read-out tells apart."""
        return len(self.classes) if self.classes is not None and self.renumbered else self.source.classes

    @property
    def count(self) -> int:
        """Images of the split that are of these classes."""
        counts = class_counts(self.data)
        return sum(self._left(label, counts[label]) for label in self._members)

    @property
    def _members(self) -> tuple[int, ...]:
        return tuple(range(self.source.classes)) if self.classes is None else self.classes

    def _left(self, label: int, count: int) -> int:
        return self.rare.left(count) if self.rare is not None and label in self.rare.classes else count

    @property
    def is_whole(self) -> bool:
        """Whether it has every image of the split, by its own name."""
        return (self.classes, self.relabel, self.rare) == (None, None, None)

    def places(self, labels: Tensor) -> Tensor:
        """Labels as places in ``classes``, -1 for those of other classes."""
        if self.classes is None:
            return labels
        table = torch.full((self.source.classes,), -1, dtype=labels.dtype, device=labels.device)
        table[list(self.classes)] = torch.arange(len(self.classes), dtype=labels.dtype, device=labels.device)
        return table[labels]

    def rows(self, labels: Tensor) -> Tensor:
        """Which of the labels (M,) the task has, as places in them: of its classes, and few of rare ones."""
        had = self.places(labels) >= 0
        for label in self.rare.classes if self.rare is not None else ():
            every = (labels == label).nonzero()[:, 0]
            had[every] = False
            kept = torch.from_numpy(spread_rows(self._left(label, len(every)), len(every)))
            had[every[kept.to(labels.device)]] = True
        return had.nonzero()[:, 0]

    def targets(self, labels: Tensor) -> Tensor:
        """Labels of these classes as the read-out numbers them."""
        if self.relabel is not None:
            order = generator(PINNED, "relabel", self.relabel).permutation(len(self._members))
            table = torch.arange(self.source.classes, dtype=labels.dtype, device=labels.device)
            members = torch.tensor(self._members, dtype=labels.dtype, device=labels.device)
            table[members] = members[torch.from_numpy(order).to(labels.device)]
            labels = table[labels]
        return self.places(labels) if self.renumbered else labels
