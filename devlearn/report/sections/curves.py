"""Learning curves, where they differ, times to a level, hot starts, and where each arm began."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.curves import Curve
from devlearn.evidence.analysis.curves import curves as curves_of
from devlearn.evidence.analysis.values import measure, measures
from devlearn.evidence.text.comparison import FEW
from devlearn.evidence.text.formats import listed
from devlearn.records.reader import ArmRecords, RunRecords
from devlearn.records.results import (
    ArmHeight,
    Band,
    HotStart,
    LevelPair,
    LevelReached,
    PairHeight,
    PointAnalyses,
    Reason,
    RefusedBand,
    RefusedHotStart,
    ScarcePassage,
    Took,
)
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Drawn, Page, Place, Shown, section

PAID = ("labels", "images", "env_steps", "flops")


@dataclass(frozen=True)
class LevelRow:
    """One arm at one level; ``paid`` is what half of its learners had paid at most, over their life, by unit."""

    arm: str
    found: LevelReached
    paid: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class HeightRows:
    """Where arms stood at the moments of ``columns``, and how far pairs were apart then."""

    columns: Sequence[str]
    arms: Mapping[str, Sequence[ArmHeight]]
    pairs: Sequence[Sequence[PairHeight]]


@dataclass(frozen=True)
class PointCurves:
    """The curves of one point. ``more`` are the same over other units, by what those are; ``others`` other probes'.

    ``missing`` says who is in no curve, and why.
    """

    place: Place
    missing: Sequence[str]
    figures: Sequence[Shown]
    more: Sequence[tuple[str, Sequence[Shown]]]
    others: Sequence[Shown]
    bands: Sequence[Shown]
    refused_bands: Sequence[RefusedBand]
    short_bands: Sequence[Band]
    levels: Sequence[LevelRow]
    level_pairs: Sequence[LevelPair]
    hot_start: Sequence[HotStart | ScarcePassage | RefusedHotStart]
    heights: HeightRows
    left_out: Sequence[Reason]


@dataclass(frozen=True)
class Curves:
    """All points, and the probes that measure a part of their data on the way (``quick``)."""

    points: Sequence[PointCurves]
    quick: Sequence[str]


@section("curves", title="Learning curves", after="matrix")
def curves(page: Page) -> Curves:
    """Curves over updates, labels and FLOPs, and where they differ; what says nothing is left out.

    A closer plot stands below where the last stages take up less than half of the axis. Simultaneous bands of
    differences; with ``compare.levels`` times to a level and hot starts, or why there is no answer.
    """
    quick = [name for name, probe in page.run.resolved.probes.items() if probe.own.get("quick")]
    return Curves([_at(page, place) for place in page.places], quick)


def _at(page: Page, place: Place) -> PointCurves:
    point, found, analysed = place.records, place.comparison, place.analyses
    drawn = _learning(page.run, place)
    apart = len(families(found)) > 1  # several plots for each unit: those of the first stand, the others unfold
    first = drawn.pop(next(iter(drawn), ""), []) if apart else [one for same in drawn.values() for one in same]
    more = drawn if apart else {}
    stops = {name: _stop(arm) for name, arm in point.arms.items()}
    bands = [
        figures.band(entry, found.unit, f"{place.prefix}band-{i}", [stops[entry.arm], stops[entry.against]])
        for i, entry in enumerate(analysed.bands)
        if isinstance(entry, Band) and len(entry.updates) > 1  # one moment is no curve
    ]
    return PointCurves(
        place=place,
        missing=list(_missing(point.arms)),
        figures=page.figures(first),
        more=[(figures.UNITS[unit], page.figures(same)) for unit, same in more.items()],
        bands=page.figures(bands),
        others=page.figures(list(_others(page.run, place))),
        short_bands=[entry for entry in analysed.bands if isinstance(entry, Band) and len(entry.updates) < 2],
        refused_bands=[entry for entry in analysed.bands if isinstance(entry, RefusedBand)],
        levels=_levels(analysed, falling=found.better == "lower"),
        level_pairs=analysed.level_pairs,
        hot_start=analysed.hot_start,
        heights=_heights(analysed),
        left_out=analysed.left_out,
    )


def _missing(arms: Mapping[str, ArmRecords]) -> Iterator[str]:
    """Who is in no curve: learners that ended with an error, by the error, and those that others are ahead of."""
    ended: dict[str, dict[str, int]] = {}
    for name, arm in arms.items():
        for _, error in arm.failed.values():
            by_arm = ended.setdefault(error.partition("\n")[0], {})
            by_arm[name] = by_arm.get(name, 0) + 1
    for why, counts in ended.items():
        yield f"{_who(counts, arms)} ended with an error ({why})"
    lives = {
        name: [not life.done for seed, life in arm.lives.items() if seed not in arm.failed]
        for name, arm in arms.items()
    }
    going = {name: sum(unfinished) for name, unfinished in lives.items() if any(unfinished)}
    if going and any(life.done for arm in arms.values() for life in arm.lives.values()):  # else captions say it of all
        yield f"not yet at the end of their life: {_who(going, arms)}"


def _who(counts: Mapping[str, int], arms: Mapping[str, ArmRecords]) -> str:
    """``all 6 learners of wild and 2 of 6 learners of odd``; ``29 learners of 7 arms`` where arms are many."""
    if len(counts) > FEW:
        return f"{sum(counts.values())} learners of {len(counts)} arms"
    found = []
    for name, some in counts.items():
        of = len(arms[name].lives)
        all_ = f"all {of} learners" if of > 1 else "the learner"
        found.append(f"{all_ if some == of else f'{some} of {of} learners'} of {name}")
    return listed(found)


def _stop(arm: ArmRecords) -> int:
    """The last measured update of an arm's last stage."""
    last = len(arm.stages) - 1
    return max((m.update for life in arm.lives.values() for m in life.moments if m.position == last), default=0)


def _learning(run: RunRecords, place: Place) -> dict[str, list[Drawn]]:
    """The learning curves by what they are drawn over, a plot for each family of arms."""
    point, compared = place.records, place.comparison
    if compared.probe not in run.resolved.probes:  # a metric of the matrix is of a whole life, and no curve
        return {}
    lines = curves_of(point.arms, measure(run.resolved.probes, compared.probe, compared.metric))
    several, found = families(compared), dict[str, list[Drawn]]()
    best = _optimum(run, place, compared.probe, compared.metric)
    for unit in figures.UNITS:
        for i, (family, arms) in enumerate(several):
            own = {arm: lines[arm] for arm in arms}
            names = {arm: [stage.name for stage in point.arms[arm].stages] for arm in arms}
            if _worth_drawing(own, unit):
                name = numbered(f"{place.prefix}over-{unit}", i, several)
                found.setdefault(unit, []).append(
                    figures.learning(own, unit, name, names if unit == "updates" else None, family, best)
                )
    return found


def _worth_drawing(curves: Mapping[str, Curve], unit: str) -> bool:
    """Whether a plot over ``unit`` says something: labels that all arms paid at once only part before from after."""
    known = [curve for curve in curves.values() if len(curve) > 1]
    if unit != "labels":
        return any(curve.x[unit].any() for curve in known)
    paid = {tuple(sorted(set(curve.x[unit].tolist()))) for curve in known}
    return any(levels[-1] for levels in paid) and (len(paid) > 1 or any(len(levels) > 2 for levels in paid))


def _others(run: RunRecords, place: Place) -> Iterator[Drawn]:
    """The curves of the probes that are not compared."""
    several = families(place.comparison)
    for what in measures(run.resolved.probes):
        if what.key[0] != place.comparison.probe:
            lines = curves_of(place.records.arms, what)
            for i, (family, arms) in enumerate(several):
                name = numbered(f"{place.prefix}probe-{what.key[0]}", i, several)
                own = {arm: lines[arm] for arm in arms}
                if all(len(curve) < 2 for curve in own.values()):
                    continue
                yield figures.learning(own, "updates", name, None, family, _optimum(run, place, *what.key))


def _optimum(run: RunRecords, place: Place, probe: str, metric: str) -> float | None:
    """What the best agent gets of a metric at a point, where that is on record."""
    probes = run.resolved.probes_at(run.points.index(place.records))
    return probes[probe].metrics[metric].optimum


def _levels(analysed: PointAnalyses, falling: bool) -> list[LevelRow]:
    """A row for each level and arm, in the order in which the levels are reached."""
    rows = [LevelRow(arm, one, _paid(one.units)) for arm, found in analysed.levels.items() for one in found.values()]
    return sorted(rows, key=lambda row: row.found.level, reverse=falling)


def _paid(units: Mapping[str, Took]) -> list[tuple[str, float]]:
    medians = ((unit, units[unit].median) for unit in PAID if unit in units)
    return [(unit, median) for unit, median in medians if median is not None]


def _heights(analysed: PointAnalyses) -> HeightRows:
    """At birth, newborn, when the last stage begins, and over that stage."""
    columns = {
        "At birth": analysed.birth,
        "After its innate stages": analysed.newborn,
        "When its last stage begins": analysed.start,
        "Area under the last stage's curve": analysed.area,
    }
    arms = {arm: [heights.arms[arm] for heights in columns.values()] for arm in analysed.birth.arms}
    return HeightRows(list(columns), arms, list(zip(*(heights.pairs for heights in columns.values()), strict=True)))
