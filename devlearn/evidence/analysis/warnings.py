"""What a reader has to know before believing the verdicts of one point: codes with their fields, no words."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from devlearn.evidence import statistics
from devlearn.evidence.analysis.gates import UnpassedGate, gates_nobody_passed
from devlearn.evidence.analysis.question import Question
from devlearn.evidence.analysis.undetermined import undetermined
from devlearn.records.declared import role_of
from devlearn.records.reader import ArmRecords, EvidenceError, Key, LearnerRecord
from devlearn.records.results import Comparison, PairResult, TestKind, Verdict, Warning_
from devlearn.records.schema import CompareFails, ControlEntry, MatchEntry, Number, Resolved

FEW_SEEDS = 10
SEEN_TAILS = 16  # learners from whom on a false word is as rare as it should be under long tails (docs/calibration.md)
DECIDED = ("better", "worse", "equivalent")
MOST_SEEDS = 64  # of a mend
FEW_FAIL = 0.05  # a failure rate up to which accepting it leaves a verdict its meaning
CHEAPER = 0.95  # of an arm's FLOPs: an arm that spent less is no control for them

Arms = Mapping[str, ArmRecords]
Pairs = Iterable[tuple[str, str]]
Followed = tuple[MatchEntry | None, tuple[str, Number] | None]  # whom an arm is matched to, and its last stage's budget


def warnings(found: Comparison, arms: Arms, asked: Question) -> list[Warning_]:
    """The warnings of one point whose other parts are there."""
    wanting = {name: arm.uncontrolled for name, arm in arms.items() if arm.uncontrolled and not asked.several}
    told = {name for name, some in wanting.items() if any(one.control == "compute" for one in some)}
    paired = [(pair.arm, pair.against) for pair in found.comparisons] if found.at == "area" else []
    return [
        *_seeds_added(asked),
        *([] if asked.alike else [Warning_.of("probes_differ", probe=found.probe)]),
        *_failed(arms),
        *_unfinished(found, arms),
        *_few(found),
        *_accepts(asked.fails, min((pair.n for pair in found.comparisons), default=0)),
        *_approximate(found),
        *_diverged(found),
        *_gates_nobody_passed(arms),
        *(line for key in asked.what.reads for line in _not_finite(arms, key)),
        *_shared_seeds(found, arms),
        *undetermined(arms, asked.what.probes),
        *match_unseen(paired, {name: (arm.match, arm.stages[-1].budget) for name, arm in arms.items()}),
        *_scored_at_end(found, arms, asked),
        *(missing_controls(name, some) for name, some in wanting.items()),
        *(Warning_.of("no_control", arm=name) for name in _without_control(found) if name not in told),
    ]


def left_out(part: str, of: Sequence[str], why: EvidenceError) -> Warning_:
    """That a side analysis is not there because the records don't allow it."""
    return Warning_.of("left_out", part=part, of=list(of), why=str(why))


def _failed(arms: Arms) -> Iterator[Warning_]:
    """Arms of which learners ended with an error, each with the first of them."""
    for name, arm in arms.items():
        if arm.failed:
            job, why = next(iter(arm.failed.values()))
            more = len({job for job, _ in arm.failed.values()}) - 1
            known: dict[str, Any] = {"arm": name, "failed": len(arm.failed), "seeds": len(arm.lives)}
            yield Warning_.of("failed", **known, job=job, why=why.partition("\n")[0], more=more)


def _unfinished(found: Comparison, arms: Arms) -> list[Warning_]:
    """Jobs that are not done, those apart that failed."""
    failed = {job for arm in arms.values() for job, _ in arm.failed.values()}
    jobs = [job for job in found.incomplete if job not in failed]
    return [Warning_.of("unfinished", jobs=jobs)] if jobs else []


def _seeds_added(asked: Question) -> list[Warning_]:
    if not asked.seen or asked.looks:
        return []
    return [Warning_.of("seeds_added", seen=list(asked.seen))]


def _few(found: Comparison) -> Iterator[Warning_]:
    """Few seeds or lineages, and too few for any verdict."""
    counted = [(one.n, one.seeds) for one in found.comparisons or found.arms.values()]
    counted = [one for one in counted if one[0]]  # pairs of which learners are missing say nothing of seeds
    if not counted:
        return
    n, seeds = min(n for n, _ in counted), min(seeds for _, seeds in counted)
    if n < FEW_SEEDS:
        yield Warning_.of("few", n=n, seeds=seeds, fewest=FEW_SEEDS)
    if n < SEEN_TAILS and any(pair.verdict in DECIDED and not pair.fragile for pair in found.comparisons):
        yield Warning_.of("tails", n=n, seeds=seeds, enough=SEEN_TAILS)
    if any(pair.test.paired for pair in found.comparisons):
        yield from _out_of_reach(n, seeds, max(1, found.family), found.looks)


def _approximate(found: Comparison) -> list[Warning_]:
    """That words rest on the test of the middle half, which errs more often than it says (docs/calibration.md)."""
    words = [pair for pair in found.comparisons if pair.suggests in DECIDED and pair.test is TestKind.MIDDLE]
    return [Warning_.of("middle_half", pairs=len(words))] if words else []


def _out_of_reach(n: int, seeds: int, family: int, looks: int) -> Iterator[Warning_]:
    """That so few seeds can't decide so many comparisons, if so, and how many can."""

    def smallest(count: int) -> float:
        return statistics.smallest_p(count) * family * looks

    if smallest(n) <= statistics.ALPHA:
        return
    enough = next((more for more in range(n, MOST_SEEDS) if smallest(more) <= statistics.ALPHA), None)
    least = min(1.0, smallest(n))
    yield Warning_.of("out_of_reach", n=n, seeds=seeds, family=family, looks=looks, enough=enough, smallest=least)


def _diverged(found: Comparison) -> Iterator[Warning_]:
    for name, arm in found.arms.items():
        if arm.diverged:
            counted = arm.mean is not None
            yield Warning_.of("diverged", arm=name, diverged=arm.diverged, seeds=arm.seeds, counted=counted)


def _gates_nobody_passed(arms: Arms) -> Iterator[Warning_]:
    """One warning of a stage that several arms lived together."""
    together: dict[tuple[str, int], list[UnpassedGate]] = {}
    for arm in arms.values():
        for gate in gates_nobody_passed(arm):
            together.setdefault((arm.stages[gate.position].branch, gate.position), []).append(gate)
    for gates in together.values():
        gate = gates[0]
        of = [one.arm for one in gates]
        yield Warning_.of("gate_unpassed", arms=of, stage=gate.stage, gate=gate.gate, learners=gate.learners)


def _not_finite(arms: Arms, key: Key) -> Iterator[Warning_]:
    """Learners with a value that is no finite number although they hadn't diverged: a probe's fault, as a rule."""
    for name, arm in arms.items():
        if lost := [seed for seed, life in arm.lives.items() if _lost(life, key)]:
            yield Warning_.of("not_finite", arm=name, measure=".".join(key), seeds=list(lost))


def _lost(life: LearnerRecord, key: Key) -> bool:
    gone = life.diverged or (math.inf, math.inf)
    moments = [*life.moments, *([life.best] if life.best else [])]
    return any((m.position, m.update) < gone and not math.isfinite(m.values.get(key, 0.0)) for m in moments)


def _shared_seeds(found: Comparison, arms: Arms) -> Iterator[Warning_]:
    """Unpaired comparisons whose arms hold some seeds in common: they share draws, and Welch's test doesn't know."""
    for pair in found.comparisons:
        common = arms[pair.arm].lives.keys() & arms[pair.against].lives.keys()
        if common and not pair.test.paired and not pair.undetermined:
            yield Warning_.of("shared_seeds", arm=pair.arm, against=pair.against, common=len(common))


def _scored_at_end(found: Comparison, arms: Arms, asked: Question) -> Iterator[Warning_]:
    """Matched arms that end in school and are scored at their end only: they may have overfitted by then."""
    single = [pair for pair in found.comparisons if not pair.at_best]
    compared = {name for pair in single for name in (pair.arm, pair.against)}
    for name, arm in arms.items():
        schooled = arm.match is not None and role_of(arm.stages[-1]) == "supervise"
        if name in compared and found.at == "end" and schooled and not arm.unfinished:
            both = [other for other in _rivals(name, single) if arms[other].match]
            too = both[0] if both else None
            several = asked.several
            yield Warning_.of("scored_at_end", arm=name, several=several, matched_too=too, selected=asked.select)


def _rivals(name: str, pairs: Iterable[PairResult]) -> list[str]:
    """The arms that ``name`` is paired with, on whichever side it stands."""
    return [pair.arm if pair.against == name else pair.against for pair in pairs if name in (pair.arm, pair.against)]


WINNER: Mapping[Verdict, str] = {"better": "arm", "worse": "against"}


def _without_control(found: Comparison) -> list[str]:
    """Winners that are compared only with arms that spent under 95 % of their FLOPs, tuning included.

    In whichever order a pair is declared: who wins is ``arm`` of a "better" and ``against`` of a "worse".
    """
    pairs = found.comparisons
    won = {getattr(pair, WINNER[pair.suggests]) for pair in pairs if pair.suggests in WINNER}
    paired = dict.fromkeys(name for pair in pairs for name in (pair.arm, pair.against))
    spent = {name: arm.flops for name, arm in found.arms.items()}
    return [
        name
        for name in paired
        if name in won and all(spent[other] < CHEAPER * spent[name] for other in _rivals(name, pairs))
    ]


# ---- what a plan says before anything is trained ----


def undecidable(plan: Resolved) -> list[Warning_]:
    """That no declared pair of a plan can come to a verdict, if so: its seeds are too few for its family."""
    asked = plan.compare
    if asked is None or not asked.pairs:
        return []
    n, seeds = _fewest(plan)
    return list(_out_of_reach(n, seeds, len(asked.pairs) * len(plan.points), len(asked.looks or (n,))))


def few_seeds(plan: Resolved) -> list[Warning_]:
    """That the pairs of a plan will mostly stay undecided, if so."""
    if plan.compare is None or not plan.compare.pairs:
        return []
    n, seeds = _fewest(plan)
    return [Warning_.of("few", n=n, seeds=seeds, fewest=FEW_SEEDS)] if n < FEW_SEEDS else []


def _fewest(plan: Resolved) -> tuple[int, int]:
    """Of the arm or point that has the fewest: how many lineages, or seeds where none is shared; how many seeds."""
    named = [arm.lineages for point in plan.points for arm in point.arms.values() if arm.lineages]
    counts = [len(plan.seeds_at(point)) for point in range(len(plan.points))]
    return min([*((len(set(own.values())), len(own)) for own in named), *((count, count) for count in counts)])


def accepted_failures(plan: Resolved) -> list[Warning_]:
    """That a plan's question accepts more failures than a verdict should be silent about, or fewer than it can see."""
    asked = plan.compare
    counts = [len(plan.seeds_at(point)) for point in range(len(plan.points))]
    return _accepts(asked.fails, min(counts)) if asked and asked.pairs and counts else []


def _accepts(fails: CompareFails | None, n: int) -> list[Warning_]:
    """``n``: the learners of an arm, or lineages."""
    rate = fails.accept if fails else None
    if rate is None or n < 1:
        return []
    least = statistics.rate_bound(0, n)
    if rate < least:
        return [Warning_.of("accepts_little", rate=rate, n=n, least=least)]
    if rate <= FEW_FAIL:
        return []
    most = max(failed for failed in range(n) if statistics.rate_bound(failed, n) <= rate)
    return [Warning_.of("accepts_much", rate=rate, n=n, failed=most)]


def uncontrolled(plan: Resolved) -> list[Warning_]:
    """What a plan's own pairs leave open, arm by arm."""
    arms = [item for point in plan.points for item in point.arms.items()]
    return _once(missing_controls(name, arm.uncontrolled) for name, arm in arms if arm.uncontrolled)


def missing_controls(name: str, wanting: Sequence[ControlEntry]) -> Warning_:
    """Which controls an arm's priors ask for and no pair gives, and what to add to the scenario."""
    return Warning_.of("missing_controls", arm=name, wanting=[one.content() for one in wanting])


def not_inherited(plan: Resolved) -> list[Warning_]:
    """Which weights of a brain are no part of the genome that its learners are born from."""
    stages = [stage for point in plan.points for arm in point.arms.values() for stage in arm.stages if stage.left]
    return _once(Warning_.of("not_inherited", stage=stage.name, weights=stage.left) for stage in stages)


def unscored_matches(plan: Resolved) -> list[Warning_]:
    """That a plan's own pairs are scored by an area that can't see what a match adds, if they are."""
    asked = plan.compare
    if asked is None or asked.at != "area":
        return []
    points = [{name: (arm.match, arm.stages[-1].budget) for name, arm in point.arms.items()} for point in plan.points]
    return _once(line for arms in points for line in match_unseen(asked.pairs, arms))


def match_unseen(pairs: Pairs, arms: Mapping[str, Followed]) -> list[Warning_]:
    """One warning of all arms that are compared with the arm whose budget they follow.

    An area ends with the shortest budget, and what a match adds comes after it.
    """
    found = {one: units for a, b in pairs for one, other in ((a, b), (b, a)) if (units := _units(one, other, arms))}
    units = list(dict.fromkeys(unit for some in found.values() for unit in some))
    return [Warning_.of("match_unseen", arms=list(found), by=list(units))] if found else []


def _units(one: str, other: str, arms: Mapping[str, Followed]) -> list[str]:
    """What sets an arm's budget so that it equals another arm; nothing where both last stages are equally long."""
    match, budget = arms[one]
    if match is None or match.arm != other or budget == arms[other][1]:
        return []
    by = [match.by] if isinstance(match.by, str) else match.by
    return [unit for unit in by if unit not in ("labels", "bytes")]


def _once(found: Iterable[Warning_]) -> list[Warning_]:
    """Each different one, in order."""
    different: list[Warning_] = []
    for one in found:
        if one not in different:
            different.append(one)
    return different
