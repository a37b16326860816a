"""The verdicts: a table and a sentence for each pair, what would change them, and who diverged."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.text.change import what_would_change
from devlearn.evidence.text.comparison import limits, qualifiers, sentence, which_p
from devlearn.evidence.text.costs import beside
from devlearn.evidence.text.points import setting
from devlearn.evidence.text.summary import all_unless
from devlearn.records.reader import Point
from devlearn.records.results import Comparison, PairResult
from devlearn.report.grid import grid
from devlearn.report.section import Page, Place, section


@dataclass(frozen=True)
class Diverged:
    """A learner that turned non-finite, and where."""

    arm: str
    seed: int
    stage: str
    update: int


@dataclass(frozen=True)
class PointVerdicts:
    """What was found at one point.

    ``qualifiers`` belong to the word of each pair, ``costs`` say what its first arm paid beside the second, ``which_p``
    says which test its p is of. ``images``: some intervals hold for new images; ``twice`` are the pairs that were
    scored at two moments.
    """

    place: Place
    found: Comparison
    qualifiers: Sequence[Sequence[str]]
    costs: Sequence[str]
    sentences: Sequence[str]
    limits: Sequence[str]
    which_p: str
    images: bool
    twice: Sequence[PairResult]
    diverged: Sequence[Diverged]


@dataclass(frozen=True)
class Verdicts:
    """All points, what would change their answer, and whether their tables are behind a line to open."""

    points: Sequence[PointVerdicts]
    change: Sequence[str]
    folded: bool


@section("verdicts", title="Verdicts", after="differences")
def verdicts(page: Page) -> Verdicts:
    """Each pair with its difference, interval, p, verdict and cost, in a table; what would change the answer.

    Then the same in sentences, scores at best checkpoints, and who diverged.
    """
    bodies = page.found.comparisons.points
    told = all_unless(bodies)
    return Verdicts([_at(place, told) for place in page.places], _change(bodies), grid(bodies) is not None)


def _change(bodies: Sequence[Comparison]) -> list[str]:
    """What would change the answer; with its points where it isn't so at all of them."""
    said: dict[str, list[str]] = {}
    for body in bodies:
        for line in what_would_change(body):
            said.setdefault(line, []).append(setting(body.point))
    return [line if len(where) == len(bodies) else f"At {'; '.join(where)}. {line}" for line, where in said.items()]


def _at(place: Place, told: bool) -> PointVerdicts:
    """``told``: that all of it holds unless some fail is said by the headline, with the rate."""
    found = place.comparison
    pairs = found.comparisons
    return PointVerdicts(
        place=place,
        found=found,
        qualifiers=[qualifiers(pair, found, told) for pair in pairs],
        costs=[beside(found.arms[pair.arm], found.arms[pair.against]) for pair in pairs],
        sentences=[sentence(pair, found).replace(" %", "\u00a0%") for pair in pairs],
        limits=limits(found, rare=False),  # what would change the answer says what to do
        which_p=which_p({pair.verdict for pair in pairs}),
        images=any((pair.interval_new_images or (None,))[0] is not None for pair in pairs),
        twice=[pair for pair in pairs if pair.at_best],
        diverged=_diverged(place.records),
    )


def _diverged(point: Point) -> list[Diverged]:
    return [
        Diverged(name, seed, arm.stages[life.diverged[0]].name, life.diverged[1])
        for name, arm in point.arms.items()
        for seed, life in arm.lives.items()
        if life.diverged is not None
    ]
