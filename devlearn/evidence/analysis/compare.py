"""comparison.json: the scenario's question, answered from the records of one run or of several.

One run: pairs are compared seed by seed. Several runs: arms are called ``run/arm``, each arm is compared with the arm
of the same name in the first run (with every arm of the first run where no name recurs): seed by seed where all runs
share two seeds or more, which alone are then compared, else unpaired. No scenario declares that, so every verdict is
exploratory, and all arms are scored at the same moment.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from devlearn.evidence.analysis.arms import gain_per, summary
from devlearn.evidence.analysis.budgets import common_range
from devlearn.evidence.analysis.common_seeds import chosen, in_common
from devlearn.evidence.analysis.failures import failed_pair, failed_seeds
from devlearn.evidence.analysis.history import Known, history, standing
from devlearn.evidence.analysis.looks import look
from devlearn.evidence.analysis.new_images import interval_new_images
from devlearn.evidence.analysis.pairing import Values, pair
from devlearn.evidence.analysis.question import Question, merged, question, same_probe
from devlearn.evidence.analysis.stage_gains import stage_gains
from devlearn.evidence.analysis.trust import failures, fragile, unless
from devlearn.evidence.analysis.undetermined import hangs_on
from devlearn.evidence.analysis.values import has_best, measured, values
from devlearn.evidence.analysis.verdicts import Judged, adjust, judge, result, smaller_gain, verdict
from devlearn.evidence.analysis.warnings import left_out, warnings
from devlearn.evidence.analysis.worst import Place, asked_above_chance, hanging
from devlearn.evidence.statistics.sign_flip import ALPHA
from devlearn.records.reader import EvidenceError, Point, RunRecords
from devlearn.records.results import At, Comparison, Comparisons, Interval, PairResult, Reason, Verdict, Warning_

Table = Mapping[str, Values]


def compare(
    runs: Sequence[RunRecords],
    probe: str | None = None,
    at: At | None = None,
    seeds: Collection[int] | None = None,
) -> Comparisons:
    """Compare the arms of one run, or of several.

    ``probe`` is ``PROBE`` or ``PROBE.METRIC``; ``at`` is end, best, birth, area or an update of the last stage. Where
    they differ from what the scenario declares, or only some ``seeds`` are compared, every verdict is labelled
    exploratory. A side analysis that the records don't allow is left out, with a warning.

    Raises:
        EvidenceError: no such probe, moment or seed on record, or several runs that ask different things.
    """
    runs, noted = [chosen(run, seeds) for run in runs], list[Warning_]()
    if len(runs) > 1 and same_probe(runs, probe):
        runs, noted = in_common(runs)
    points = merged(runs)
    asked = question(runs, points, probe, at, seeds)
    tables = [_table(point, asked) for point in points]
    family = [
        _judged(point, table, names, asked)
        for point, table in zip(points, tables, strict=True)
        for names in asked.pairs
    ]
    adjusted, each = adjust(family, len(asked.looks) or 1), len(asked.pairs)
    known = Known(standing(runs, asked), [*noted, *history(runs), *asked_above_chance(asked)])
    places = [(point, names) for point in points for names in asked.pairs]
    hangs = hanging(places, adjusted, asked, _words)
    return Comparisons(
        points=tuple(
            _comparison(
                point, table, asked, adjusted[i * each : (i + 1) * each], known.also(hangs[i * each : (i + 1) * each])
            )
            for i, (point, table) in enumerate(zip(points, tables, strict=True))
        )
    )


def _table(point: Point, asked: Question) -> Table:
    until = common_range(point.arms, asked.pairs)
    return {name: values(arm, asked.measures[name], asked.at, until) for name, arm in point.arms.items()}


def _judged(point: Point, table: Table, names: tuple[str, str], asked: Question) -> Judged:
    """One pair of arms; scored twice where just one of them is matched to another's compute and kept its best.

    Then the smaller gain of the other one counts, in whichever order the two stand. Two matched arms are both scored
    at the same moment.
    """
    a, b = (point.arms[name] for name in names)
    until = common_range(point.arms, asked.pairs)
    paired = asked.alike and set(a.lives) == set(b.lives) and not hangs_on(a, b, asked.what.probes)

    def scored(table: Table, at: At) -> Judged:
        sides = (a, table[a.name]), (b, table[b.name])
        found = pair(*sides, asked.what, paired)
        moments = {a.name: asked.at, b.name: asked.at, matched.name: at}
        if not found.why and not paired and asked.of != "mean":
            found = replace(found, why=Reason.of("unpaired_location", of=asked.of))
        if not found.why and not any(measured(o, asked.measures[o.name], moments[o.name], until) for o in (a, b)):
            found = replace(found, why=Reason.of("never_finite", measure=asked.what.label))
        gone = [failed_seeds(o, asked.measures[o.name], moments[o.name], until, asked.fails) for o in (a, b)]
        failed = None
        if not found.why:
            failed = failed_pair(*sides, (gone[0], gone[1]), [list(g) for g in found.groups] if paired else None)
        return replace(judge(found, asked, at), failed=failed)

    matched = b if b.match else a
    end = scored(table, asked.at)
    twice = asked.at == "end" and asked.select and matched.match and has_best(matched, asked.what)
    if (a.match and b.match) or not twice:
        return end
    best = scored({**table, matched.name: values(matched, asked.what, "best")}, "best")
    return smaller_gain(end, best, 1 if matched is b else -1, asked.what.better)


def _words(places: Sequence[Place], asked: Question) -> list[Verdict]:
    """The words of a family that is judged again."""
    family = [_judged(point, _table(point, asked), names, asked) for point, names in places]
    return [verdict(one, asked.what.better) for one in adjust(family, len(asked.looks) or 1)]


def _comparison(point: Point, table: Table, asked: Question, judged: Sequence[Judged], known: Known) -> Comparison:
    """The answer at one point."""
    seeds = {seed for arm in point.arms.values() for seed in arm.lives}
    looked, unplanned = look(asked.looks, sorted(seeds), asked.seen)
    reasons = (*asked.reasons, *unplanned)
    arms = {name: summary(arm, asked.measures[name], table[name]) for name, arm in point.arms.items()}
    images, missing = _new_images(point, table, asked, judged)
    pairs = []
    for one, interval in zip(judged, images, strict=True):
        fields, gone = result(one, asked, bool(reasons)), failures(one, asked)
        fields |= {"failures": gone, "fragile": fragile(one, asked), "unless": unless(one, asked, gone)}
        a, b = one.pair.arm, one.pair.against
        gain = gain_per(one.difference, arms[a].ledger, arms[b].ledger, asked.what.better)
        hangs = hangs_on(point.arms[a], point.arms[b], asked.what.probes)
        pairs.append(PairResult(**fields, interval_new_images=interval, gain_per=gain, undetermined=hangs))
    gains, unknown = stage_gains(point.arms, asked.probes, asked.measures)
    found = Comparison(
        scenario=asked.scenario,
        digest=asked.digest,
        point=point.point,
        probe=asked.what.key[0],
        metric=asked.what.key[1],
        unit=asked.what.unit,
        at=asked.at,
        better=asked.what.better,
        of=asked.of,
        smallest_effect=asked.smallest_effect,
        registered=known.standing,
        exploratory=bool(reasons),
        exploratory_reasons=reasons,
        family=asked.family,
        alpha=ALPHA,
        look=looked,
        pin=asked.pin,
        arms=arms,
        comparisons=tuple(pairs),
        stages=tuple(gains),
        incomplete=tuple(sorted({job for arm in point.arms.values() for job in arm.unfinished})),
        warnings=(),
    )
    said = (*known.warnings, *warnings(found, point.arms, asked), *missing, *unknown)
    return found.model_copy(update={"warnings": said})


def _new_images(
    point: Point, table: Table, asked: Question, judged: Sequence[Judged]
) -> tuple[list[Interval | None], list[Warning_]]:
    """The interval of every pair for new images, and a warning of each that the records don't allow."""
    found: list[Interval | None] = []
    missing = []
    for one in judged:
        a, b = one.pair.arm, one.pair.against
        try:
            found.append(interval_new_images(one, (point.arms[a], table[a]), (point.arms[b], table[b]), asked))
        except EvidenceError as why:
            found.append(None)
            missing.append(left_out("new_images", (a, b), why))
    return found, missing
