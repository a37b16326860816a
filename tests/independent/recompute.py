"""Recompute comparison.json of a run from its record files, with numpy, csv and json alone.

    python recompute.py RUN

Shares no code with the package and takes other ways where there are any: sign matrices in place of subset sums, an
interval found by bisection on p in place of order statistics, explicit loops. Prints what it checked; where an entry
differs by more than 1e-9 (absolute or relative) it names the entry and ends with exit code 1.
"""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np

TOLERANCE = 1e-9
UNITS = ("labels", "label_bits", "images", "env_steps", "updates", "flops")
ORDER = {"birth": 0, "every": 1, "end": 2}


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


def life(records, folders, seed, probe, metric):
    """The learner's measurements [(position, update, order, value)], its divergence or None, its last ledger."""
    measured, diverged, ledger = [], None, dict.fromkeys(UNITS, 0.0)
    for position, folder in folders:
        for row in records(folder / "probes.csv", seed):
            if row["probe"] == probe and row["metric"] == metric:
                measured.append((position, int(row["update"]), ORDER[row["moment"]], float(row["value"])))
        for row in records(folder / "events.csv", seed):
            if row["event"] == "diverged":
                place = (position, int(row["update"]))
                diverged = place if diverged is None else min(diverged, place)
        for row in records(folder / "train.csv", seed):
            ledger = {unit: float(row[unit]) for unit in UNITS}
    return sorted(measured, key=lambda m: m[:3]), diverged, ledger


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
    """What the comparison is about, for one learner."""
    measured, diverged, _ = learner
    if at == "birth":
        return value_at(measured, diverged, worst, -1, 0)
    if at == "end":
        return value_at(measured, diverged, worst, last, math.inf)
    if at != "area":
        return value_at(measured, diverged, worst, last, int(at))
    updates = sorted({0, stop}.union(m[1] for m in measured if m[0] == last))
    heights = [value_at(measured, diverged, worst, last, update) for update in updates]
    if None in heights:
        return None
    if stop == 0:
        return heights[-1]
    area = 0.0
    for i in range(len(updates) - 1):
        area += (updates[i + 1] - updates[i]) * (heights[i] + heights[i + 1]) / 2
    return area / stop


def signs(n):
    """(M, n) of +1 and -1: all of them to n = 16, else no flip and 99,999 documented ones."""
    if n <= 16:
        return 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    raw = np.random.PCG64(0).random_raw(99_999 * n).reshape(99_999, n)
    return np.vstack([np.ones(n), 1.0 - 2.0 * (raw >> np.uint64(63)).astype(float)])


class SignFlip:
    """The sign-flip test of a vector of differences."""

    def __init__(self, d):
        self.d = np.array(d, float)
        self.signs = signs(len(d))

    def p(self, shift=0.0, tie=1e-10):
        moved = self.d - shift
        slack = tie * np.abs(moved).sum()
        return float(np.mean(np.abs(self.signs @ moved) >= abs(moved.sum()) - slack))

    def one_sided(self, shift):
        moved = self.d - shift
        return float(np.mean(self.signs @ moved >= moved.sum() - 1e-10 * np.abs(moved).sum()))

    def interval(self):
        """Both ends by bisection between the mean, which is never rejected, and a shift beyond all differences."""
        if self.p(self.d.min() - 1.0) > 0.05:
            return [None, None]
        return [self.end(self.d.min() - 1.0), self.end(self.d.max() + 1.0)]

    def end(self, rejected):
        kept, rejected = float(self.d.mean()), float(rejected)
        for _ in range(60):
            middle = (kept + rejected) / 2
            if self.p(middle, tie=1e-13) > 0.05:
                kept = middle
            else:
                rejected = middle
        return kept


def equivalence(d, smallest):
    """The larger p of two one-sided tests; 1 without a smallest effect."""
    if not smallest:
        return 1.0
    flipped = SignFlip([-x for x in d])
    return max(SignFlip(d).one_sided(-smallest), flipped.one_sided(-smallest))


def holm(ps):
    """Holm's adjustment; None counts as 1 and stays None."""
    filled = [1.0 if p is None else p for p in ps]
    result = []
    for i, p in enumerate(filled):
        lower = [q for j, q in enumerate(filled) if (q, j) <= (p, i)]
        steps = [min(1.0, (len(ps) - rank) * q) for rank, q in enumerate(sorted(lower))]
        result.append(None if ps[i] is None else max(steps))
    return result


def improvement(x, y, better):
    """P(better) + P(equal) / 2 over all pairs."""
    points = 0.0
    for a in x:
        for b in y:
            points += 0.5 if a == b else float((a > b) == (better == "higher"))
    return points / (len(x) * len(y))


def summary(values):
    """Mean, sd, median and interquartile mean."""
    x = sorted(values)
    n = len(x)
    mean = math.fsum(x) / n
    cut = n // 4
    return {
        "n": n,
        "mean": mean,
        "sd": math.sqrt(math.fsum((v - mean) ** 2 for v in x) / (n - 1)) if n > 1 else None,
        "median": (x[(n - 1) // 2] + x[n // 2]) / 2,
        "iqm": math.fsum(x[cut : n - cut]) / (n - 2 * cut),
    }


def word(pair, x, y, better):
    """The verdict, from the adjusted p values."""
    if x == y:
        return "identical"
    if pair["p_equivalence_adjusted"] <= 0.05:
        return "equivalent"
    if pair["p_adjusted"] <= 0.05:
        return "better" if (pair["difference"] > 0) == (better == "higher") else "worse"
    return "undecided"


def seconds(run, resolved, arm):
    """Wall-clock seconds of the jobs on an arm's path, divided by its seeds."""
    total = 0.0
    for job in resolved["jobs"]:
        if job["branch"] in arm["path"]:
            rows = [row for path in (run / job["folder"]).glob("records/*/seconds.csv") for row in table(path)]
            total += max([float(row["seconds"]) for row in rows], default=0.0)
    return total / len(resolved["seeds"])


def finished(run, resolved, arm, seed):
    """Whether all jobs on the learner's path are done."""
    for job in resolved["jobs"]:
        if job["branch"] in arm["path"] and seed in job["seeds"]:
            state = run / job["folder"] / "state.json"
            if not state.exists() or json.loads(state.read_text())["status"] != "done":
                return False
    return True


class Check:
    """Compares what is written with what is recomputed, and remembers what differs."""

    def __init__(self):
        self.count, self.wrong = 0, []

    def __call__(self, name, written, computed):
        self.count += 1
        if not same(written, computed):
            self.wrong.append(f"{name}: comparison.json says {written!r}, the records say {computed!r}")


def same(written, computed):
    """Equal, or two numbers within the tolerance."""
    if isinstance(written, list) and isinstance(computed, list):
        return len(written) == len(computed) and all(map(same, written, computed))
    numbers = [isinstance(v, (int, float)) and not isinstance(v, bool) for v in (written, computed)]
    if not all(numbers):
        return written == computed
    return abs(written - computed) <= TOLERANCE * max(1.0, abs(written), abs(computed))


def learners(run, resolved, arm, probe, metric, records):
    """{seed: life} of the learners that are finished."""
    done = [seed for seed in resolved["seeds"] if finished(run, resolved, arm, seed)]
    return {seed: life(records, visits(run, resolved, arm, seed), seed, probe, metric) for seed in done}


def worst_of(resolved, probe, metric):
    """What a diverged learner counts as."""
    override = resolved["probes"][probe].get("worst")
    return resolved["probes"][probe]["metrics"][metric].get("worst") if override is None else override


def check_arms(check, run, resolved, arms, body, label, records):
    """Values, summaries and ledgers; returns {arm: {seed: value}}."""
    values = {}
    worst = worst_of(resolved, body["probe"], body["metric"])
    check(f"{label}arms", sorted(body["arms"]), sorted(arms))
    for name, arm in arms.items():
        found = learners(run, resolved, arm, body["probe"], body["metric"], records)
        last = len(arm["stages"]) - 1
        stop = max([m[1] for lived in found.values() for m in lived[0] if m[0] == last], default=0)
        values[name] = {seed: number(lived, body["at"], worst, last, stop) for seed, lived in found.items()}
        written = body["arms"][name]
        check(f"{label}arms.{name}.seeds", sorted(written["values"]), sorted(map(str, values[name])))
        for seed, value in values[name].items():
            check(f"{label}arms.{name}.values.{seed}", written["values"].get(str(seed)), value)
        known = list(values[name].values())
        if known and None not in known:
            for statistic, value in summary(known).items():
                check(f"{label}arms.{name}.{statistic}", written[statistic], value)
        everyone = [
            life(records, visits(run, resolved, arm, s), s, body["probe"], body["metric"]) for s in resolved["seeds"]
        ]
        check(f"{label}arms.{name}.diverged", written["diverged"], sum(one[1] is not None for one in everyone))
        for unit in UNITS:
            mean = math.fsum(one[2][unit] for one in everyone) / len(everyone)
            check(f"{label}arms.{name}.ledger.{unit}", written["ledger"][unit], mean)
        check(f"{label}arms.{name}.ledger.seconds", written["ledger"]["seconds"], seconds(run, resolved, arm))
    return values


def recompute_pair(pair, values, seeds, body):
    """One comparison without its adjusted p values, and the two vectors."""
    x, y = ([values[pair[side]].get(seed) for seed in seeds] for side in ("arm", "against"))
    whole = None not in x and None not in y
    both = [(a, b) for a, b in zip(x, y, strict=True) if a is not None and b is not None]
    x, y = [a for a, _ in both], [b for _, b in both]
    d = [a - b for a, b in both]
    found = {"n": len(both), "difference": math.fsum(d) / len(d) if d else None, "p": None, "interval": [None, None]}
    found["probability_of_improvement"] = improvement(x, y, body["better"]) if both else None
    found["p_equivalence"] = None
    if whole:
        test = SignFlip(d)
        found["p"], found["interval"] = test.p(), test.interval()
        found["p_equivalence"] = equivalence(d, body["smallest_effect"])
    return found, x, y


def check_pairs(check, resolved, bodies, values):
    """All comparisons of all points: they are one family."""
    family = [
        (i, pair, *recompute_pair(pair, values[i], resolved["seeds"], body))
        for i, body in enumerate(bodies)
        for pair in body["comparisons"]
    ]
    different = holm([found["p"] for _, _, found, _, _ in family])
    equal = holm([found["p_equivalence"] for _, _, found, _, _ in family])
    for (i, pair, found, x, y), p, q in zip(family, different, equal, strict=True):
        found |= {"p_adjusted": p, "p_equivalence_adjusted": q}
        found["suggests"] = "incomplete" if p is None else word(found, x, y, bodies[i]["better"])
        found["verdict"] = "exploratory" if bodies[i]["exploratory"] else found["suggests"]
        for key, value in found.items():
            check(f"{prefix(bodies[i])}{pair['arm']} against {pair['against']}: {key}", pair[key], value)


def check_stages(check, run, resolved, arms, body, label, records):
    """What each budget bought: the stage's change and its p."""
    for entry in body["stages"]:
        arm = arms[entry["arms"][0]]
        worst = worst_of(resolved, entry["probe"], entry["metric"])
        before, after = [], []
        for measured, diverged, _ in learners(run, resolved, arm, entry["probe"], entry["metric"], records).values():
            position = entry["position"]
            before.append(value_at(measured, diverged, worst, position - 1, math.inf if position else 0))
            after.append(value_at(measured, diverged, worst, position, math.inf))
        name = f"{label}stages.{entry['stage']}.{entry['visit']} ({entry['branch']}), {entry['probe']}"
        if not before or None in before or None in after:
            check(f"{name}: p", entry["p"], None)
            continue
        change = [a - b for a, b in zip(after, before, strict=True)]
        test = SignFlip(change)
        check(f"{name}: before", entry["before"], math.fsum(before) / len(before))
        check(f"{name}: after", entry["after"], math.fsum(after) / len(after))
        check(f"{name}: change", entry["change"], math.fsum(change) / len(change))
        check(f"{name}: p", entry["p"], test.p())
        check(f"{name}: interval", entry["interval"], test.interval())


def prefix(body):
    """The name of a point, empty where nothing is varied."""
    return f"{body['point']} " if body["point"] else ""


def main(run):
    """Check one run folder; the exit code."""
    resolved = json.loads((run / "resolved.json").read_text())
    written = json.loads((run / "comparison.json").read_text())
    bodies = written if isinstance(written, list) else [written]
    check, records, values = Check(), Records(), []
    check("points", [body["point"] for body in bodies], [point["point"] for point in resolved["points"]])
    for body, point in zip(bodies, resolved["points"], strict=True):
        values.append(check_arms(check, run, resolved, point["arms"], body, prefix(body), records))
        check_stages(check, run, resolved, point["arms"], body, prefix(body), records)
        pairs = [[pair["arm"], pair["against"]] for pair in body["comparisons"]]
        check(f"{prefix(body)}pairs", pairs, [list(pair) for pair in resolved["compare"]["pairs"]])
    check_pairs(check, resolved, bodies, values)
    for line in check.wrong:
        print(line)
    print(f"{check.count} entries recomputed, {len(check.wrong)} differ by more than {TOLERANCE:g}")
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
