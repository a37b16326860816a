"""The proxy beside the metric, where the compared probe measures both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.curves import curves
from devlearn.evidence.analysis.values import measure
from devlearn.records.results import Agreement, RefusedAgreement
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Page, Place, Shown, section


@dataclass(frozen=True)
class Watched:
    """How far the metric follows its proxy, for each arm of one point."""

    place: Place
    figures: Sequence[Shown]
    arms: Mapping[str, Agreement | RefusedAgreement]


@section("proxy", title="Proxy and metric", after="cost", folded=True)
def proxy(page: Page) -> list[Watched] | None:
    """How far the metric follows the proxy that gradient descent lowers: cross-entropy against accuracy along learning.

    There where the compared probe measures both.
    """
    return [_at(page, place) for place in page.places if place.analyses.proxy] or None


def _at(page: Page, place: Place) -> Watched:
    found = place.analyses.proxy
    some, probes = next(iter(found.values())), page.run.resolved.probes
    proxies, metrics = (curves(place.records.arms, measure(probes, name)) for name in (some.proxy, some.metric))
    several = families(place.comparison)
    drawn = [
        figures.proxy(
            {arm: proxies[arm] for arm in arms}, metrics, numbered(f"{place.prefix}proxy", i, several), family
        )
        for i, (family, arms) in enumerate(several)
    ]
    return Watched(place, page.figures(drawn), found)
