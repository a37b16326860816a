"""What a life kept of what it learned: every skill at birth and at the end of every stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.matrix_cells import Told, cells, metrics
from devlearn.evidence.analysis.skill_matrix import Skills, skills
from devlearn.evidence.text.formats import listed
from devlearn.records.declared import METRICS
from devlearn.records.results import KeptSkill
from devlearn.report.drawing import figures
from devlearn.report.section import Page, Place, Shown, section


@dataclass(frozen=True)
class Kept:
    """The matrices of one point.

    ``table`` holds for each metric what it is and what it says of each of ``arms``, those that live every stage of it;
    ``skills`` for each arm its skills: name, unit and what became of it. ``unknown`` says which metrics are not known,
    of whom and why; ``missing`` what is not on record; ``experts`` whether the scenario names any.
    """

    place: Place
    maps: Sequence[Shown]
    lines: Sequence[Shown]
    arms: Sequence[str]
    skills: Sequence[tuple[str, Sequence[tuple[str, str, KeptSkill]]]]
    table: Sequence[tuple[str, str, Sequence[Told]]]
    unknown: Sequence[str]
    missing: Sequence[str]
    scores: str
    experts: bool


@section("matrix", title="What was kept", after="lives")
def matrix(page: Page) -> list[Kept] | None:
    """The matrix of skills of each arm with its intervals, every skill over a life, and all metrics of the matrix.

    There with ``compare.matrix``.
    """
    asked = page.run.resolved.compare
    return [_at(page, place) for place in page.places] if asked and asked.matrix else None


def _unit(known: Skills, stage: str) -> str:
    return "number" if known.scores == "normalised" else known.measures[stage].unit


def _unknown(name: str, arms: Sequence[str], row: Sequence[Told]) -> list[str]:
    """Why a metric is not known, once for all arms that have the same reason."""
    whys: dict[str, list[str]] = {}
    for arm, one in zip(arms, row, strict=True):
        if one.why:
            whys.setdefault(one.why.replace(f" of arm {arm!r}", ""), []).append(arm)
    return [f"{name.replace('_', ' ')} of {listed(who)}: {why}" for why, who in whys.items()]


def _at(page: Page, place: Place) -> Kept:
    known, asked = skills(page.run.resolved), page.run.resolved.compare
    expert = bool(asked and asked.matrix and asked.matrix.experts)
    arms = place.records.arms
    whole = [name for name, arm in arms.items() if len(known.of(arm).measures) == len(known.measures)]
    found = {name: cells(arms[name], known) for name in whole}
    shown = [(index, own) for index, (own, _) in enumerate(found.values()) if own is not None]
    told = [list(metrics(page.run.resolved, arms[name])) for name in whole]
    asked_for = [
        (name, facts, [row[index] for row in told])
        for index, (name, facts) in enumerate(METRICS.items())
        if expert or not facts.experts
    ]
    return Kept(
        place=place,
        maps=page.figures([figures.heat_map(own, f"{place.prefix}matrix-{index}") for index, own in shown]),
        lines=page.figures([figures.over_life(own, f"{place.prefix}over-life-{index}") for index, own in shown]),
        arms=whole,
        skills=[
            (name, [(stage, _unit(known, stage), skill) for stage, skill in life.skills.items()])
            for name, life in place.analyses.matrix.items()
            if life.skills
        ],
        table=[(name, facts.about, row) for name, facts, row in asked_for if any(one.mean is not None for one in row)],
        unknown=[line for name, _, row in asked_for for line in _unknown(name, whole, row)],
        missing=[line for _, lines in found.values() for line in lines],
        scores=known.scores,
        experts=expert,
    )
