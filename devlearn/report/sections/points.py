"""What the points of ``vary`` say together: the mean over what is varied, and the fitted power laws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devlearn.records.results import Fit, RefusedFit
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import BEGINNING, Page, Shown, section


@dataclass(frozen=True)
class OverAll:
    """The figures over all points, and the power law of each arm; none without ``compare.fit``."""

    figures: Sequence[Shown]
    fits: Mapping[str, Fit | RefusedFit]


@section("points", title="Over all points", after=BEGINNING)
def points(page: Page) -> OverAll | None:
    """Each arm's mean over what is varied, and the fitted power laws.

    There with ``vary``; the power laws with ``compare.fit``.
    """
    bodies, fits = page.found.comparisons.points, page.found.analyses.fits
    if len(bodies) < 2:
        return None
    several = families(bodies[0])
    drawn = [
        *(figures.varied(bodies, numbered("varied", i, several), *family) for i, family in enumerate(several)),
        figures.fits(fits, bodies[0].probe, "fits"),
    ]
    return OverAll(page.figures(drawn), fits) if fits or any(drawn) else None
