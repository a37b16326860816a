"""A caregiver who says more as the child understands more."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import State
    from devlearn.stages.shared.feedback import Rung
    from devlearn.stages.stage import Happening

MEMORY = 0.99  # of the running share of words understood: a hundred updates
OPENED = "rung"  # an event: what a learner is told from now on


@dataclass(frozen=True)
class Growing:
    """Rungs that open one after another, for each learner when its comprehension reaches the ``levels`` of it.

    State: ``rung`` (N,), the place of what is said; ``comprehension`` (N,), which begins at 0; ``opened`` (N,) bool,
    whether the last yield opened a rung.
    """

    rungs: tuple[Rung, ...]
    levels: tuple[float, ...]

    def check(self) -> None:
        """Raises ValueError where levels and rungs don't belong together."""
        if len(self.levels) != len(self.rungs) - 1:
            need = len(self.rungs) - 1
            raise ValueError(f"opens has {len(self.levels)} numbers for {need} rungs after the first; give {need}")
        if any(not 0 < level <= 1 for level in self.levels) or list(self.levels) != sorted(self.levels):
            raise ValueError("opens are shares of words understood, above 0 and at most 1, none below the one before")

    def doubts(self, bits: Sequence[float]) -> Iterator[tuple[str, str]]:
        """That a rung tells no more than the one before it; ``bits`` are those of each."""
        for before, after in pairwise(range(len(self.rungs))):
            if bits[after] <= bits[before]:
                first, second = (f"{self.rungs[at]} ({bits[at]:.2f} bits a guess)" for at in (before, after))
                why = f"{second} comes after {first} and tells no more"
                yield "says", f"a caregiver who grows says more and more, and {why}; put rungs in rising order"

    def begin(self, cohort: Cohort) -> State:
        """Its part of a stage's state."""
        zeros = torch.zeros(cohort.n, dtype=torch.int64, device=cohort.device)
        share = torch.zeros(cohort.n, dtype=torch.float64, device=cohort.device)
        return {"rung": zeros, "comprehension": share, "opened": zeros.bool()}

    def note(self, understood: Tensor, state: State) -> None:
        """Take in the share of a minibatch's words that each learner understood (N,), and open what is due."""
        state["comprehension"] = MEMORY * state["comprehension"] + (1 - MEMORY) * understood.double()
        levels = torch.tensor([*self.levels, torch.inf], dtype=torch.float64, device=understood.device)
        state["opened"] = state["comprehension"] >= levels[state["rung"]]
        state["rung"] = state["rung"] + state["opened"]

    def metrics(self, state: State) -> dict[str, Tensor]:
        return {"comprehension": state["comprehension"], "rung": state["rung"]}

    def happened(self, state: State) -> Iterator[Happening]:
        """An event for each learner whose rung the last yield opened."""
        for row in state["opened"].nonzero()[:, 0].tolist():
            who = torch.zeros(len(state["opened"]), dtype=torch.bool)
            who[row] = True
            share, rung = float(state["comprehension"][row]), int(state["rung"][row])
            yield OPENED, f"{self.rungs[rung]}, as {share:.3f} of words are understood", who
