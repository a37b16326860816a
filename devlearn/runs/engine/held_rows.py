"""Holding: learners that have moved on keep their weights and moments while the cohort goes on."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort


class HeldRows:
    """Copies of the rows of held learners (N,) bool, written back by ``restore`` after every yield.

    The cohort is one tensor program and never shrinks, so a yield moves the held learners as well. A zero loss would
    not hold one: Adam's momentum moves it. Of a stage's state only the moments outlive the stage, and what a protection
    keeps, so only they are kept.
    """

    def __init__(self, cohort: Cohort, lasting: Iterable[Mapping[str, Any]], held: Tensor) -> None:
        self.cohort = cohort
        self.rows = held.nonzero()[:, 0].to(cohort.device)
        self.kept: list[tuple[Tensor, Tensor]] = []
        if len(self.rows):
            self.weights = cohort.take(self.rows)
            tensors = [value for state in lasting for value in state.values() if isinstance(value, Tensor)]
            self.kept = [(tensor, tensor[self.rows].clone()) for tensor in tensors]

    def restore(self) -> None:
        """Put the held learners back to what they were."""
        if not len(self.rows):
            return
        with torch.no_grad():
            self.cohort.put(self.rows, self.weights)
            for tensor, rows in self.kept:
                tensor[self.rows] = rows
