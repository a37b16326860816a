"""Rows of the page's tables, from comparison and analyses."""

from collections.abc import Mapping, Sequence
from typing import Any

from devlearn.evidence.text.formats import PORTION
from devlearn.evidence.text.points import setting
from devlearn.evidence.text.reasons import render_note
from devlearn.evidence.text.warnings import additions, lacking
from devlearn.records.reader import Json, Point
from devlearn.records.results import Comparison, Warning_

PAID = ("labels", "images", "env_steps", "flops")
HEIGHTS = {
    "birth": "At birth",
    "newborn": "After its innate stages",
    "start": "When its last stage begins",
    "area": "Area under the last stage's curve",
}
GAINED = ("labels", "images", "env_steps", "updates", "flops")


def warnings(points: Sequence[Comparison]) -> list[Json]:
    """Each warning once, with its points where there are several; what it asks to add stands apart, as YAML."""
    shown = []
    for where, warning in _once(points):
        text, adds = render_note(warning), dict[str, list[str]]()
        if warning.code == "missing_controls":
            fields: Json = dict(warning.fields)
            text, adds = lacking(**fields), additions(fields["wanting"])
        shown.append({"text": f"{where}{text}", "yaml": _yaml(adds)})
    return shown


def _yaml(adds: Mapping[str, Sequence[str]]) -> str:
    """Lines to add to a scenario, under the key that each belongs to."""
    return "\n".join(line for where, lines in adds.items() for line in _block(where, lines))


def _block(where: str, lines: Sequence[str]) -> list[str]:
    if where == "pairs":
        return ["compare:", "  pairs:", *(f"    - {line}" for line in lines)]
    return [f"{where}:", *(f"  {line}" for line in lines)]


def _once(points: Sequence[Comparison]) -> list[tuple[str, Warning_]]:
    """(its points where it isn't said of all, warning)."""
    found: list[tuple[Warning_, list[str]]] = []
    for point in points:
        for warning in point.warnings:
            names = next((names for known, names in found if known == warning), None)
            if names is None:
                found.append((warning, names := []))
            names.append(setting(point.point))
    return [("" if len(names) == len(points) else f"{'; '.join(names)}: ", known) for known, names in found]


def stages(body: Json) -> list[Json]:
    """Stages as they were lived: each with the entries of its own probes, and the compared measure's."""
    grouped: dict[tuple[str, int], Json] = {}
    compared = (body["probe"], body["metric"])
    for entry in body["stages"]:
        stage = grouped.setdefault((entry["branch"], entry["position"]), {**entry, "own": [], "compared": None})
        stage["own"] += [entry] * entry["own"]
        if (entry["probe"], entry["metric"]) == compared:
            stage["compared"] = entry
    return list(grouped.values())


def diverged(point: Point) -> list[Json]:
    """Every learner that turned non-finite: arm, seed, stage, update."""
    return [
        {"arm": name, "seed": seed, "stage": arm.stages[place[0]].name, "update": place[1]}
        for name, arm in point.arms.items()
        for seed, life in arm.lives.items()
        if (place := life.diverged) is not None
    ]


def extra_intervals(body: Json) -> list[Json]:
    """The pairs of which more than the one interval is known: for new images, and at the best checkpoint."""
    return [pair for pair in body["comparisons"] if pair["interval_new_images"] or pair["at_best"]]


def cost(body: Json) -> Json:
    """Ledger, gain per unit and tuning; the last two only where they are known."""
    pairs = [pair for pair in body["comparisons"] if any(pair["gain_per"].values())]
    units = [unit for unit in GAINED if any(pair["gain_per"].get(unit) is not None for pair in pairs)]
    rows = [
        {"arm": pair["arm"], "against": pair["against"], "gains": _gains(pair["gain_per"], units)} for pair in pairs
    ]
    tuning = [{"arm": name, **arm["tuning"]} for name, arm in body["arms"].items() if arm["tuning"]]
    best = {name: arm["best"] for name, arm in body["arms"].items() if arm["best"] is not None}
    return {"units": units, "gains": rows, "tuning": tuning, "best": best}


def _gains(gain_per: Mapping[str, float | None], units: Sequence[str]) -> list[float | None]:
    """Gains per portion of each unit; None where no more of it was spent."""
    return [None if (gain := gain_per.get(unit)) is None else gain * PORTION[unit] for unit in units]


def levels(analysed: Json, body: Json) -> list[Json]:
    """A row for each level and arm: how many got there, and what that took."""
    rows = [(entry, arm) for arm, found in analysed["levels"].items() for entry in found.values()]
    ordered = sorted(rows, key=lambda row: row[0]["level"], reverse=body["better"] == "lower")
    return [{"arm": arm, **entry, "paid": _paid(entry["units"])} for entry, arm in ordered]


def _paid(units: Json) -> list[tuple[str, Any]]:
    """What half of the learners had paid at most, over their whole life, by unit."""
    return [(unit, units[unit]["median"]) for unit in PAID if unit in units and units[unit]["median"] is not None]


def heights(analysed: Json) -> Json:
    """Where each arm stood at birth, newborn, when its last stage began, and over that stage; with the pairs' gaps."""
    arms = {arm: [analysed[key]["arms"][arm] for key in HEIGHTS] for arm in analysed["birth"]["arms"]}
    pairs = [
        {"arm": p["arm"], "against": p["against"], "gaps": [analysed[key]["pairs"][place] for key in HEIGHTS]}
        for place, p in enumerate(analysed["birth"]["pairs"])
    ]
    return {"columns": list(HEIGHTS.values()), "arms": arms, "pairs": pairs}
