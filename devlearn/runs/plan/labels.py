"""Labels that a life pays for once: what a plan knows of them before any seed has drawn one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devlearn.probes.probe import Probe
from devlearn.stages.fields import Gate
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.tasks.data import places, size, smallest_parts

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class PlannedLabels:
    """Labels that a learner has: all of some parts of the data, and draws from ``drawn`` [(parts, labels)].

    How far two draws overlap is known when seeds have drawn, so a plan counts them as different; a run counts what
    each learner has.
    """

    whole: frozenset[str] = frozenset()
    drawn: tuple[tuple[frozenset[str], int], ...] = ()

    def new(self, source: LabelledBatches) -> int:
        """How many labels of a stage's are new, at most; of all that a split has, exactly."""
        return min(source.num_labels, self._left(frozenset(smallest_parts(source.data))))

    def with_(self, source: LabelledBatches) -> "PlannedLabels":
        """These and a stage's."""
        parts = frozenset(smallest_parts(source.data))
        if source.num_labels == size(source.data):
            return PlannedLabels(self.whole | parts, self.drawn)
        return PlannedLabels(self.whole, (*self.drawn, (parts, self.new(source))))

    def _left(self, parts: frozenset[str]) -> int:
        """Labels of these parts that nobody has bought, where all draws are different."""
        rest = parts - self.whole
        bought = sum(count for drawn, count in self.drawn if drawn - self.whole and drawn <= parts)
        return max(0, sum(size(part) for part in rest) - bought)


NOTHING = PlannedLabels()


def choosing_labels(probes: Mapping[str, Probe], gate: Gate | None, select: str | None) -> Iterator[tuple[str, Rows]]:
    """The labels that a stage's ``until`` and ``compare.select`` read on the way: splits, and places in them (L,)."""
    for name in dict.fromkeys(name for name in (gate and gate.probe.partition(".")[0], select) if name):
        yield from probes[name].labels_read(full=False).items()


def chosen_by(reads: Iterable[tuple[str, Rows]]) -> frozenset[tuple[str, int]]:
    """The same as labels of the data: two splits may share some."""
    return frozenset(
        (data, place) for split, rows in reads for data, first in (places(split),) for place in (rows + first).tolist()
    )
