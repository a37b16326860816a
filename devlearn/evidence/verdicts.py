"""From two vectors of values to a verdict, one of the words below, in this order of precedence.

incomplete    jobs are missing, or a diverged learner has no value to count with
identical     all differences are exactly 0
equivalent    smaller than the smallest effect (two one-sided tests, Holm over the family)
better, worse different from 0 (Holm over the family), in the direction that the probe declares
undecided     none of these; with about how many seeds it would take
exploratory   what was asked is not what the scenario declared; ``suggests`` has the word it would have been
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from devlearn.evidence import tests
from devlearn.evidence.load import Json
from devlearn.evidence.stages import finite
from devlearn.evidence.tests import ALPHA

Verdict = Literal["incomplete", "identical", "equivalent", "better", "worse", "undecided", "exploratory"]


@dataclass(frozen=True)
class Pair:
    """One comparison before it is judged. ``why`` says why it is incomplete, or is empty.

    ``x`` and ``y`` are the values of ``arm`` and ``against``: paired by seed, or not (``paired``).
    """

    arm: str
    against: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    paired: bool
    why: str = ""


@dataclass(frozen=True)
class Judged:
    """A pair with its statistics; the adjusted p values arrive when the whole family is known."""

    pair: Pair
    interval: tuple[float, float]
    p: float | None
    p_equivalence: float | None
    p_adjusted: float | None = None
    p_equivalence_adjusted: float | None = None


def judge(pair: Pair, smallest_effect: float) -> Judged:
    """The statistics of one pair; no p where it is incomplete."""
    if pair.why:
        return Judged(pair, (-np.inf, np.inf), None, None)
    x, y = np.array(pair.x), np.array(pair.y)
    if pair.paired:
        p, ends = tests.sign_flip(x - y), tests.interval(x - y)
        same = tests.equivalence(x - y, smallest_effect) if smallest_effect > 0 else 1.0
    else:
        p, ends = tests.welch(x, y)
        same = tests.welch_equivalence(x, y, smallest_effect) if smallest_effect > 0 else 1.0
    return Judged(pair, ends, p, same)


def adjust(family: list[Judged]) -> list[Judged]:
    """Holm over the family, for difference and for equivalence apart."""
    different = tests.holm([judged.p for judged in family])
    same = tests.holm([judged.p_equivalence for judged in family])
    return [
        replace(judged, p_adjusted=p, p_equivalence_adjusted=q)
        for judged, p, q in zip(family, different, same, strict=True)
    ]


def verdict(judged: Judged, better: str) -> Verdict:
    """The word for an adjusted pair, before it is labelled exploratory."""
    pair = judged.pair
    if pair.why or judged.p_adjusted is None or judged.p_equivalence_adjusted is None:
        return "incomplete"
    if len(pair.x) == len(pair.y) and pair.x == pair.y:
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


def entry(judged: Judged, better: str, smallest_effect: float, exploratory: bool) -> Json:
    """One member of ``comparisons`` in comparison.json."""
    pair, word = judged.pair, verdict(judged, better)
    known = min(len(pair.x), len(pair.y)) > 0
    low, high = judged.interval
    paired = np.subtract(pair.x, pair.y) if pair.paired else None
    return {
        "arm": pair.arm, "against": pair.against, "n": min(len(pair.x), len(pair.y)),
        "difference": difference(pair) if known else None,
        "interval": finite(judged.interval), "p": judged.p, "p_adjusted": judged.p_adjusted,
        "probability_of_improvement": tests.probability_of_improvement(pair.x, pair.y, better) if known else None,
        "verdict": "exploratory" if exploratory else word, "suggests": word,
        "test": _test_name(pair), "p_equivalence": judged.p_equivalence,
        "p_equivalence_adjusted": judged.p_equivalence_adjusted,
        "reliably_nonzero": None if judged.p_adjusted is None else judged.p_adjusted <= ALPHA,
        "beyond_smallest_effect": None if pair.why else bool(low > smallest_effect or high < -smallest_effect),
        "seeds_needed": tests.seeds_needed(paired) if word == "undecided" and paired is not None else None,
        "reason": pair.why or None,
    }  # fmt: skip


def _test_name(pair: Pair) -> str:
    if not pair.paired:
        return "Welch, unpaired"
    return "sign-flip, exact" if len(pair.x) <= tests.EXACT else f"sign-flip, {tests.FLIPS:,} random flips"
