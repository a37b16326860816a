"""The life of each arm: a storyboard for each story that differs, with the points that tell it."""

from dataclasses import dataclass

from devlearn.evidence.analysis.timeline import Story, story
from devlearn.report.drawing import figures
from devlearn.report.section import Page, Shown, section


@dataclass(frozen=True)
class Told:
    """A story, the titles of the points that tell it, and its storyboard."""

    story: Story
    titles: list[str]
    figure: Shown


@section("lives", title="The life of each arm", after="warnings")
def lives(page: Page) -> list[Told]:
    """Stages as bars on one axis of updates, of FLOPs where nobody made any.

    What an arm shares with one above is dashed; a stage that nobody has finished is hollow, as long as its budget
    declares.
    """
    told: list[Told] = []
    for place in page.places:
        found = story(place.records)
        same = next((other for other in told if other.story == found), None)
        if same is None:
            figure = page.figure(figures.storyboard(found, f"{place.prefix}lives"))
            told.append(Told(found, [place.title], figure))
        else:
            same.titles.append(place.title)
    return told
