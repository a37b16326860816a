"""Planned looks: at which numbers of seeds a verdict may be read, and what each look costs.

With ``compare.looks: [8, 16, 32]`` the alpha of .05 is spent in equal parts (Bonferroni over the looks): p values are
multiplied by their number and intervals are at level 1 - .05 / 3. The seeds of the look at n are 0 to n - 1. A verdict
over other seeds, or after an unplanned one had been seen, is exploratory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.statistics.sign_flip import ALPHA
from devlearn.records.reader import Json


@dataclass(frozen=True)
class Look:
    """Where a verdict stands among the planned looks; ``why`` says why it is not one of them, or is empty."""

    looks: tuple[int, ...]
    n: int
    why: tuple[str, ...]

    def entry(self) -> Json:
        """The body's ``look``; ``index`` counts from 0, and is None where this number of seeds wasn't planned."""
        index = self.looks.index(self.n) if self.n in self.looks else None
        return {"looks": list(self.looks), "n": self.n, "index": index, "planned": not self.why}


def look(resolved: Json, seeds: Sequence[int]) -> Look | None:
    """The look at ``seeds``; None where the scenario plans none."""
    planned = tuple((resolved.get("compare") or {}).get("looks") or ())
    return Look(planned, len(seeds), tuple(_unplanned(planned, seeds, resolved.get("seen") or []))) if planned else None


def _unplanned(planned: tuple[int, ...], seeds: Sequence[int], seen: Sequence[int]) -> list[str]:
    found = []
    if len(seeds) not in planned:
        found.append(f"{len(seeds)} seeds are not one of the planned looks, {', '.join(map(str, planned))}")
    elif sorted(seeds) != list(range(len(seeds))):
        found.append(f"the planned look at {len(seeds)} takes the seeds 0 to {len(seeds) - 1}, and these are others")
    if other := [n for n in seen if n not in planned]:
        found.append(f"a verdict on {other[0]} seeds had been seen, which no look had planned")
    return found


def share(looked: Look | None) -> float:
    """The alpha of one look."""
    return ALPHA / len(looked.looks) if looked else ALPHA
