"""What arms cost, in words: the range over all of them, and what an arm paid beside another."""

from collections.abc import Sequence

from devlearn.evidence.text.formats import count, listed
from devlearn.records.results import ArmSummary, Comparison, Spent

UNITS = {"labels": "labels", "env_steps": "environment steps", "flops": "FLOPs", "seconds": "seconds"}
SAME = 0.01  # a share of what was spent: less is what whole yields leave


def costs(points: Sequence[Comparison]) -> str:
    """``One learner cost 100 labels and 41 million (random-init) to 217 million (sham) FLOPs.``"""
    arms = [(name, arm.ledger) for point in points for name, arm in point.arms.items() if arm.seeds]
    if not arms:
        return ""
    parts = [text for unit, word in UNITS.items() if (text := _range([(n, _spent(s, unit)) for n, s in arms], word))]
    return f"One learner cost {listed(parts)}." if parts else ""


def _spent(ledger: Spent, unit: str) -> float:
    return ledger.seconds if unit == "seconds" else ledger.of(unit)


def _range(amounts: Sequence[tuple[str, float]], word: str) -> str:
    least, most = (find(amounts, key=lambda one: one[1]) for find in (min, max))
    if not most[1] > 0 or (word == "seconds" and most[1] < 1):
        return ""
    if most[1] - least[1] <= SAME * most[1]:
        return f"{count(most[1])} {word}"
    low, high = ("", "") if least[0] == most[0] else (f" ({least[0]})", f" ({most[0]})")
    return f"{count(least[1])}{low} to {count(most[1])}{high} {word}"


def beside(arm: ArmSummary, other: ArmSummary) -> str:
    """``5.3 x FLOPs, +1,024 environment steps``: what one arm's learner paid beside the other's."""
    parts = []
    for unit in ("labels", "env_steps", "flops"):
        spent, known = arm.ledger.of(unit), other.ledger.of(unit)
        if abs(spent - known) <= SAME * max(spent, known):
            continue
        if known and spent:
            parts.append(f"{spent / known:.3g} × {UNITS[unit]}")
        else:
            parts.append(f"{'+' if spent > known else '−'}{count(abs(spent - known))} {UNITS[unit]}")
    return ", ".join(parts) or "the same"
