"""From two vectors of values to a verdict, one of the words below, in this order of precedence.

incomplete    jobs are missing, or a diverged learner has no value to count with
identical     all differences are exactly 0
equivalent    smaller than the smallest effect (two one-sided tests, adjusted)
better, worse different from 0 (adjusted), in the direction that the probe declares
undecided     none of these; with about how many seeds it would take
exploratory   what was asked is not what the scenario declared; ``suggests`` has the word it would have been

Adjusted: by Holm over the family, times the number of planned looks.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.pairing import Pair
from devlearn.evidence.analysis.stage_gains import finite
from devlearn.evidence.analysis.values import At
from devlearn.evidence.statistics.sign_flip import ALPHA
from devlearn.records.reader import Json

Verdict = Literal["incomplete", "identical", "equivalent", "better", "worse", "undecided", "exploratory"]


@dataclass(frozen=True)
class Rules:
    """How pairs are judged: the probe's direction, the smallest effect, how many pairs and looks share the alpha."""

    better: str
    smallest_effect: float
    family: int
    looks: int = 1
    exploratory: bool = False

    @property
    def alpha(self) -> float:
        """What one look may spend."""
        return ALPHA / self.looks


@dataclass(frozen=True)
class Judged:
    """A pair with its statistics; the adjusted p values arrive when the whole family is known.

    ``scored`` is the moment of the values; ``other`` is the same pair at the other moment, where there are two.
    """

    pair: Pair
    interval: tuple[float, float]
    p: float | None
    p_equivalence: float | None
    scored: At = "end"
    other: "Judged | None" = None
    p_adjusted: float | None = None
    p_equivalence_adjusted: float | None = None


def judge(pair: Pair, rules: Rules, scored: At = "end") -> Judged:
    """The statistics of one pair; no p where it is incomplete."""
    if pair.why:
        return Judged(pair, (-np.inf, np.inf), None, None, scored)
    x, y, small = np.array(pair.x), np.array(pair.y), rules.smallest_effect
    if pair.paired:
        p, ends = statistics.sign_flip(x - y), statistics.interval(x - y, rules.alpha)
        same = statistics.equivalence(x - y, small) if small > 0 else 1.0
    else:
        p, ends = statistics.welch(x, y, rules.alpha)
        same = statistics.welch_equivalence(x, y, small) if small > 0 else 1.0
    return Judged(pair, ends, p, same, scored)


def smaller_gain(end: Judged, best: Judged, side: int, better: str) -> Judged:
    """Of a pair scored twice, the one in which the developmental side gains less.

    ``side`` is 1 where that is ``arm``, -1 where it is ``against``. One that is incomplete goes first.
    """
    if end.pair.why or best.pair.why:
        return end if end.pair.why else best
    direction = side if better == "higher" else -side
    first = direction * difference(end.pair) <= direction * difference(best.pair)
    return replace(end, other=best) if first else replace(best, other=end)


def adjust(family: list[Judged], looks: int = 1) -> list[Judged]:
    """Holm over the family, for difference and for equivalence apart; then times the number of looks."""
    different = statistics.holm([judged.p for judged in family])
    same = statistics.holm([judged.p_equivalence for judged in family])
    return [
        replace(judged, p_adjusted=_times(p, looks), p_equivalence_adjusted=_times(q, looks))
        for judged, p, q in zip(family, different, same, strict=True)
    ]


def _times(p: float | None, looks: int) -> float | None:
    return None if p is None else min(1.0, looks * p)


def verdict(judged: Judged, better: str) -> Verdict:
    """The word for an adjusted pair, before it is labelled exploratory."""
    pair = judged.pair
    if pair.why or judged.p_adjusted is None or judged.p_equivalence_adjusted is None:
        return "incomplete"
    if pair.same:
        return "identical"
    if judged.p_equivalence_adjusted <= ALPHA:
        return "equivalent"
    if judged.p_adjusted <= ALPHA:
        return "better" if (difference(pair) > 0) == (better == "higher") else "worse"
    return "undecided"


def difference(pair: Pair) -> float:
    """Mean of ``arm`` minus mean of ``against``: of the paired differences where the seeds are paired."""
    x, y = np.array(pair.x), np.array(pair.y)
    return float((x - y).mean() if pair.paired else x.mean() - y.mean())


def entry(judged: Judged, rules: Rules) -> Json:
    """One member of ``comparisons`` in comparison.json."""
    pair, word = judged.pair, verdict(judged, rules.better)
    known = pair.n > 0
    low, high = judged.interval
    small = rules.smallest_effect
    return {
        "arm": pair.arm, "against": pair.against, "n": pair.n, "seeds": pair.seeds,
        **_brief(judged), "level": 1 - rules.alpha, "p_adjusted": judged.p_adjusted,
        "means": [float(np.mean(pair.x)), float(np.mean(pair.y))] if known else None,
        "probability_of_improvement":
            statistics.probability_of_improvement(pair.x, pair.y, rules.better) if known else None,
        "verdict": "exploratory" if rules.exploratory else word, "suggests": word,
        "test": _test_name(pair), "p_equivalence": judged.p_equivalence,
        "p_equivalence_adjusted": judged.p_equivalence_adjusted,
        "reliably_nonzero": None if judged.p_adjusted is None else judged.p_adjusted <= ALPHA,
        "beyond_smallest_effect": None if pair.why else bool(low > small or high < -small),
        "seeds_needed": _seeds_needed(pair, rules) if word == "undecided" else None,
        "scored": judged.scored, "at_end": _at(judged, "end"), "at_best": _at(judged, "best"),
        "reason": pair.why or (_untestable(pair) if word == "undecided" else "") or None,
    }  # fmt: skip


def _brief(judged: Judged) -> Json:
    known = judged.pair.n > 0
    gap = difference(judged.pair) if known else None
    return {"difference": gap, "interval": finite(judged.interval), "p": judged.p}


def _at(judged: Judged, moment: str) -> Json | None:
    """A pair that was scored twice, at one of the two moments."""
    if judged.other is None:
        return None
    return _brief(judged if judged.scored == moment else judged.other)


def _seeds_needed(pair: Pair, rules: Rules) -> int | None:
    """At the alpha of Holm's first step, ALPHA over the pairs of the family and the looks; of lineages where shared."""
    if not pair.paired:
        return None
    return statistics.seeds_needed(np.subtract(pair.x, pair.y), rules.alpha / rules.family)


def _untestable(pair: Pair) -> str:
    if pair.n > 1:
        return ""
    if pair.fixed and pair.seeds > 1:
        return "nothing differs between the seeds: n = 1, so no test is possible"
    if pair.seeds > 1:
        return f"one lineage: its {pair.seeds} seeds share what was learned once, so no test is possible"
    return "one seed: no test is possible"


def _test_name(pair: Pair) -> str:
    if not pair.paired:
        return "Welch, unpaired"
    return "sign-flip, exact" if pair.n <= statistics.EXACT else f"sign-flip, {statistics.FLIPS:,} random flips"
