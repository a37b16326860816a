"""The verdicts: a table and a sentence for each pair, further intervals, and who diverged."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.text.comparison import limits, qualifiers, sentence, which_p
from devlearn.records.reader import Point
from devlearn.records.results import Comparison, PairResult
from devlearn.report.section import Page, Place, section


@dataclass(frozen=True)
class Diverged:
    """A learner that turned non-finite, and where."""

    arm: str
    seed: int
    stage: str
    update: int


@dataclass(frozen=True)
class Verdicts:
    """What was found at one point.

    ``qualifiers`` belong to the word of each pair, ``which_p`` says which test its p is of. ``extra`` are those of
    which more than the one interval is known, for new images or at the best checkpoint; ``twice`` says whether a pair
    was scored at both moments.
    """

    place: Place
    found: Comparison
    qualifiers: Sequence[Sequence[str]]
    sentences: Sequence[str]
    limits: Sequence[str]
    which_p: str
    extra: Sequence[PairResult]
    twice: bool
    diverged: Sequence[Diverged]


@section("verdicts", title="Verdicts", after="lives")
def verdicts(page: Page) -> list[Verdicts]:
    """Each pair with its difference, interval, p and verdict, in a table and in sentences.

    Then the second interval, for new images, scores at best checkpoints, and who diverged.
    """
    return [_at(place) for place in page.places]


def _at(place: Place) -> Verdicts:
    found = place.comparison
    return Verdicts(
        place=place,
        found=found,
        qualifiers=[qualifiers(pair, found) for pair in found.comparisons],
        sentences=[sentence(pair, found).replace(" %", "\u00a0%") for pair in found.comparisons],
        limits=limits(found),
        which_p=which_p({pair.verdict for pair in found.comparisons}),
        extra=[pair for pair in found.comparisons if pair.interval_new_images or pair.at_best],
        twice=any(pair.at_best for pair in found.comparisons),
        diverged=_diverged(place.records),
    )


def _diverged(point: Point) -> list[Diverged]:
    return [
        Diverged(name, seed, arm.stages[life.diverged[0]].name, life.diverged[1])
        for name, arm in point.arms.items()
        for seed, life in arm.lives.items()
        if life.diverged is not None
    ]
