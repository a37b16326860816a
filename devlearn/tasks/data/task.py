"""A task: a data set seen in one way. Which of its classes, and whose read-out says which one an image is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.tasks.data import class_counts, source_of

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.tasks.data import DataSource


@dataclass(frozen=True)
class Task:
    """Some classes of a split, or all (None), and their read-out; None: that of the data set.

    The data set's own read-out has an output for each of its classes, and labels are what they are: which classes a
    task is of has to be told apart too (class-incremental). A read-out of another name has one for each class of the
    task, in their order: of its own (task-incremental), or one for several tasks (domain-incremental).
    """

    data: str
    classes: tuple[int, ...] | None = None
    head: str | None = None

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
        return sum(counts if self.classes is None else (counts[label] for label in self.classes))

    def places(self, labels: Tensor) -> Tensor:
        """Labels as places in ``classes``, -1 for those of other classes."""
        if self.classes is None:
            return labels
        table = torch.full((self.source.classes,), -1, dtype=labels.dtype, device=labels.device)
        table[list(self.classes)] = torch.arange(len(self.classes), dtype=labels.dtype, device=labels.device)
        return table[labels]

    def rows(self, labels: Tensor) -> Tensor:
        """Which of the labels (M,) are of these classes, as places in them."""
        return (self.places(labels) >= 0).nonzero()[:, 0]

    def targets(self, labels: Tensor) -> Tensor:
        """Labels of these classes as the read-out numbers them."""
        return self.places(labels) if self.renumbered else labels
