"""What a life kept of what it learned: every skill at birth and at the end of every stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.matrix_cells import Told, cells, metrics
from devlearn.evidence.analysis.skill_matrix import skills
from devlearn.records.declared import METRICS
from devlearn.report.drawing import figures
from devlearn.report.section import Page, Place, Shown, section


@dataclass(frozen=True)
class Kept:
    """The matrices of one point.

    ``table`` holds for each metric what it is and what it says of each of ``arms``, those that live every stage of it;
    ``missing`` says what is not on record; ``experts`` whether the scenario names any.
    """

    place: Place
    maps: Sequence[Shown]
    lines: Sequence[Shown]
    arms: Sequence[str]
    table: Sequence[tuple[str, str, Sequence[Told]]]
    missing: Sequence[str]
    scores: str
    experts: bool


@section("matrix", title="What was kept", after="verdicts")
def matrix(page: Page) -> list[Kept] | None:
    """The matrix of skills of each arm with its intervals, every skill over a life, and all metrics of the matrix.

    There with ``compare.matrix``.
    """
    asked = page.run.resolved.compare
    return [_at(page, place) for place in page.places] if asked and asked.matrix else None


def _at(page: Page, place: Place) -> Kept:
    known, asked = skills(page.run.resolved), page.run.resolved.compare
    expert = bool(asked and asked.matrix and asked.matrix.experts)
    arms = place.records.arms
    whole = [name for name, arm in arms.items() if len(known.of(arm).measures) == len(known.measures)]
    found = {name: cells(arms[name], known) for name in whole}
    shown = [(index, own) for index, (own, _) in enumerate(found.values()) if own is not None]
    told = [list(metrics(page.run.resolved, arms[name])) for name in whole]
    return Kept(
        place=place,
        maps=page.figures([figures.heat_map(own, f"{place.prefix}matrix-{index}") for index, own in shown]),
        lines=page.figures([figures.over_life(own, f"{place.prefix}over-life-{index}") for index, own in shown]),
        arms=whole,
        table=[
            (name, facts.about, [row[index] for row in told])
            for index, (name, facts) in enumerate(METRICS.items())
            if expert or not facts.experts
        ],
        missing=[line for _, lines in found.values() for line in lines],
        scores=known.scores,
        experts=expert,
    )
