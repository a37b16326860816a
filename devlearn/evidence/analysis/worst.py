"""Verdicts that hang on what a diverged learner counts with: the word is looked up again with another answer to that.

A learner that diverged has no value of its own; the scenario's ``worst`` stands for it. Left out, at the bad end of the
metric's range (of what any learner got, where it has none), and at chance, where that is known: a word that is not the
same in all of these rests on the choice of ``worst`` and not on what was measured.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from devlearn.evidence.analysis.question import Question
from devlearn.evidence.analysis.values import Measure, measure, values
from devlearn.evidence.analysis.verdicts import Judged, verdict
from devlearn.records.declared import SHARE
from devlearn.records.reader import ArmRecords, Point
from devlearn.records.results import Verdict, Warning_
from devlearn.records.schema import MetricEntry, Resolved

Place = tuple[Point, tuple[str, str]]  # a pair, and the arms and learners that it is judged among
LEFT_OUT = "left out"
Words = Callable[[Sequence[Place], Question], Sequence[Verdict]]


def hanging(places: Sequence[Place], judged: Sequence[Judged], asked: Question, words: Words) -> list[list[Warning_]]:
    """For each pair of the family, the warning that its word hangs on ``worst``; none, as a rule.

    ``places`` are the pairs of the family, ``judged`` what became of them, adjusted; ``words`` judges a whole family
    again, under another question.
    """
    gone = [_diverged(point, names, asked) for point, names in places]
    if asked.what.worst is None or not any(gone):
        return [[] for _ in places]
    own = [verdict(one, asked.what.better) for one in judged]
    alive = [*map(_alive, places, gone)]
    others: dict[str, Sequence[Verdict]] = {LEFT_OUT: words(alive, asked)}
    for name, value in _stand_ins(places, gone, asked):
        others[name] = words(places, _with_worst(asked, value))
    warnings: list[list[Warning_]] = [[] for _ in places]
    for index, ((_, names), lost) in enumerate(zip(places, gone, strict=True)):
        nobody = alive[index] is places[index]  # would be left
        told = [[name, found[index]] for name, found in others.items() if not (nobody and name == LEFT_OUT)]
        if lost and own[index] != "incomplete" and any(word != own[index] for _, word in told):
            facts = {"arm": names[0], "against": names[1], "word": own[index], "diverged": len(lost), "others": told}
            warnings[index].append(Warning_.of("hangs_on_worst", worst=asked.what.worst, **facts))
    return warnings


def _diverged(point: Point, names: tuple[str, str], asked: Question) -> frozenset[int]:
    """The seeds of a pair's learners whose value is ``worst``, or made of it."""
    known = {name: replace(asked.measures[name], worst=None) for name in names}
    found = {name: values(point.arms[name], known[name], asked.at) for name in names}
    return frozenset(seed for own in found.values() for seed, value in own.items() if value is None)


def _alive(place: Place, gone: frozenset[int]) -> Place:
    """A pair without these learners; as it is where nobody would be left."""
    point, names = place
    arms = {name: _without(arm, gone) if name in names else arm for name, arm in point.arms.items()}
    return (Point(point.point, arms), names) if all(arms[name].lives for name in names) else place


def _without(arm: ArmRecords, gone: frozenset[int]) -> ArmRecords:
    return replace(arm, lives={seed: life for seed, life in arm.lives.items() if seed not in gone})


def _stand_ins(places: Sequence[Place], gone: Sequence[frozenset[int]], asked: Question) -> Iterator[tuple[str, float]]:
    """What a diverged learner might as well have counted with, by what it is: other values than its ``worst``."""
    what, worst_of = asked.what, min if asked.what.better == "higher" else max
    known = [value for place, lost in zip(places, gone, strict=True) for value in _finite(_alive(place, lost), asked)]
    found: dict[str, float] = {}
    if what.unit == SHARE:
        found["the bad end of its range"] = worst_of(0.0, 1.0)
    elif known:
        found["the worst value that any learner got"] = worst_of(known)
    declared = _entry(asked)
    if declared is not None and declared.chance is not None:
        found["chance"] = float(declared.chance)
    yield from ((name, value) for name, value in found.items() if value != what.worst)


def _finite(place: Place, asked: Question) -> Iterator[float]:
    point, names = place
    for name in names:
        found = values(point.arms[name], replace(asked.measures[name], worst=None), asked.at)
        yield from (value for value in found.values() if value is not None)


def _with_worst(asked: Question, worst: float) -> Question:
    measures: Mapping[str, Measure] = {name: replace(one, worst=worst) for name, one in asked.measures.items()}
    return replace(asked, what=replace(asked.what, worst=worst), measures=measures)


def _entry(asked: Question) -> MetricEntry | None:
    if asked.what.parts:  # nobody guesses a whole life
        return None
    probe, metric = asked.what.key
    probes = next(iter(asked.probes.values()), None)
    return None if probes is None else probes[probe].metrics[metric]


def above_chance(probe: str, metric: str, worst: float | None, declared: MetricEntry) -> list[Warning_]:
    """That a learner which diverged counts as better than one that only guesses, if so."""
    chance = declared.chance
    if worst is None or chance is None or not (worst > chance if declared.better == "higher" else worst < chance):
        return []
    return [Warning_.of("worst_above_chance", measure=f"{probe}.{metric}", worst=worst, chance=chance)]


def asked_above_chance(asked: Question) -> list[Warning_]:
    """The same of what is compared."""
    found = _entry(asked)
    return [] if found is None else above_chance(*asked.what.key, asked.what.worst, found)


def planned_above_chance(plan: Resolved) -> list[Warning_]:
    """The same of what a plan's scenario asks, before anything is trained."""
    declared = plan.probes.get(plan.compare.probe) if plan.compare else None
    if plan.compare is None or declared is None or not declared.metrics:  # a metric of the matrix has no chance level
        return []
    what = measure(plan.probes, plan.compare.probe, plan.compare.metric)
    return above_chance(*what.key, what.worst, plan.probes[what.key[0]].metrics[what.key[1]])
