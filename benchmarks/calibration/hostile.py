"""Truths that a verdict must survive: lopsided differences, and failures that few learners show or none.

Each experiment goes through the whole procedure: the word, whether it is fragile, and whether it holds unless some
fail. A point is 1, the smallest effect is 1 point, and a pair is alone in its family. Part of docs/calibration.md.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.draws import Matrix, Rng, lognormal
from devlearn.evidence.analysis.failures import Failed
from devlearn.evidence.analysis.pairing import Pair
from devlearn.evidence.analysis.question import Question
from devlearn.evidence.analysis.trust import failures, fragile, unless
from devlearn.evidence.analysis.values import Measure
from devlearn.evidence.analysis.verdicts import judge, verdict
from devlearn.records.results import Verdict

Flags = NDArray[np.bool_]
Shape = tuple[int, int]
SEEDS = (5, 8, 10, 16, 20, 32)
NO_EFFECT = 1e-9  # a smallest effect that is none: nothing is called equivalent


@dataclass(frozen=True)
class Truth:
    """A way in which differences come about: ``draw`` gives them (X, n) with who failed on either side.

    ``mean`` is the true mean of all, ``usual`` that of those of whom neither failed.
    """

    draw: Callable[[Rng, Shape], tuple[Matrix, Flags, Flags]]
    mean: float
    usual: float


def _plain(draw: Callable[[Rng, Shape], Matrix], mean: float = 0.0) -> Truth:
    """Nobody fails."""

    def drawn(rng: Rng, shape: Shape) -> tuple[Matrix, Flags, Flags]:
        none = np.zeros(shape, bool)
        return draw(rng, shape), none, none

    return Truth(drawn, mean, mean)


def _failing(rate: float, usual: float, failed: float, spread: float) -> Truth:
    """So many learners of the first arm end ``failed`` points from the other instead of ``usual``."""

    def drawn(rng: Rng, shape: Shape) -> tuple[Matrix, Flags, Flags]:
        gone = rng.random(shape) < rate
        return np.where(gone, failed, usual) + rng.normal(0, spread, shape), gone, np.zeros(shape, bool)

    return Truth(drawn, rate * failed + (1 - rate) * usual, usual)


def _both(rng: Rng, shape: Shape) -> tuple[Matrix, Flags, Flags]:
    values, gone = rng.normal(size=(2, *shape)), rng.random((2, *shape)) < 0.2
    values = np.where(gone, -40.0, values)
    return values[0] - values[1], gone[0], gone[1]


def _images(rng: Rng, shape: Shape) -> Matrix:
    """Accuracies on 10,000 images that differ by their luck alone, in points: ties are frequent."""
    right: Matrix = rng.binomial(10_000, 0.998, (2, *shape)) / 100.0
    return right[0] - right[1]


def _t3(rng: Rng, shape: Shape) -> Matrix:
    return rng.standard_t(3, shape) - rng.standard_t(3, shape)


NO_DIFFERENCE: Mapping[str, Truth] = {
    "equal and normal": _plain(lambda rng, shape: rng.normal(0, 1, shape)),
    "unequal variances": _plain(lambda rng, shape: rng.normal(0, 1, shape) - rng.normal(0, 3, shape)),
    "heavy tails (t, 3 df)": _plain(_t3),
    "accuracies with ties": _plain(_images),
    "both fail in 20 %": Truth(_both, 0.0, 0.0),
    "lognormal less its mean": _plain(lognormal),
    "one fails in 20 % (-32), else +8": _failing(0.2, 8.0, -32.0, 0.6),
    "-38 in 5 %, else +2": _failing(0.05, 2.0, -38.0, 0.6),
    "-3.6 in one of ten, else +0.4": _failing(0.1, 0.4, -3.6, 0.3),
    "diverged (-90) in one of 16, else +6": _failing(1 / 16, 6.0, -90.0, 0.6),
}
NOT_EQUIVALENT: Mapping[str, Truth] = {
    "5 % lose 40 (mean -2)": _failing(0.05, 0.0, -40.0, 0.3),
    "10 % lose 10 (mean -1)": _failing(0.1, 0.0, -10.0, 0.3),
    "normal, mean -1": _plain(lambda rng, shape: rng.normal(-1, 0.6, shape), -1.0),
    "heavy tails, mean -1": _plain(lambda rng, shape: 0.3 * _t3(rng, shape) - 1, -1.0),
    "long tail towards 0, mean -1": _plain(lambda rng, shape: 0.4 * lognormal(rng, shape) - 1, -1.0),
    "long tail away from 0, mean -1": _plain(lambda rng, shape: -0.4 * lognormal(rng, shape) - 1, -1.0),
}
FOUND: Mapping[str, Truth] = {
    "normal, half a sd": _plain(lambda rng, shape: rng.normal(0.5, 1, shape), 0.5),
    "normal, one sd": _plain(lambda rng, shape: rng.normal(1, 1, shape), 1.0),
    "heavy tails, half a sd": _plain(lambda rng, shape: rng.standard_t(3, shape) / math.sqrt(3) + 0.5, 0.5),
    "heavy tails, one sd": _plain(lambda rng, shape: rng.standard_t(3, shape) / math.sqrt(3) + 1, 1.0),
}
SAME: Mapping[str, Truth] = {
    "normal, sd 0.6": _plain(lambda rng, shape: rng.normal(0, 0.6, shape)),
    "normal, sd 0.8": _plain(lambda rng, shape: rng.normal(0, 0.8, shape)),
    "heavy tails": _plain(lambda rng, shape: 0.3 * _t3(rng, shape)),
}


@dataclass(frozen=True)
class Said:
    """What a verdict says: the word of the mean test, whether it is fragile, and whether it holds unless some fail."""

    word: Verdict
    fragile: bool
    unless: bool


ASKED = Question(
    scenario="", digest="", what=Measure(("probe", "accuracy"), "higher", None, "points"), measures={}, probes={},
    at="end", smallest_effect=1.0, pairs=(), reasons=(), looks=(), select=False, alike=True, several=False, pin=(),
    seen=(), of="mean", fails=None, family=1,
)  # fmt: skip


def said(d: Matrix, gone: Flags, other: Flags, asked: Question = ASKED) -> Said:
    """The verdict on one experiment of n paired differences."""
    n = len(d)
    pair = Pair("a", "b", tuple(d), (0.0,) * n, True, seeds=n, groups=tuple((seed,) for seed in range(n)))
    alive = ~(gone | other)
    failed = Failed(tuple(gone), tuple(other), tuple(d[alive]), (0.0,) * int(alive.sum()))
    judged = replace(judge(pair, asked, "end"), failed=failed)
    judged = replace(judged, p_adjusted=judged.p, p_equivalence_adjusted=judged.p_equivalence)
    word = verdict(judged, "higher")
    return Said(
        word,
        word != "undecided" and bool(fragile(judged, asked)),
        unless(judged, asked, failures(judged, asked)) is not None,
    )


def verdicts(truth: Truth, rng: Rng, experiments: int, n: int, small: float = 1.0) -> list[Said]:
    """The verdicts on so many experiments."""
    asked = replace(ASKED, smallest_effect=small)
    return [said(*one, asked) for one in zip(*truth.draw(rng, (experiments, n)), strict=True)]


def right(one: Said, mean: float, small: float = 1.0) -> bool:
    """Whether a word is true of learners whose mean difference this is."""
    return {"better": mean > 0, "worse": mean < 0, "equivalent": abs(mean) < small}.get(one.word, True)
