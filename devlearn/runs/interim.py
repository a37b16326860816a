"""Planned looks and the trials before them: what a run that is trained in steps keeps, and what each look decides.

Every step is planned from the run folder alone, so that a run goes on from wherever it was stopped.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from devlearn.evidence.text.points import brief, setting

if TYPE_CHECKING:
    from devlearn.evidence import Comparisons
    from devlearn.scenario import Scenario

OPEN = ("undecided", "incomplete")


def next_stop(scenario: "Scenario", before: Mapping[str, Any] | None) -> int:
    """The number of seeds to train first: that of the folder, or of the first look that goes beyond it."""
    there = len(before["seeds"]) if before else 0
    return next((count for count in scenario.stops if count >= there), scenario.stops[-1])


def chosen(tuning: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the trials of ``tune`` chose, a line for each arm at each point."""
    return [
        f"tuned {arm}: {', '.join(f'{path} = {brief(value)}' for path, value in record['chosen'].items())}"
        f" (the best of {len(record['trials'])} trials, {counted(len(record['seeds']))} each)"
        for point in tuning
        for arm, record in point.items()
    ]


def looks(scenario: "Scenario") -> tuple[int, ...]:
    """The planned looks; none where the scenario has none."""
    return (scenario.compare.looks if scenario.compare else None) or ()


def look(found: "Comparisons", scenario: "Scenario", count: int) -> tuple[str, bool]:
    """What a look at ``count`` seeds came to and what follows, in words, and whether the run ends here."""
    still, total = open_pairs(found), len(found.pairs)
    planned = looks(scenario)
    where = f"look {planned.index(count) + 1} of {len(planned)} ({counted(count)})"
    seen = f"{where}: {total - len(still)} of {total} pairs decided"
    later = [more for more in planned if more > count]
    words = [seen + (f", not yet {', '.join(still)}" if still else ""), *_next(still, later, scenario.stops)]
    return "; ".join(words), not still or count == scenario.stops[-1]


def counted(seeds: int) -> str:
    """``4 seeds``, ``1 seed``."""
    return f"{seeds} seed{'s' * (seeds != 1)}"


def _next(still: list[str], later: list[int], stops: tuple[int, ...]) -> list[str]:
    """What follows after a look, in words."""
    if not later:
        return ["that was the last look"] if still else []
    if not still:
        return ["no more seeds are needed"]
    return [f"on to {later[0]} seeds" if later[0] in stops else f"the next look is at {later[0]} seeds"]


def open_pairs(found: "Comparisons") -> list[str]:
    """The pairs without a verdict, in words; an exploratory verdict is one."""
    return [
        f"{pair.arm} against {pair.against}" + (f" at {setting(point.point)}" if point.point else "")
        for point in found.points
        for pair in point.comparisons
        if pair.suggests in OPEN
    ]
