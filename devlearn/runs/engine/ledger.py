"""What each learner has consumed, over its whole life.

Charged by the engine alone, from what a stage declares of one yield. The engine checks the updates that a yield took
against the declaration; images, labels and FLOPs are the stage's word, held by the laws' tests for our own stages.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from devlearn.records.schema import BITS, COLUMNS, FEEDBACK, KEPT, SOMETIMES
from devlearn.stages.stage import Cost
from devlearn.tasks.data import places, pool_classes, pool_size


class KnownLabels:
    """Which labels each of N learners has, so that none is paid for twice.

    Attributes:
        known: {data: (N, M) bool}, for each of its M images.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.known: dict[str, Tensor] = {}

    def take(self, split: str, rows: Tensor, who: Tensor) -> Tensor:
        """How many of the ``rows`` (N, L) of a split ``who`` (N,) bool did not have and has from now on: (N,) int64."""
        data, first = places(split)
        if data not in self.known:
            self.known[data] = torch.zeros(self.n, pool_size(split), dtype=torch.bool)
        own = self.known[data]
        before = own.sum(1)
        chosen = who.nonzero()[:, 0]
        own[chosen[:, None], rows.cpu()[chosen] + first] = True
        return own.sum(1) - before

    @property
    def bits(self) -> Tensor:
        """What they can tell, (N,) float64: log2(K) bits for each label of K classes."""
        told = (own.sum(1).double() * math.log2(pool_classes(data)) for data, own in self.known.items())
        return sum(told, torch.zeros(self.n, dtype=torch.float64))

    def state(self) -> dict[str, Any]:
        """For a checkpoint: one bit a label."""
        return {
            data: {"count": own.shape[1], "bits": torch.from_numpy(np.packbits(own.numpy(), axis=1))}
            for data, own in self.known.items()
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` gave."""
        self.known = {
            data: torch.from_numpy(np.unpackbits(own["bits"].cpu().numpy(), axis=1, count=own["count"]).astype(bool))
            for data, own in state.items()
        }


class Ledger:
    """One row a learner; ``columns`` {name: (N,)} int64, bits float64. Those of feedback are there from ``listen`` on.

    Attributes:
        labels: those that a learner was given to learn from, as far as stages say which they are.
        validation: those that its choices were made by.
        told: the bits that were paid for ``labels``, (N,) float64.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.labels, self.validation = KnownLabels(n), KnownLabels(n)
        self.told = torch.zeros(n, dtype=torch.float64)
        self.columns = {name: self._nothing(name) for name in COLUMNS}

    def _nothing(self, name: str) -> Tensor:
        return torch.zeros(self.n, dtype=torch.float64 if name in BITS else torch.int64)

    def listen(self) -> None:
        """From now on a caregiver may say something: keep count of it."""
        for name in FEEDBACK:
            self.columns.setdefault(name, self._nothing(name))

    @property
    def listens(self) -> bool:
        """Whether a caregiver's feedback is counted."""
        return FEEDBACK.keys() <= self.columns.keys()

    def hear(self, told: Mapping[str, Any], who: Tensor) -> None:
        """Add what a caregiver told in a yield, ``feedback_events`` and ``feedback_bits``, to ``who`` (N,) bool."""
        for name in FEEDBACK:
            self.columns[name] += who.to(self.columns[name].dtype) * told[name]

    def count_kept(self) -> None:
        """From now on a protection may keep something: it is counted."""
        for name in KEPT:
            self.columns.setdefault(name, self._nothing(name))

    def keep(self, cost: Cost, who: Tensor) -> None:
        """Charge ``who`` (N,) bool with what a protection takes at a stage's end, and with what is kept from now on."""
        self.columns["flops"] += who.long() * cost.closing_flops
        for name in KEPT:
            column = self.columns[name]
            column.copy_(torch.where(who, column.clamp(min=getattr(cost, name)), column))

    def charge(self, cost: Cost, names: Sequence[str], who: Tensor) -> None:
        """Add the columns ``names`` of a cost (``ONCE`` or ``PER_YIELD``) to the learners ``who`` (N,) bool."""
        for name in names:
            column = self.columns[name]
            column += who.to(column.dtype) * getattr(cost, name)

    def buy(self, cost: Cost, split: str, rows: Tensor, who: Tensor) -> None:
        """Charge ``who`` (N,) bool with those ``rows`` (N, L) of a split whose labels are new to them.

        Their bits are the cost's, as long as a learner pays no more than the labels that it has can tell.
        """
        self.columns["labels"] += self.labels.take(split, rows, who)
        most = self.labels.bits - self.told
        bits = who * most.clamp(min=0.0, max=cost.label_bits)
        self.told += bits
        self.columns["label_bits"] += bits

    def look(self, split: str, rows: Tensor, who: Tensor) -> None:
        """Charge ``who`` (N,) bool with those ``rows`` (L,) of a split by which none of its choices was made before."""
        self.columns["labels_validation"] += self.validation.take(split, rows.expand(self.n, -1), who)

    def state(self) -> dict[str, Tensor]:
        """A copy of the columns."""
        return {name: column.clone() for name, column in self.columns.items()}

    def known(self) -> dict[str, Any]:
        """Which labels are paid for, for a checkpoint."""
        return {"labels": self.labels.state(), "validation": self.validation.state(), "told": self.told.clone()}

    def load(self, state: Mapping[str, Tensor], known: Mapping[str, Any]) -> None:
        """Take over what ``state`` and ``known`` gave."""
        for name in SOMETIMES:
            if name in state:
                self.columns.setdefault(name, self._nothing(name))
        for name, column in self.columns.items():
            column.copy_(state[name])
        self.labels.load(known["labels"])
        self.validation.load(known["validation"])
        self.told.copy_(known["told"])
