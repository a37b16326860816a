"""What one arm came to, and what a pair's difference cost."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.pairing import Values, averaged, lineages
from devlearn.evidence.analysis.values import Measure, has_best, values
from devlearn.records.reader import ArmRecords
from devlearn.records.results import ArmSummary, GainPer, Ledger, Spent
from devlearn.records.schema import SPENT

LEAST = 0.01  # share of an arm's cost from which an extra counts as one


def summary(arm: ArmRecords, what: Measure, found: Values) -> ArmSummary:
    """An arm's numbers; statistics are over lineages, a seed being one of its own as a rule."""
    groups = lineages(found, [arm])
    whole = len(found) > 0 and None not in found.values()
    known = np.array(averaged(found, groups) if whole else [], np.float64)
    lives = arm.lives.values()
    tried = arm.tuning.ledger if arm.tuning else {}
    means = {unit: math.fsum(life.ledger[unit] for life in lives) / len(lives) for unit in SPENT}
    totals = {unit: math.fsum([*(life.ledger[unit] for life in lives), tried.get(unit, 0)]) for unit in SPENT}
    diverged = [seed for seed, life in arm.lives.items() if life.diverged is not None]
    return ArmSummary(
        n=len(groups),
        seeds=len(found),
        mean=float(known.mean()) if whole else None,
        sd=float(known.std(ddof=1)) if len(known) > 1 else None,
        median=float(np.median(known)) if whole else None,
        iqm=statistics.iqm(known) if whole else None,
        best=_best(arm, what),
        diverged=len(diverged),
        values=dict(found),
        ledger=Spent(**_whole(means), seconds=arm.seconds),
        tuning=arm.tuning,
        total=Ledger(**_whole(totals)),
        diverged_seeds=tuple(diverged),
    )


def _best(arm: ArmRecords, what: Measure) -> float | None:
    """The mean at the learners' best checkpoints; None where none were kept, or one has no value to count with."""
    found = values(arm, what, "best") if has_best(arm, what) else {}
    if not found or None in found.values():
        return None
    return float(np.mean(averaged(found, lineages(found, [arm]))))


def _whole(amounts: Mapping[str, float]) -> dict[str, Any]:
    """Whole amounts as integers, as people count them; None for what is not on record."""
    whole = {unit: int(amount) if float(amount).is_integer() else amount for unit, amount in amounts.items()}
    return {unit: None if math.isnan(amount) else amount for unit, amount in whole.items()}


def gain_per(difference: float | None, spent: Ledger, other: Ledger, better: str) -> GainPer:
    """The gain for each unit that a learner consumed more of than one of the other arm; None where it didn't.

    An extra under 1 % of its own is what whole yields leave between matched arms, and buys nothing.
    """
    gains: dict[str, float | None] = {}
    for unit in SPENT:
        more = spent.of(unit) - other.of(unit)
        counts = difference is not None and more > 0 and more >= LEAST * spent.of(unit)
        gain = difference if better == "higher" or difference is None else -difference
        gains[unit] = gain / more if counts and gain is not None else None
    return GainPer(**gains)
