"""Lessons: which one every learner was in along its life."""

from devlearn.evidence.analysis.training import trajectories
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Drawn, Page, Place, section


@section("lessons", title="Lessons", after="bonuses", folded=True)
def lessons(page: Page) -> list[Drawn] | None:
    """The lesson of every learner over environment steps, arm under arm.

    There where learners had lessons (``lessons`` of a trial stage).
    """
    return [drawn for place in page.places for drawn in _at(place)] or None


def _at(place: Place) -> list[Drawn]:
    found = {name: trajectories(arm, "lesson") for name, arm in place.records.arms.items()}
    several = families(place.comparison)
    groups = [(family, {arm: found[arm] for arm in arms if found.get(arm)}) for family, arms in several]
    shown = [(index, family, arms) for index, (family, arms) in enumerate(groups) if arms]
    return [
        figures.lessons(arms, numbered(f"{place.prefix}lessons", index, several), family, number == 0)
        for number, (index, family, arms) in enumerate(shown)
    ]
