"""Matches that an area can't see: it ends with the shortest budget, and what a match adds comes after it."""

from collections.abc import Iterable, Mapping
from typing import Any

from devlearn.records.reader import ArmRecords, Json

Pairs = Iterable[tuple[str, str]]
Followed = tuple[Json | None, Any]  # whom an arm is matched to, and its last stage's budget


def planned(resolved: Json) -> list[str]:
    """That a plan's own pairs are scored so, if they are."""
    asked = resolved["compare"]
    if not asked or asked["at"] != "area":
        return []
    points = [
        {name: (arm.get("match"), arm["stages"][-1].get("budget")) for name, arm in p["arms"].items()}
        for p in resolved["points"]
    ]
    return list(dict.fromkeys(line for arms in points for line in _said(asked["pairs"], arms)))


def judged(body: Json, arms: Mapping[str, ArmRecords]) -> list[str]:
    """The same of a point's verdicts."""
    pairs = [(pair["arm"], pair["against"]) for pair in body["comparisons"]] if body["at"] == "area" else []
    return _said(pairs, {name: (arm.match, arm.stages[-1].get("budget")) for name, arm in arms.items()})


def _said(pairs: Pairs, arms: Mapping[str, Followed]) -> list[str]:
    """One line for all arms that are compared with the arm whose budget they follow."""
    found = {one: units for a, b in pairs for one, other in ((a, b), (b, a)) if (units := _units(one, other, arms))}
    if not found:
        return []
    by = " or ".join(dict.fromkeys(unit for units in found.values() for unit in units))
    return [
        f"{', '.join(found)}: matched by {by} and scored by the area, which ends with the shorter budget, so the match "
        "has no effect there; declare compare.at: end, or read it with --at end"
    ]


def _units(one: str, other: str, arms: Mapping[str, Followed]) -> list[str]:
    """What sets an arm's budget so that it equals another arm; nothing where both last stages are equally long."""
    match, budget = arms[one]
    if not match or match["arm"] != other or budget == arms[other][1]:
        return []
    by = [match["by"]] if isinstance(match["by"], str) else match["by"]
    return [unit for unit in by if unit != "labels"]
