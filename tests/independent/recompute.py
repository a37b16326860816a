"""Recompute comparison.json of a run from its record files, with numpy, csv and json alone.

    python recompute.py RUN

Shares no code with the package and takes other ways where there are any: sign matrices in place of subset sums, an
interval found by bisection on p in place of order statistics, lineages by union-find, image resamples one by one, a
t quantile by bisection on a numerical integral, explicit loops. Prints what it checked; where an entry
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
RESAMPLES = 2000
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
            ledger = {unit: float(row[unit]) for unit in UNITS}
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

    def interval(self, alpha=0.05):
        """Both ends by bisection between the mean, which is never rejected, and a shift beyond all differences."""
        if self.p(self.d.min() - 1.0) > alpha:
            return [None, None]
        return [self.end(self.d.min() - 1.0, alpha), self.end(self.d.max() + 1.0, alpha)]

    def end(self, rejected, alpha):
        kept, rejected = float(self.d.mean()), float(rejected)
        for _ in range(60):
            middle = (kept + rejected) / 2
            if self.p(middle, tie=1e-13) > alpha:
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
        seen.append((gone, sorted((at, *(r[key] for key in KEYS), str(float(r["value"]))) for at, r in kept)))
    return bool(seen[0][1]) and all(one == seen[0] for one in seen)


def joined(seeds, arms):
    """Seeds in lineages: union-find over the names that the arms' learners share; one where no arm's seeds differ."""
    if seeds and all(arm["alike"] for arm in arms):
        return [list(seeds)]
    root = {seed: seed for seed in seeds}

    def find(seed):
        return seed if root[seed] == seed else find(root[seed])

    first = {}
    for arm in arms:
        for seed in seeds:
            name = (arm.get("lineages") or {}).get(str(seed))
            if name is not None:
                root[find(seed)] = find(first.setdefault(name, seed))
    return [[seed for seed in seeds if find(seed) == top] for top in seeds if find(top) == top]


def means(values, groups):
    """The mean of each group's values."""
    return [math.fsum(values[seed] for seed in group) / len(group) for group in groups]


def t_quantile(p, df):
    """Where Student's t distribution with ``df`` degrees of freedom reaches ``p`` > 0.5: bisection, Gauss-Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    low, high = 0.0, 1e3

    def area(x):  # of the density between 0 and x = sqrt(df) tan(angle)
        angle = math.atan(x / math.sqrt(df))
        inside = (nodes + 1) * angle / 2
        return scale * math.sqrt(df) * angle / 2 * float(weights @ np.cos(inside) ** (df - 1))

    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if area(middle) < p - 0.5 else (low, middle)
    return low


def new_images(d, alpha):
    """The seeds x images interval of d (n, M) from the documented draws, one resample at a time."""
    n, images = d.shape
    column = d.mean(0)
    spread = column + math.sqrt(n / (n - 1)) * (d - column)
    for_images, for_seeds, found = np.random.PCG64(1), np.random.PCG64(2), []
    for _ in range(RESAMPLES):
        drawn = [
            np.floor((source.random_raw(size) >> np.uint64(32)) * (size / 2.0**32)).astype(int)
            for source, size in ((for_images, images), (for_seeds, n))
        ]
        found.append(spread[drawn[1]].mean(0)[drawn[0]].mean())
    half = t_quantile(1 - alpha / 2, n - 1) * float(np.std(found, ddof=1))
    return [float(d.mean()) - half, float(d.mean()) + half]


def verdicts_on_images(run, resolved, arm, seed, probe):
    """(M,) of 0 and 1 at the end of one learner's life; None where they are not on record."""
    position, folder = visits(run, resolved, arm, seed)[-1]
    path = folder / "arrays" / f"{probe}.npz"
    if position != len(arm["stages"]) - 1 or not path.exists():
        return None
    with np.load(path) as arrays:
        row = list(arrays["seeds"]).index(seed)
        return np.unpackbits(arrays["correct"][row])[: int(arrays["count"])].astype(float)


def improvement(x, y, better):
    """P(better) + P(equal) / 2 over all pairs."""
    points = 0.0
    for a in x:
        for b in y:
            points += 0.5 if a == b else float((a > b) == (better == "higher"))
    return points / (len(x) * len(y))


def summary(values):
    """n, mean, sd, median and interquartile mean."""
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


def word(pair, better):
    """The verdict, from the adjusted p values."""
    if pair["same"]:
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
        if job["branch"] in arm["path"] and set(job["seeds"]) & set(resolved["seeds"]):
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
    if isinstance(written, dict) and isinstance(computed, dict):
        return written.keys() == computed.keys() and all(same(written[key], computed[key]) for key in written)
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
    """Values, summaries and ledgers; returns {arm: {seed: value}}, the same at the best, and who has diverged ones."""
    values, bests, gone = {}, {}, {}
    worst = worst_of(resolved, body["probe"], body["metric"])
    check(f"{label}arms", sorted(body["arms"]), sorted(arms))
    pairs = resolved["compare"]["pairs"]
    stop = area_range(run, resolved, arms, pairs, body["probe"], body["metric"], records)
    for name, arm in arms.items():
        found = learners(run, resolved, arm, body["probe"], body["metric"], records)
        last = len(arm["stages"]) - 1
        values[name] = {seed: number(lived, body["at"], worst, last, stop) for seed, lived in found.items()}
        written = body["arms"][name]
        check(f"{label}arms.{name}.seeds", sorted(written["values"]), sorted(map(str, values[name])))
        for seed, value in values[name].items():
            check(f"{label}arms.{name}.values.{seed}", written["values"].get(str(seed)), value)
        groups = joined(list(values[name]), [arm])
        check(f"{label}arms.{name}.n", written["n"], len(groups))
        known = [] if None in values[name].values() else means(values[name], groups)
        if known:
            for statistic, value in summary(known).items():
                check(f"{label}arms.{name}.{statistic}", written[statistic], value)
        everyone = [
            life(records, visits(run, resolved, arm, s), s, body["probe"], body["metric"]) for s in resolved["seeds"]
        ]
        gone[name] = sum(one[1] is not None for one in everyone)
        check(f"{label}arms.{name}.diverged", written["diverged"], gone[name])
        tuning = (arm.get("tuning") or {}).get("ledger", {})
        for unit in UNITS:
            mean = math.fsum(one[2][unit] for one in everyone) / len(everyone)
            check(f"{label}arms.{name}.ledger.{unit}", written["ledger"][unit], mean)
            total = math.fsum(one[2][unit] for one in everyone) + tuning.get(unit, 0)
            check(f"{label}arms.{name}.total.{unit}", written["total"][unit], total)
        check(f"{label}arms.{name}.ledger.seconds", written["ledger"]["seconds"], seconds(run, resolved, arm))
        check(f"{label}arms.{name}.tuning", written["tuning"], arm.get("tuning"))
        bests[name] = best = at_best(found, worst)
        known = means(best, groups) if best and None not in best.values() else []
        check(f"{label}arms.{name}.best", written["best"], math.fsum(known) / len(known) if known else None)
    return values, bests, gone


def at_best(found, worst):
    """{seed: value at the best checkpoint}; empty where one has none on record."""
    if any(lived[3] is None for lived in found.values()):
        return {}
    return {seed: number(lived, "best", worst, 0, 0) for seed, lived in found.items()}


def statistics(pair, values, arms, body, alpha):
    """One comparison of the arms' values {arm: {seed: value}}, without its adjusted p values."""
    x, y = (values[pair[side]] for side in ("arm", "against"))
    seeds = [seed for seed in x if x[seed] is not None and y.get(seed) is not None]
    groups = joined(seeds, [arms[pair["arm"]], arms[pair["against"]]])
    xs, ys = means(x, groups), means(y, groups)
    d = [a - b for a, b in zip(xs, ys, strict=True)]
    found = dict.fromkeys(("difference", "p", "p_equivalence", "probability_of_improvement", "means"))
    found |= {"n": len(groups), "seeds": len(seeds), "interval": [None, None], "level": 1 - alpha}
    found["same"] = all(x[seed] == y[seed] for seed in seeds)
    if d:
        found["difference"] = math.fsum(d) / len(d)
        found["means"] = [math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)]
        found["probability_of_improvement"] = improvement(xs, ys, body["better"])
    if None not in x.values() and None not in y.values() and len(seeds) == len(body["expected"]):
        test = SignFlip(d)
        found["p"], found["interval"] = test.p(), test.interval(alpha)
        found["p_equivalence"] = equivalence(d, body["smallest_effect"])
    return found, groups


def recompute_pair(pair, values, best, arms, body, resolved):
    """A comparison at the end, or at the matched arm's best where that leaves the developmental side a smaller gain."""
    alpha = 0.05 / len(resolved["compare"].get("looks") or [1])
    found, groups = statistics(pair, values, arms, body, alpha)
    found |= {"scored": body["at"], "at_end": None, "at_best": None}
    side = "against" if arms[pair["against"]].get("match") else "arm"
    if arms[pair["arm"]].get("match") and arms[pair["against"]].get("match"):
        return found, groups
    select = resolved["compare"].get("select")
    if body["at"] != "end" or not select or not arms[pair[side]].get("match") or not best[pair[side]]:
        return found, groups
    other, _ = statistics(pair, values | {pair[side]: best[pair[side]]}, arms, body, alpha)
    other |= {"scored": "best"}
    if found["p"] is None or other["p"] is None:
        return found, groups
    both = {
        name: {key: one[key] for key in ("difference", "interval", "p")}
        for name, one in (("at_end", found), ("at_best", other))
    }
    towards = (1 if side == "against" else -1) * (1 if body["better"] == "higher" else -1)
    smaller = found if towards * found["difference"] <= towards * other["difference"] else other
    return smaller | both, groups


def second_interval(run, resolved, pair, found, groups, arms, body, gone):
    """The interval for new images, where there is one."""
    both = [pair["arm"], pair["against"]]
    if found["p"] is None or found["scored"] != "end" or body["metric"] != "accuracy" or any(gone[a] for a in both):
        return None
    seen = {
        (name, seed): verdicts_on_images(run, resolved, arms[name], seed, body["probe"])
        for name in both
        for group in groups
        for seed in group
    }
    if any(right is None for right in seen.values()):
        return None
    rows = [sum(seen[both[0], seed] - seen[both[1], seed] for seed in group) / len(group) for group in groups]
    if len(rows) < 2:
        return [None, None]
    ends = zip(new_images(np.array(rows), 1 - found["level"]), found["interval"], (min, max), strict=True)
    return [None if seeds is None else widest(both, seeds) for both, seeds, widest in ends]


def check_pairs(check, run, resolved, bodies, values, points):
    """All comparisons of all points: they are one family."""
    family = []
    for i, body in enumerate(bodies):
        for pair in body["comparisons"]:
            family.append(
                (i, pair, *recompute_pair(pair, values[i][0], values[i][1], points[i]["arms"], body, resolved))
            )
    different = holm([found["p"] for _, _, found, _ in family])
    equal = holm([found["p_equivalence"] for _, _, found, _ in family])
    looks = len(resolved["compare"].get("looks") or [1])
    for (i, pair, found, groups), p, q in zip(family, different, equal, strict=True):
        body, arms = bodies[i], points[i]["arms"]
        found["p_adjusted"] = None if p is None else min(1.0, looks * p)
        found["p_equivalence_adjusted"] = None if q is None else min(1.0, looks * q)
        found["suggests"] = "incomplete" if p is None else word(found, body["better"])
        if all(arms[pair[side]]["alike"] for side in ("arm", "against")) and found["suggests"] == "undecided":
            found["reason"] = "nothing differs between the seeds: n = 1, so no test is possible"
        found["verdict"] = "exploratory" if body["exploratory"] else found["suggests"]
        found["interval_new_images"] = second_interval(run, resolved, pair, found, groups, arms, body, values[i][2])
        del found["same"]
        name = f"{prefix(body)}{pair['arm']} against {pair['against']}"
        for key, value in found.items():
            check(f"{name}: {key}", pair[key], value)
        for unit, gain in gains(pair, found, body).items():
            check(f"{name}: gain_per.{unit}", pair["gain_per"][unit], gain)


def gains(pair, found, body):
    """The gain for each unit that ``arm`` consumed more of, by 1 % of its own at least (ledgers: checked elsewhere)."""
    spent, other = (body["arms"][pair[side]]["ledger"] for side in ("arm", "against"))
    more = {u: spent[u] - other[u] if spent[u] - other[u] >= spent[u] / 100 else 0 for u in UNITS}
    gap = found["difference"]
    gain = None if gap is None else gap if body["better"] == "higher" else -gap
    return {unit: gain / extra if gain is not None and extra > 0 else None for unit, extra in more.items()}


def check_look(check, resolved, body, asked):
    """Whether the verdict stands at a planned look, and is what the scenario asked."""
    looks, seeds = resolved["compare"].get("looks"), resolved["seeds"]
    planned = True
    if looks:
        early = [n for n in resolved.get("seen") or [] if n not in looks]
        planned = len(seeds) in looks and set(seeds) == set(range(len(seeds))) and not early
        index = looks.index(len(seeds)) if len(seeds) in looks else None
        written = {"looks": looks, "n": len(seeds), "index": index, "planned": planned}
        check(f"{prefix(body)}look", body["look"], written)
    else:
        check(f"{prefix(body)}look", body["look"], None)
    check(f"{prefix(body)}exploratory", body["exploratory"], not (planned and asked))
    check(f"{prefix(body)}pin", body["pin"], list(resolved.get("pin") or []))
    check(f"{prefix(body)}alpha", body["alpha"], 0.05)


def stage_groups(seeds, arms):
    """Seeds that are of one lineage in every arm that lived a stage."""
    groups = {}
    for seed in seeds:
        key = tuple(next(tuple(group) for group in joined(seeds, [arm]) if seed in group) for arm in arms)
        groups.setdefault(key, []).append(seed)
    return list(groups.values())


def check_stages(check, run, resolved, arms, body, label, records):
    """What each budget bought: the stage's change and its p."""
    for entry in body["stages"]:
        arm, position = arms[entry["arms"][0]], entry["position"]
        worst = worst_of(resolved, entry["probe"], entry["metric"])
        before, after = {}, {}
        for seed, lived in learners(run, resolved, arm, entry["probe"], entry["metric"], records).items():
            before[seed] = value_at(*lived[:2], worst, position - 1, math.inf if position else 0)
            after[seed] = value_at(*lived[:2], worst, position, math.inf)
        name = f"{label}stages.{entry['stage']}.{entry['visit']} ({entry['branch']}), {entry['probe']}"
        groups = stage_groups(list(before), [arms[arm] for arm in entry["arms"]])
        check(f"{name}: n", entry["n"], len(groups))
        if not before or None in before.values() or None in after.values():
            check(f"{name}: p", entry["p"], None)
            continue
        first, last = means(before, groups), means(after, groups)
        change = [a - b for a, b in zip(last, first, strict=True)]
        test = SignFlip(change)
        check(f"{name}: before", entry["before"], math.fsum(first) / len(first))
        check(f"{name}: after", entry["after"], math.fsum(last) / len(last))
        check(f"{name}: change", entry["change"], math.fsum(change) / len(change))
        check(f"{name}: p", entry["p"], test.p())
        check(f"{name}: interval", entry["interval"], test.interval())


def prefix(body):
    """The name of a point, empty where nothing is varied."""
    return f"{body['point']} " if body["point"] else ""


def main(run):
    """Check one run folder; the exit code."""
    if missing := [name for name in ("resolved.json", "comparison.json") if not (run / name).exists()]:
        print(f"{run} has no {missing[0]}: nothing to recompute", file=sys.stderr)
        return 2
    resolved = json.loads((run / "resolved.json").read_text())
    written = json.loads((run / "comparison.json").read_text())
    bodies = written if isinstance(written, list) else [written]
    check, records, values = Check(), Records(), []
    check("points", [body["point"] for body in bodies], [point["point"] for point in resolved["points"]])
    declared = resolved["compare"]
    for body, point in zip(bodies, resolved["points"], strict=True):
        seeds = point.get("seeds", resolved["seeds"])
        body["expected"], here = seeds, resolved | {"seeds": seeds}
        for arm in point["arms"].values():
            arm["alike"] = nothing_differs(run, here, arm, records)
        values.append(check_arms(check, run, here, point["arms"], body, prefix(body), records))
        check_stages(check, run, here, point["arms"], body, prefix(body), records)
        check_look(check, here, body, all(body[key] == declared[key] for key in ("probe", "metric", "at")))
        pairs = [[pair["arm"], pair["against"]] for pair in body["comparisons"]]
        check(f"{prefix(body)}pairs", pairs, [list(pair) for pair in declared["pairs"]])
    check_pairs(check, run, resolved, bodies, values, resolved["points"])
    for line in check.wrong:
        print(line)
    print(f"{check.count} entries recomputed, {len(check.wrong)} differ by more than {TOLERANCE:g}")
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
