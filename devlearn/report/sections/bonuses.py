"""Curiosity: what the environment paid along training, and what was added to it."""

from devlearn.evidence.analysis.training import Course, courses
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Drawn, Page, Place, section


@section("bonuses", title="Curiosity", after="films", folded=True)
def bonuses(page: Page) -> list[Drawn] | None:
    """Returns of training episodes, and the bonuses beside them, over environment steps.

    There where some learners were curious (``intrinsic``); arms without curiosity stand beside them.
    """
    return [drawn for place in page.places for drawn in _at(place)] or None


def _at(place: Place) -> list[Drawn]:
    said: dict[str, dict[str, Course]] = {}
    for name, arm in place.records.arms.items():
        if found := courses(arm, ("return", "bonus")):
            said[name] = found
    if not any("bonus" in found for found in said.values()):
        return []
    several = families(place.comparison)
    groups = [(family, {arm: said[arm] for arm in arms if arm in said}) for family, arms in several]
    curious = [any("bonus" in found for found in arms.values()) for _, arms in groups]
    shown = [(index, family, arms) for index, (family, arms) in enumerate(groups) if curious[index]]
    return [
        figures.bonuses(arms, numbered(f"{place.prefix}bonuses", index, several), family, number == 0)
        for number, (index, family, arms) in enumerate(shown)
    ]
