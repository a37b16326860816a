"""How far a verdict can be trusted: whether it hangs on little, and what so few learners can't exclude.

A verdict is *fragile* where leaving out one learner changes the word, or where a test that allows for skewness does not
give it. A learner less takes power, so a word that was given counts as changed only where the p without it is above
``LENIENT`` times alpha, and one that was not given where it is below alpha / ``LENIENT``; p are Student's t there (the
sign-flip's differ little, and there are as many of them as learners).

A verdict about a mean holds *unless some fail* where failures as frequent as n learners can't exclude would undo it.
No test can tell: they were not seen. It holds without that clause where the scenario accepts such a rate, or where the
metric is a share and the verdict would stand with that many learners at the far end of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.failures import only_one
from devlearn.evidence.analysis.question import Question
from devlearn.evidence.analysis.values import finite
from devlearn.evidence.analysis.verdicts import Judged, verdict
from devlearn.evidence.statistics import ALPHA, LOCATIONS, Vector, mcnemar, rate_bound, skew_adjusted
from devlearn.records.declared import SHARE
from devlearn.records.results import Alive, Failures, Reason, Verdict

LENIENT = 2
STRICTER = 2  # for equivalence: at alpha itself a long tail was still called harmless in 10 % (docs/calibration.md)
FEWEST = 4  # values of a side with which one can be left out


@dataclass(frozen=True)
class Without:
    """A pair without one of its values: which seeds those were, the gap, and both adjusted p values."""

    seeds: tuple[int, ...]
    gap: float
    p: float
    p_equivalence: float


def fragile(judged: Judged, asked: Question) -> tuple[Reason, ...]:
    """Why the word of an adjusted pair hangs on little; nothing where it does not."""
    word = verdict(judged, asked.what.better)
    if word not in ("better", "worse", "equivalent", "undecided"):
        return ()
    return (*_one_learner(judged, asked, word), *_lopsided(judged, asked, word))


def _one_learner(judged: Judged, asked: Question, word: Verdict) -> Iterator[Reason]:
    """The learner without whom another word is furthest away, if there is one."""
    changed = [(other, one) for one in _without(judged, asked) if (other := _changed(word, one, asked, judged))]
    if changed:
        other, one = max(changed, key=lambda pair: pair[1].p if pair[0] == "undecided" else -pair[1].p)
        yield Reason.of("one_learner", seeds=list(one.seeds), word=other)


def _changed(word: Verdict, one: Without, asked: Question, judged: Judged) -> Verdict | None:
    """Another word that the pair has without one of its values; None where it is the same."""
    strict = ALPHA / LENIENT
    up = (one.gap > 0) == (asked.what.better == "higher")
    if word == "undecided":
        if one.p_equivalence <= strict:
            return "equivalent"
        return ("better" if up else "worse") if one.p <= strict else None
    if word == "equivalent":
        return "undecided" if one.p_equivalence > ALPHA * LENIENT else None
    if (one.gap > 0) != (judged.pair.difference > 0) and one.p <= ALPHA:
        return "better" if up else "worse"
    return "undecided" if one.p > ALPHA * LENIENT else None


def _without(judged: Judged, asked: Question) -> Iterator[Without]:
    pair, small = judged.pair, asked.smallest_effect
    if pair.n < FEWEST:
        return
    difference, same = (
        _factor(judged.p, judged.p_adjusted),
        _factor(judged.p_equivalence, judged.p_equivalence_adjusted),
    )
    samples = (pair.differences,) if pair.paired else (np.array(pair.x), np.array(pair.y))
    for side, sample in enumerate(samples):
        for i in range(len(sample)):
            left = [np.delete(one, i) if one is sample else one for one in samples]
            seeds = pair.groups[i] if pair.paired else ()
            gap, p, q = _tested(left, asked, small)
            yield Without(tuple(seeds) or (-1 - side,), gap, min(1.0, difference * p), min(1.0, same * q))


def _factor(p: float | None, adjusted: float | None) -> float:
    """What the family and the looks multiply a p by."""
    return adjusted / p if p and adjusted else 1.0


def _tested(samples: list[Vector], asked: Question, small: float) -> tuple[float, float, float]:
    """Gap, p and p of equivalence of one sample of differences, or of two unpaired ones."""
    if len(samples) == 1 and asked.of != "mean":
        location, d = LOCATIONS[asked.of], samples[0]
        return location.estimate(d), location.p(d), statistics.equivalent(location, d, small) if small else 1.0
    gap = float(samples[0].mean() - (samples[1].mean() if len(samples) > 1 else 0.0))
    same = (
        max(statistics.t_test(samples, -small, "greater"), statistics.t_test(samples, small, "less")) if small else 1.0
    )
    return gap, statistics.t_test(samples), same


def _lopsided(judged: Judged, asked: Question, word: Verdict) -> Iterator[Reason]:
    """Where a test that allows for skewness does not give the word."""
    if asked.of != "mean" or word == "undecided":
        return
    pair, small = judged.pair, asked.smallest_effect
    samples = (pair.differences,) if pair.paired else (np.array(pair.x), np.array(pair.y))
    if word == "equivalent":
        mirrored = tuple(-one for one in samples)
        p = max(skew_adjusted(side, -small, "greater") for side in (samples, mirrored))
        p *= STRICTER * _factor(judged.p_equivalence, judged.p_equivalence_adjusted)
    else:
        p = skew_adjusted(samples) * _factor(judged.p, judged.p_adjusted)
    if p > ALPHA:
        yield Reason.of("lopsided", p=min(1.0, p))


def failures(judged: Judged, asked: Question) -> Failures | None:
    """Failures of a pair as an outcome of their own; None where it is incomplete."""
    failed, pair = judged.failed, judged.pair
    if failed is None or pair.why:
        return None
    one, other = only_one(failed) if pair.paired else (None, None)
    alive = None
    if failed.any:
        location = LOCATIONS[asked.of]
        n = min(len(failed.x), len(failed.y))
        gap, ends = None, (-np.inf, np.inf)
        if n and pair.paired:
            d = np.subtract(failed.x, failed.y)
            gap, ends = location.estimate(d), location.interval(d, asked.alpha)
        elif n:
            gap = float(np.mean(failed.x) - np.mean(failed.y))
            ends = statistics.welch(failed.x, failed.y, asked.alpha)[1]
        alive = Alive(n=n, difference=gap, interval=finite(ends))
    return Failures(
        arm=sum(failed.arm),
        against=sum(failed.against),
        n=pair.n,
        only_arm=one,
        only_against=other,
        p=None if one is None or other is None else mcnemar(one, other),
        bound=_bound(judged, asked),
        accepted=asked.fails.accept if asked.fails else None,
        alive=alive,
    )


def _bound(judged: Judged, asked: Question) -> float:
    """The failure rate that n learners don't exclude, of the side whose failures would undo the word."""
    assert judged.failed is not None
    word = verdict(judged, asked.what.better)
    sides = {"better": (judged.failed.arm,), "worse": (judged.failed.against,)}
    return max(rate_bound(sum(one), len(one)) for one in sides.get(word, (judged.failed.arm, judged.failed.against)))


def unless(judged: Judged, asked: Question, found: Failures | None) -> float | None:
    """The failure rate that would undo the verdict and that so few learners can't exclude; None where there is none."""
    word = verdict(judged, asked.what.better)
    if found is None or word not in ("better", "worse", "equivalent") or asked.of != "mean":
        return None
    if found.accepted is not None and found.bound <= found.accepted:
        return None
    if word != "equivalent" and asked.what.unit == SHARE:
        low, high = judged.interval
        least = low if judged.pair.difference > 0 else -high
        if (1 - found.bound) * least > found.bound:  # so many learners may lose everything that a share can lose
            return None
    return found.bound
