"""Plasticity over the life: the online accuracy of task after task."""

from devlearn.evidence.analysis.training import Course, courses
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Drawn, Page, Place, section


@section("online", title="Plasticity over the life", after="lessons", folded=True)
def online(page: Page) -> list[Drawn] | None:
    """Online accuracy over updates, there where what is to be learned changes within a stage (``tasks``)."""
    return [drawn for place in page.places for drawn in _at(place)] or None


def _at(place: Place) -> list[Drawn]:
    said: dict[str, Course] = {}
    for name, arm in place.records.arms.items():
        found = courses(arm, ("online",), unit="updates").get("online")
        if found is not None and len(found.x):
            said[name] = found
    several = families(place.comparison)
    groups = [(family, {arm: said[arm] for arm in arms if arm in said}) for family, arms in several]
    shown = [(index, family, arms) for index, (family, arms) in enumerate(groups) if arms]
    return [
        figures.online(arms, numbered(f"{place.prefix}online", index, several), family, number == 0)
        for number, (index, family, arms) in enumerate(shown)
    ]
