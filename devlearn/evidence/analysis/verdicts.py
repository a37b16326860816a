"""From two vectors of values to a verdict, one of the words below, in this order of precedence.

incomplete    jobs are missing, a diverged learner has no value to count with, or no value of either arm is finite
identical     all differences are exactly 0
equivalent    smaller than the smallest effect (two one-sided tests, adjusted)
better, worse different from 0 (adjusted), in the direction that the probe declares
undecided     none of these; with about how many seeds it would take
exploratory   what was asked is not what the scenario declared; ``suggests`` has the word it would have been

Adjusted: by Holm over the family, times the number of planned looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.failures import Failed
from devlearn.evidence.analysis.pairing import Pair
from devlearn.evidence.analysis.question import Question
from devlearn.evidence.analysis.values import finite
from devlearn.evidence.statistics import ALPHA, EXACT, LOCATIONS
from devlearn.records.results import At, Reason, Scored, TestKind, Verdict


@dataclass(frozen=True)
class Judged:
    """A pair with its statistics; the adjusted p values arrive when the whole family is known.

    ``interval`` is at the level of the family, ``alone`` at that of this pair. ``difference`` is None where no value is
    known. ``scored`` is the moment of the values; ``other`` is the same pair at the other moment, where there are two.
    """

    pair: Pair
    interval: tuple[float, float]
    p: float | None
    p_equivalence: float | None
    scored: At = "end"
    difference: float | None = None
    alone: tuple[float, float] = (-np.inf, np.inf)
    failed: Failed | None = None
    other: "Judged | None" = None
    p_adjusted: float | None = None
    p_equivalence_adjusted: float | None = None

    @property
    def brief(self) -> Scored:
        """Difference, interval and p."""
        return Scored(difference=self.difference, interval=finite(self.interval), p=self.p)


def judge(pair: Pair, asked: Question, scored: At) -> Judged:
    """The statistics of one pair; no p where it is incomplete."""
    location, small = LOCATIONS[asked.of], asked.smallest_effect
    gap = None if not pair.n else location.estimate(pair.differences) if pair.paired else pair.difference
    if pair.why:
        return Judged(pair, (-np.inf, np.inf), None, None, scored, gap)
    same = 1.0
    if pair.paired:
        d, size = pair.differences, pair.size
        p = location.p(d, size=size)
        ends, alone = (location.interval(d, alpha, size) for alpha in (asked.alpha, asked.alone))
        if small > 0:
            same = statistics.equivalent(location, d, small, size)
    else:
        p, ends = statistics.welch(pair.x, pair.y, asked.alpha)
        alone = statistics.welch(pair.x, pair.y, asked.alone)[1]
        if small > 0:
            same = statistics.welch_equivalence(pair.x, pair.y, small)
    return Judged(pair, ends, p, same, scored, gap, alone)


def smaller_gain(end: Judged, best: Judged, side: int, better: str) -> Judged:
    """Of a pair scored twice, the one in which the developmental side gains less.

    ``side`` is 1 where that is ``arm``, -1 where it is ``against``. One that is incomplete goes first.
    """
    if end.pair.why or best.pair.why:
        return end if end.pair.why else best
    direction = side if better == "higher" else -side
    assert end.difference is not None
    assert best.difference is not None
    first = direction * end.difference <= direction * best.difference
    return replace(end, other=best) if first else replace(best, other=end)


def adjust(family: Sequence[Judged], looks: int) -> list[Judged]:
    """Over the family and the looks, for difference and for equivalence apart."""
    different = statistics.adjusted([judged.p for judged in family], looks)
    same = statistics.adjusted([judged.p_equivalence for judged in family], looks)
    return [
        replace(judged, p_adjusted=p, p_equivalence_adjusted=q)
        for judged, p, q in zip(family, different, same, strict=True)
    ]


def verdict(judged: Judged, better: str) -> Verdict:
    """The word for an adjusted pair, before it is labelled exploratory."""
    pair = judged.pair
    if pair.why or judged.p_adjusted is None or judged.p_equivalence_adjusted is None:
        return "incomplete"
    if pair.same:
        return "identical"
    if judged.p_equivalence_adjusted <= ALPHA:
        return "equivalent"
    if judged.p_adjusted <= ALPHA and judged.difference:
        return "better" if (judged.difference > 0) == (better == "higher") else "worse"
    return "undecided"


def result(judged: Judged, asked: Question, exploratory: bool) -> dict[str, Any]:
    """The fields of a ``PairResult`` that follow from the values alone."""
    pair, word = judged.pair, verdict(judged, asked.what.better)
    known, (low, high), small = pair.n > 0, judged.interval, asked.smallest_effect
    twice = {} if judged.other is None else {one.scored: one.brief for one in (judged, judged.other)}
    return {
        "arm": pair.arm,
        "against": pair.against,
        "n": pair.n,
        "seeds": pair.seeds,
        "difference": judged.difference,
        "interval": finite(judged.interval),
        "p": judged.p,
        "level": 1 - asked.alpha,
        "interval_alone": finite(judged.alone),
        "p_adjusted": judged.p_adjusted,
        "means": (float(np.mean(pair.x)), float(np.mean(pair.y))) if known else None,
        "probability_of_improvement": (
            statistics.probability_of_improvement(pair.x, pair.y, asked.what.better) if known else None
        ),
        "verdict": "exploratory" if exploratory else word,
        "suggests": word,
        "test": test_kind(pair, asked),
        "p_equivalence": judged.p_equivalence,
        "p_equivalence_adjusted": judged.p_equivalence_adjusted,
        "reliably_nonzero": None if judged.p_adjusted is None else judged.p_adjusted <= ALPHA,
        "beyond_smallest_effect": None if pair.why else bool(low > small or high < -small),
        "seeds_needed": _seeds_needed(pair, asked) if word == "undecided" else None,
        "scored": judged.scored,
        "at_end": twice.get("end"),
        "at_best": twice.get("best"),
        "reason": pair.why or (_untestable(pair) if word == "undecided" else None),
    }


def _seeds_needed(pair: Pair, asked: Question) -> int | None:
    """At the alpha of Holm's first step; of lineages where seeds share what was learned."""
    known = pair.paired and asked.of == "mean"
    return statistics.seeds_needed(pair.differences, asked.alpha, pair.size) if known else None


def _untestable(pair: Pair) -> Reason | None:
    if pair.n > 1:
        return None
    if pair.fixed and pair.seeds > 1:
        return Reason.of("nothing_differs")
    if pair.seeds > 1:
        return Reason.of("one_lineage", seeds=pair.seeds)
    return Reason.of("one_seed")


def test_kind(pair: Pair, asked: Question) -> TestKind:
    """Which test a pair is put to."""
    if not pair.paired:
        return TestKind.WELCH
    if asked.of != "mean":
        return TestKind.SIGNS if asked.of == "median" else TestKind.MIDDLE
    return TestKind.EXACT if pair.n <= EXACT else TestKind.RANDOM
