"""What one arm came to, and what a pair's difference cost and holds for."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence import statistics
from devlearn.evidence.analysis.new_images import correct, new_images_interval
from devlearn.evidence.analysis.pairing import Values, averaged, lineages
from devlearn.evidence.analysis.stage_gains import finite
from devlearn.evidence.analysis.values import Measure, has_best, values
from devlearn.evidence.analysis.verdicts import Judged
from devlearn.records.reader import ArmRecords, EvidenceError, Json
from devlearn.records.schema import COLUMNS

LEAST = 0.01  # share of an arm's cost from which an extra counts as one


def summary(arm: ArmRecords, what: Measure, found: Values) -> Json:
    """An arm's entry in comparison.json; statistics are over lineages, a seed being one of its own as a rule."""
    groups = lineages(found, [arm])
    whole = len(found) > 0 and None not in found.values()
    known = np.array(averaged(found, groups) if whole else [], np.float64)
    ledger = _ledger(arm)
    return {
        "n": len(groups),
        "seeds": len(found),
        "mean": float(known.mean()) if whole else None,
        "sd": float(known.std(ddof=1)) if len(known) > 1 else None,
        "median": float(np.median(known)) if whole else None,
        "iqm": statistics.iqm(known) if whole else None,
        "best": _best(arm, what),
        "diverged": sum(life.diverged is not None for life in arm.lives.values()),
        "values": {str(seed): value for seed, value in found.items()},
        "ledger": ledger,
        "tuning": arm.tuning,
        "total": _total(arm),
        "diverged_seeds": [seed for seed, life in arm.lives.items() if life.diverged is not None],
    }


def _best(arm: ArmRecords, what: Measure) -> float | None:
    """The mean at the learners' best checkpoints; None where none were kept, or one has no value to count with."""
    found = values(arm, what, "best") if has_best(arm, what) else {}
    if not found or None in found.values():
        return None
    return float(np.mean(averaged(found, lineages(found, [arm]))))


def _ledger(arm: ArmRecords) -> dict[str, float]:
    """What one learner of the arm consumed: the mean over its seeds of the whole path, and of wall-clock seconds."""
    lives = arm.lives.values()
    means = {unit: math.fsum(life.ledger[unit] for life in lives) / len(lives) for unit in COLUMNS}
    return {unit: _whole(mean) for unit, mean in means.items()} | {"seconds": arm.seconds}


def _total(arm: ArmRecords) -> dict[str, float]:
    """What the arm consumed in all: every learner's life, and the trials by which it was tuned."""
    tuning = (arm.tuning or {}).get("ledger", {})
    return {
        unit: _whole(math.fsum([*(life.ledger[unit] for life in arm.lives.values()), tuning.get(unit, 0)]))
        for unit in COLUMNS
    }


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def gain_per(
    difference: float | None, spent: Mapping[str, float], other: Mapping[str, float], better: str
) -> dict[str, float | None]:
    """The gain for each unit that a learner consumed more of than one of the other arm; None where it didn't.

    An extra under 1 % of its own is what whole yields leave between matched arms, and buys nothing.
    """
    gain = difference if better == "higher" or difference is None else -difference
    extra = {unit: spent[unit] - other[unit] for unit in COLUMNS}
    return {
        unit: gain / more if gain is not None and more > 0 and more >= LEAST * spent[unit] else None
        for unit, more in extra.items()
    }


def new_images(
    judged: Judged, side: tuple[ArmRecords, Values], other: tuple[ArmRecords, Values], what: Measure, alpha: float
) -> list[float | None] | None:
    """The interval for new seeds and new images; None but for paired accuracies at the end of which none diverged.

    It holds the interval over seeds: what is open for these images is open for new ones.
    """
    pair, lives = judged.pair, [life for arm, _ in (side, other) for life in arm.lives.values()]
    whole = pair.paired and not pair.why and not any(life.diverged for life in lives)
    if not whole or judged.scored != "end" or what.key[1] != "accuracy":
        return None
    right, left = _verdicts(*side, what), _verdicts(*other, what)
    if right is None or left is None:
        return None
    rows = [np.mean([right[s].astype(np.float64) - left[s] for s in group], axis=0) for group in pair.groups]
    low, high = new_images_interval(rows, alpha)
    return finite((min(low, judged.interval[0]), max(high, judged.interval[1])))


def _verdicts(arm: ArmRecords, found: Values, what: Measure) -> Mapping[int, NDArray[np.bool_]] | None:
    """What each learner said of each image; None where it isn't on record, or one counts with the worst value.

    Raises EvidenceError where it disagrees with the accuracies on record.
    """
    known = correct(arm, what.key[0])
    for seed, right in (known or {}).items():
        if abs(float(right.mean()) - (found[seed] or 0.0)) <= 1e-6:
            continue
        if found[seed] == what.worst:
            return None
        name = f"{what.label} of arm {arm.name!r}, seed {seed}"
        raise EvidenceError(
            f"{name}: arrays/{what.key[0]}.npz gives {right.mean():.6g}, the records {found[seed]}; either "
            "they were changed, or the probe's 'correct' is not what its accuracy is the mean of"
        )
    return known
