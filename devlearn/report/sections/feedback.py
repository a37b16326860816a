"""Feedback: the compared measure against what a caregiver told."""

from collections.abc import Mapping

from devlearn.evidence.analysis.curves import Curve, curves
from devlearn.evidence.analysis.values import measure
from devlearn.records.declared import SHARE
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Drawn, Page, Place, section


@section("feedback", title="Feedback", after="lessons", folded=True)
def feedback(page: Page) -> list[Drawn] | None:
    """The compared measure over bits and over events of feedback, with what bits can tell of the labelled images alone.

    There where a caregiver said something (``caregiver.*``).
    """
    return [drawn for place in page.places for drawn in _at(page, place)] or None


def _at(page: Page, place: Place) -> list[Drawn]:
    compared, probes = place.comparison, page.run.resolved.probes
    if compared.probe not in probes:  # a metric of the matrix is of a whole life, and no curve
        return []
    found = curves(place.records.arms, measure(probes, compared.probe, compared.metric))
    heard = {name: curve for name, curve in found.items() if len(curve) and curve.x["feedback_events"].any()}
    chance = probes[compared.probe].metrics[compared.metric].chance
    several = families(compared)
    groups = [(family, {arm: heard[arm] for arm in arms if arm in heard}) for family, arms in several]
    silent = [[arm for arm in arms if arm in found and arm not in heard] for _, arms in several]
    return [
        figures.feedback(
            arms,
            unit,
            numbered(f"{place.prefix}over-{unit}", i, several),
            _pool(arms, unit, compared.unit, chance),
            family,
            silent[i],
        )
        for i, (family, arms) in enumerate(groups)
        if arms
        for unit in ("feedback_bits", "feedback_events")
    ]


def _pool(arms: Mapping[str, Curve], unit: str, of: str, chance: float | None) -> tuple[float, float] | None:
    """Labelled images and chance for the theory's line over bits; None where one is not known, or arms differ."""
    pools = {float(curve.x["labels"][-1]) for curve in arms.values()}
    if unit != "feedback_bits" or of != SHARE or not chance or chance >= 1 or len(pools) != 1 or not any(pools):
        return None
    return pools.pop(), chance
