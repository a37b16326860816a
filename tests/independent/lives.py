"""What the record files of a run say of its learners: measurements, ledgers, budgets, verdicts on images."""

import csv
import json
import math

import numpy as np

UNITS = ("labels", "label_bits", "labels_validation", "images", "env_steps", "updates", "flops")
ORDER = {"birth": 0, "every": 1, "end": 2}
KEYS = ("update", "moment", "probe", "metric")


def table(path):
    """The rows of a CSV file; none where it doesn't exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def visits(run, resolved, arm, seed):
    """(position, folder) of every record folder of one learner, in the order of its life."""
    found = []
    for branch in arm["path"]:
        for job in resolved["jobs"]:
            if job["branch"] == branch and seed in job["seeds"]:
                for folder in (run / job["folder"] / "records").iterdir():
                    position = -1 if folder.name == "birth" else int(folder.name[:2])
                    found.append((position, folder))
    return sorted(found)


class Records:
    """Reads each file once and keeps its rows by seed."""

    def __init__(self):
        self.kept = {}

    def __call__(self, path, seed):
        if path not in self.kept:
            rows = {}
            for row in table(path):
                rows.setdefault(int(row["seed"]), []).append(row)
            self.kept[path] = rows
        return self.kept[path].get(seed, [])


def finished(run, resolved, arm, seed):
    """Whether all jobs on the learner's path are done."""
    for job in resolved["jobs"]:
        if job["branch"] in arm["path"] and seed in job["seeds"]:
            state = run / job["folder"] / "state.json"
            if not state.exists() or json.loads(state.read_text())["status"] != "done":
                return False
    return True


def seconds(run, resolved, arm):
    """Wall-clock seconds of the jobs on an arm's path, divided by its seeds."""
    total = 0.0
    for job in resolved["jobs"]:
        if job["branch"] in arm["path"] and set(job["seeds"]) & set(resolved["seeds"]):
            rows = [row for path in (run / job["folder"]).glob("records/*/seconds.csv") for row in table(path)]
            total += max([float(row["seconds"]) for row in rows], default=0.0)
    return total / len(resolved["seeds"])


def life(records, folders, seed, probe, metric):
    """The learner's measurements [(position, update, order, value)], its divergence or None, its last ledger, its best,
    and its ledger before the last stage.

    The best checkpoint's measurement is kept apart: (position, update, value), or None.
    """
    measured, diverged, ledger, best = [], None, dict.fromkeys(UNITS, 0.0), None
    before = ledger
    for position, folder in folders:
        before = ledger
        for row in records(folder / "probes.csv", seed):
            if row["probe"] == probe and row["metric"] == metric and row["moment"] == "best":
                best = (position, int(row["update"]), float(row["value"]))
            elif row["probe"] == probe and row["metric"] == metric:
                measured.append((position, int(row["update"]), ORDER[row["moment"]], float(row["value"])))
        for row in records(folder / "events.csv", seed):
            if row["event"] == "diverged":
                place = (position, int(row["update"]))
                diverged = place if diverged is None else min(diverged, place)
        for row in records(folder / "train.csv", seed):
            ledger = {unit: float(row.get(unit, "nan")) for unit in UNITS}
    return sorted(measured, key=lambda m: m[:3]), diverged, ledger, best, before


def value_at(measured, diverged, worst, position, update):
    """The last measurement at or before a place; ``worst`` once the learner has diverged."""
    if diverged is not None and diverged <= (position, update):
        return worst
    value = None
    for at_position, at_update, _, seen in measured:
        if (at_position, at_update) <= (position, update):
            value = seen
    return value if math.isfinite(value) else worst


def number(learner, at, worst, last, stop):
    """What the comparison is about, for one learner; an area is over updates 0 to ``stop`` of the last stage."""
    measured, diverged, best = learner[0], learner[1], learner[3]
    if at == "best":
        position, update, value = best
        gone = diverged is not None and diverged <= (position, update)
        return worst if gone or not math.isfinite(value) else value
    if at == "birth":
        return value_at(measured, diverged, worst, -1, 0)
    if at == "end":
        return value_at(measured, diverged, worst, last, math.inf)
    if at != "area":
        return value_at(measured, diverged, worst, last, int(at))
    updates = sorted({0}.union(m[1] for m in measured if m[0] == last))
    if updates[-1] < stop:
        updates.append(stop)
    area, left, height = 0.0, 0, value_at(measured, diverged, worst, last, 0)
    for update in updates[1:]:
        if left >= stop or height is None:
            break
        there = value_at(measured, diverged, worst, last, update)
        if there is None:
            return None
        right = min(update, stop)
        end = height + (there - height) * (right - left) / (update - left)
        area += (right - left) * (height + end) / 2
        left, height = right, end
    return area / stop if stop and height is not None else height


def last_budget(arm, lives):
    """Updates of an arm's last stage: as declared, in its own unit converted at the rate of use, or as lived."""
    last, rates, lived = len(arm["stages"]) - 1, [], 0
    unit, size = arm["stages"][-1].get("budget") or ["updates", 0]
    for measured, _, ledger, _, before in lives:
        updates = max([m[1] for m in measured if m[0] == last], default=0)
        lived = max(lived, updates)
        if updates:
            rates.append((ledger[unit] - before[unit]) / updates)
    if unit == "updates":
        return max(lived, size)
    return max(lived, math.ceil(round(size / max(rates), 6))) if rates and max(rates) else lived


def area_range(run, resolved, arms, pairs, probe, metric, records):
    """The smallest budget of a last stage among the arms of the pairs, all arms without pairs; 0 where none has one."""
    budgets = []
    for name in {name for pair in pairs for name in pair} or set(arms):
        folders = [(seed, visits(run, resolved, arms[name], seed)) for seed in resolved["seeds"]]
        lives = [life(records, found, seed, probe, metric) for seed, found in folders]
        budgets.append(last_budget(arms[name], lives))
    return min([size for size in budgets if size], default=0)


def learners(run, resolved, arm, probe, metric, records):
    """{seed: life} of the learners that are finished."""
    done = [seed for seed in resolved["seeds"] if finished(run, resolved, arm, seed)]
    return {seed: life(records, visits(run, resolved, arm, seed), seed, probe, metric) for seed in done}


def nothing_differs(run, resolved, arm, records):
    """Whether an arm's seeds are alike: all that it draws is pinned, or every value on record is the same for all."""
    if "draws" in arm and not arm.get("lineages") and not set(arm["draws"]) - set(resolved.get("pin") or []):
        return True
    seeds = resolved["seeds"]
    if len(seeds) < 2 or not all(finished(run, resolved, arm, seed) for seed in seeds):
        return False
    seen = []
    for seed in seeds:
        folders = visits(run, resolved, arm, seed)
        rows = [(at, row) for at, folder in folders for row in records(folder / "probes.csv", seed)]
        kept = [row for row in rows if row[1]["moment"] != "best"]
        gone = life(records, folders, seed, "", "")[1]
        trained = [{**row, "seed": ""} for _, folder in folders for row in records(folder / "train.csv", seed)]
        seen.append((gone, sorted((at, *(r[key] for key in KEYS), str(float(r["value"]))) for at, r in kept), trained))
    return bool(seen[0][1]) and all(one == seen[0] for one in seen)


def verdicts_on_images(run, resolved, arm, seed, probe):
    """(M,) of 0 and 1 at the end of one learner's life; None where they are not on record."""
    position, folder = visits(run, resolved, arm, seed)[-1]
    path = folder / "arrays" / f"{probe}.npz"
    if position != len(arm["stages"]) - 1 or not path.exists():
        return None
    with np.load(path) as arrays:
        row = list(arrays["seeds"]).index(seed)
        return np.unpackbits(arrays["correct"][row])[: int(arrays["count"])].astype(float)
