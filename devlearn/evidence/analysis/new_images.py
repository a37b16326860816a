"""The second interval of a pair: for new test images as well as for new seeds, from what each learner said of each."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.pairing import Side
from devlearn.evidence.analysis.question import Question
from devlearn.evidence.analysis.values import finite
from devlearn.evidence.analysis.verdicts import Judged
from devlearn.evidence.statistics.pigeonhole_bootstrap import pigeonhole_interval
from devlearn.records.arrays import correct
from devlearn.records.reader import EvidenceError
from devlearn.records.results import Interval

OF_CORRECT = "accuracy"  # the metric that a probe's ``correct`` is the mean of
NEAR = 1e-6  # an accuracy is recorded in float32

Answers = Mapping[int, NDArray[np.bool_]]


def interval_new_images(judged: Judged, side: Side, other: Side, asked: Question) -> Interval | None:
    """The interval for new seeds and new images; None but for paired accuracies at the end of which none diverged.

    It holds the interval over seeds: what is open for these images is open for new ones.

    Raises:
        EvidenceError: the answers on record contradict the accuracies, or can't be read.
    """
    pair, lives = judged.pair, [life for arm, _ in (side, other) for life in arm.lives.values()]
    whole = pair.paired and not pair.why and not any(life.diverged for life in lives)
    if not whole or judged.scored != "end" or asked.what.key[1] != OF_CORRECT:
        return None
    right, left = _checked(side, asked), _checked(other, asked)
    if right is None or left is None:
        return None
    rows = [np.mean([right[s].astype(np.float64) - left[s] for s in group], axis=0) for group in pair.groups]
    low, high = pigeonhole_interval(rows, asked.alpha)
    return finite((min(low, judged.interval[0]), max(high, judged.interval[1])))


def _checked(side: Side, asked: Question) -> Answers | None:
    """The answers of each learner; None where they aren't on record, or one counts with the worst value."""
    arm, found = side
    what = asked.measures[arm.name]
    known = correct(arm, what.key[0])
    for seed, right in (known or {}).items():
        if abs(float(right.mean()) - (found[seed] or 0.0)) <= NEAR:
            continue
        if found[seed] == what.worst:
            return None
        name = f"{what.label} of arm {arm.name!r}, seed {seed}"
        raise EvidenceError(
            f"{name}: arrays/{what.key[0]}.npz gives {right.mean():.6g}, the records {found[seed]}; either "
            "they were changed, or the probe's 'correct' is not what its accuracy is the mean of"
        )
    return known
