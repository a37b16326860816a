"""The answer in a picture: each pair's difference with its interval, and every learner's value."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.report.drawing import figures
from devlearn.report.grid import Grid, grid
from devlearn.report.section import Drawn, Page, Place, Shown, section


@dataclass(frozen=True)
class Point:
    """The figures of one point; ``place`` gives its title."""

    place: Place
    figures: Sequence[Shown]


@dataclass(frozen=True)
class Differences:
    """The figures of every point; over them, where pairs or points are many, all differences in one table."""

    grid: Grid | None
    points: Sequence[Point]


@section("differences", title="Differences", after="points")
def differences(page: Page) -> Differences:
    """Each pair's difference with its intervals, and every learner as a dot.

    Where pairs or points are many, a shaded table of all differences and verdicts stands first. A dashed interval holds
    for new images too. A hollow diamond is the mean at the best checkpoint, where the verdict counts it.
    """
    points = [Point(place, page.figures(_drawn(place))) for place in page.places]
    return Differences(grid(page.found.comparisons.points), points)


def _drawn(place: Place) -> list[Drawn]:
    found = place.comparison
    matched = [name for name, arm in place.records.arms.items() if arm.match]
    dots = figures.dots(found, f"{place.prefix}dots", matched)
    return [figures.differences(found, f"{place.prefix}differences"), dots] if found.comparisons else [dots]
