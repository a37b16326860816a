"""Planned looks: at which numbers of seeds a verdict may be read, and what each look costs.

With ``compare.looks: [8, 16, 32]`` the alpha of .05 is spent in equal parts (Bonferroni over the looks): p values are
multiplied by their number and intervals are at level 1 - .05 / 3. The seeds of the look at n are 0 to n - 1. A verdict
over other seeds, or after an unplanned one had been seen, is exploratory.
"""

from collections.abc import Sequence

from devlearn.records.results import Look, Reason


def look(planned: Sequence[int], seeds: Sequence[int], seen: Sequence[int]) -> tuple[Look | None, list[Reason]]:
    """The look at ``seeds`` (None where none are planned), and why it is not one of the planned ones, if it isn't.

    ``seen`` are the numbers of seeds for which a verdict had been given before.
    """
    if not planned:
        return None, []
    n, why = len(seeds), []
    if n not in planned:
        why.append(Reason.of("unplanned_count", seeds=n, looks=list(planned)))
    elif sorted(seeds) != list(range(n)):
        why.append(Reason.of("unplanned_seeds", seeds=n))
    if other := [count for count in seen if count not in planned]:
        why.append(Reason.of("seen_unplanned", seeds=other[0]))
    index = planned.index(n) if n in planned else None
    return Look(looks=tuple(planned), n=n, index=index, planned=not why), why
