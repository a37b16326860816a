"""What is asked of a run, or of several: which measure, when, of which pairs, and whether the scenario declared it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from devlearn.evidence.analysis.matrix_metrics import is_metric, matrix_measure, refuse_unlived
from devlearn.evidence.analysis.values import Measure, measure
from devlearn.evidence.statistics.adjust import share
from devlearn.records.reader import EvidenceError, Point, RunRecords
from devlearn.records.results import At, Of, Reason
from devlearn.records.schema import CompareEntry, CompareFails, CompareFit, MetricEntry, ProbeEntry

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Declared:
    """What one run's scenario asks. Without a ``compare`` of its own: its first probe at the end, no pairs."""

    what: Measure
    at: At
    smallest_effect: float = 0.0
    pairs: Pairs = ()
    select: bool = False
    of: Of = "mean"
    fails: CompareFails | None = None
    looks: tuple[int, ...] = ()
    levels: tuple[float, ...] = ()
    fit: CompareFit | None = None


@dataclass(frozen=True)
class Question:
    """What is compared, where, by which pairs.

    ``measures`` are the same measure as each arm's own run defines it, ``probes`` that run's probes. ``reasons`` say
    why it isn't what the scenario declared, or nothing; ``looks`` are the planned numbers of seeds, if any; ``select``
    whether matched arms may be scored at their best; ``alike`` whether all runs measured by the same probe; ``several``
    whether they are several. ``of`` is what of the differences is compared, ``fails`` what counts as a failure;
    ``family`` is how many comparisons there are over all points.
    """

    scenario: str
    digest: str
    what: Measure
    measures: Mapping[str, Measure]
    probes: Mapping[str, Mapping[str, ProbeEntry]]
    at: At
    smallest_effect: float
    pairs: Pairs
    reasons: tuple[Reason, ...]
    looks: tuple[int, ...]
    select: bool
    alike: bool
    several: bool
    pin: tuple[str, ...]
    seen: tuple[int, ...]
    of: Of
    fails: CompareFails | None
    family: int

    @property
    def alone(self) -> float:
        """What one look may spend."""
        return share(len(self.looks) or 1)

    @property
    def alpha(self) -> float:
        """What one pair of the family may spend at one look: intervals at this level hold together (Bonferroni)."""
        return self.alone / max(1, self.family)


def declared(run: RunRecords) -> Declared:
    """What the scenario of ``run`` asks.

    Raises:
        EvidenceError: it has no probes.
    """
    probes, asked = run.resolved.probes, run.resolved.compare
    if not probes:
        raise EvidenceError(f"scenario {run.resolved.scenario!r} has no probes: there is nothing to compare")
    if not asked:
        return Declared(measure(probes, next(iter(probes))), "end")
    what = _compared(run, asked)
    return Declared(
        replace(what, better=asked.better or what.better),  # the scenario may state a direction of its own
        moment(asked.at),
        float(asked.smallest_effect or 0.0),
        asked.pairs,
        bool(asked.select),
        asked.of_ or "mean",
        asked.fails,
        asked.looks or (),
        asked.levels,
        asked.fit,
    )


def _compared(run: RunRecords, asked: CompareEntry) -> Measure:
    if is_metric(asked.probe) and asked.probe not in run.resolved.probes:
        return matrix_measure(run.resolved, asked.metric or "", asked.worst)
    return measure(run.resolved.probes, asked.probe, asked.metric)


def moment(at: At) -> At:
    """A moment as it is meant: an update as a number."""
    return int(at) if isinstance(at, str) and at.isdecimal() else at


def same_probe(runs: Sequence[RunRecords], probe: str | None) -> bool:
    """Whether all runs measure what is asked by the same probe. Raises EvidenceError where there is no such probe."""
    whats = _all_asked(runs, [declared(run) for run in runs], probe)
    return all(_definition(run, whats[0]) == _definition(runs[0], whats[0]) for run in runs)


def question(
    runs: Sequence[RunRecords],
    points: Sequence[Point],
    probe: str | None,
    at: At | None,
    seeds: Collection[int] | None = None,
) -> Question:
    """What to ask of ``runs``, whose arms are those of ``points``.

    What a run's scenario declares holds where nothing else is asked. Several runs have to agree, so that their order
    makes no difference; of smallest effects that differ the smallest holds.

    Raises:
        EvidenceError: no such probe or metric; or the scenarios of several runs ask different things.
    """
    own = [declared(run) for run in runs]
    whats = _all_asked(runs, own, probe)
    moments = [one.at if at is None else moment(at) for one in own]
    _agreed("--probe", runs, [what.label for what in whats])
    _agreed("--at", runs, [str(when) for when in moments])
    _agreed("--probe", runs, [f"{what.label}, {what.better} is better" for what in whats])
    first, what, when, several = own[0], whats[0], moments[0], len(runs) > 1
    other = any(what.key != one.what.key or when != one.at for one in own)
    reasons = [Reason.of("other_question")] * other + [Reason.of("several_runs")] * several
    reasons += [Reason.of("some_seeds", seeds=sorted(seeds))] if seeds is not None and not several else []
    arms = _arms_of(runs, points)
    pairs = _across(arms) if several else first.pairs
    if what.parts:
        refuse_unlived(runs[0].resolved, points, pairs)
    same = all((one.of, one.fails) == (first.of, first.fails) for one in own) and what.key == first.what.key
    return Question(
        scenario=runs[0].resolved.scenario,
        digest=runs[0].resolved.digest,
        what=what,
        measures={arm: whats[place] for arm, place in arms.items()},
        probes={arm: runs[place].resolved.probes for arm, place in arms.items()},
        at=when,
        smallest_effect=min(one.smallest_effect if what.key == one.what.key else 0.0 for one in own),
        pairs=pairs,
        reasons=tuple(reasons),
        looks=() if several else first.looks,
        select=first.select and not several,
        alike=all(_definition(run, what) == _definition(runs[0], what) for run in runs),
        several=several,
        pin=tuple(dict.fromkeys(stream for run in runs for stream in run.resolved.pin)),
        seen=tuple(sorted({n for run in runs for n in run.resolved.seen})),
        of=first.of if same else "mean",
        fails=first.fails if same else None,
        family=len(points) * len(pairs),
    )


def _all_asked(runs: Sequence[RunRecords], own: Sequence[Declared], probe: str | None) -> list[Measure]:
    """What is asked of each run, by probes that all of them have. Raises EvidenceError where one lacks a probe."""
    if probe is not None and not is_metric(probe):
        _all_have(runs, [probe.partition(".")[0]])
    whats = [_asked(run, one, probe) for run, one in zip(runs, own, strict=True)]
    _all_have(runs, list(dict.fromkeys(name for what in whats for name in what.probes)))
    return whats


def _all_have(runs: Sequence[RunRecords], probes: Sequence[str]) -> None:
    """See that ``probes`` are those of all ``runs``; one that none of them has is told elsewhere."""
    sets = [run.resolved.probes for run in runs]
    held = [name for name in probes if any(name in own for own in sets)]
    lacks = {run: [name for name in held if name not in own] for run, own in zip(run_names(runs), sets, strict=True)}
    if not any(lacks.values()):
        return
    each = "; ".join(f"{run} has no probe {', '.join(map(repr, names))}" for run, names in lacks.items() if names)
    shared = [name for name in sets[0] if all(name in own for own in sets)]
    mend = (
        f"`devlearn compare` takes one that all have by --probe: {', '.join(shared)}"
        if shared
        else "no probe is in all of them; name runs of scenarios with the same probe"
    )
    raise EvidenceError(f"these runs are not measured alike: {each}. {mend[0].upper()}{mend[1:]}")


def _asked(run: RunRecords, own: Declared, probe: str | None) -> Measure:
    if probe is not None and is_metric(probe) and probe.partition(".")[0] not in run.resolved.probes:
        what = matrix_measure(run.resolved, probe.partition(".")[2])
    else:
        what = own.what if probe is None else measure(run.resolved.probes, probe)
    return own.what if what.key == own.what.key else what


def _agreed(option: str, runs: Sequence[RunRecords], asked: Sequence[str]) -> None:
    if len(set(asked)) > 1:
        each = "; ".join(f"{run.folder.name}: {one}" for run, one in zip(runs, asked, strict=True))
        raise EvidenceError(f"these runs ask different things ({each}); say which with {option}")


def _definition(run: RunRecords, what: Measure) -> list[ProbeEntry]:
    """What is measured by which probes. How often it is makes no difference, nor how their metrics are shown."""
    return [_bare(run.resolved.probes[probe]) for probe, _ in what.reads]


def _bare(probe: ProbeEntry) -> ProbeEntry:
    metrics = {name: MetricEntry(better=metric.better, worst=metric.worst) for name, metric in probe.metrics.items()}
    return probe.model_copy(update={"every": None, "metrics": metrics})


# ---- several runs ----


def merged(runs: Sequence[RunRecords]) -> tuple[Point, ...]:
    """The points of one run; the arms of several under ``run/arm``, point by point.

    Raises:
        EvidenceError: the runs vary different things.
    """
    if len(runs) == 1:
        return runs[0].points
    if any([p.point for p in run.points] != [p.point for p in runs[0].points] for run in runs):
        raise EvidenceError("these runs vary different things; compare runs with the same points")
    points = []
    for i, point in enumerate(runs[0].points):
        arms = {}
        for name, run in zip(run_names(runs), runs, strict=True):
            for arm in run.points[i].arms.values():  # named, and its branches, by the run that they are of
                stages = tuple(stage.model_copy(update={"branch": f"{name}/{stage.branch}"}) for stage in arm.stages)
                arms[f"{name}/{arm.name}"] = replace(arm, name=f"{name}/{arm.name}", stages=stages)
        points.append(Point(point.point, arms))
    return tuple(points)


def run_names(runs: Sequence[RunRecords]) -> list[str]:
    """The folders' names; a second one of the same name is numbered."""
    names: list[str] = []
    for run in runs:
        name = run.folder.resolve().name
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names


def _arms_of(runs: Sequence[RunRecords], points: Sequence[Point]) -> dict[str, int]:
    """{arm: which of ``runs`` it is of}, over all points."""
    if len(runs) == 1:
        return dict.fromkeys((arm for point in points for arm in point.arms), 0)
    places = {name: place for place, name in enumerate(run_names(runs))}
    return {arm: places[arm.rpartition("/")[0]] for point in points for arm in point.arms}


def across(runs: Sequence[RunRecords], points: Sequence[Point]) -> Pairs:
    """The pairs of several runs, whose arms are those of ``points``."""
    return _across(_arms_of(runs, points))


def _across(arms: Mapping[str, int]) -> Pairs:
    """Each arm with the one of the same name in the first run; with every arm of the first where no name recurs."""
    first = [arm for arm, place in arms.items() if place == 0]
    pairs = [(arm, base) for arm, place in arms.items() if place for base in first]
    same = [(arm, base) for arm, base in pairs if arm.rpartition("/")[2] == base.rpartition("/")[2]]
    return tuple(same or pairs)
