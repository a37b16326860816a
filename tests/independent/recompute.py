"""Recompute comparison.json of a run from its record files, with numpy, csv and json alone.

    python recompute.py RUN

Shares no code with the package and takes other ways where there are any: sign matrices in place of subset sums, an
interval found by bisection on p in place of order statistics, lineages by union-find, image resamples one by one, a
t quantile by bisection on a numerical integral, explicit loops. Prints what it checked; where an entry
differs by more than 1e-9 (absolute or relative) it names the entry and ends with exit code 1.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from arithmetic import SignFlip, equivalence, holm, improvement, joined, means, new_images, summary, word
from lives import (
    UNITS,
    Records,
    area_range,
    learners,
    life,
    nothing_differs,
    number,
    seconds,
    value_at,
    verdicts_on_images,
    visits,
)
from matrix import matrix_values

TOLERANCE = 1e-9


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


def worst_of(resolved, probe, metric):
    """What a diverged learner counts as."""
    override = resolved["probes"][probe].get("worst")
    return resolved["probes"][probe]["metrics"][metric].get("worst") if override is None else override


def check_arms(check, run, resolved, arms, body, label, records):
    """Values, summaries and ledgers; returns {arm: {seed: value}}, the same at the best, and who has diverged ones."""
    values, bests, gone, unseen = {}, {}, {}, {}
    of_life = body["probe"] not in resolved["probes"]  # a metric of the matrix
    worst = None if of_life else worst_of(resolved, body["probe"], body["metric"])
    check(f"{label}arms", sorted(body["arms"]), sorted(arms))
    pairs = resolved["compare"]["pairs"]
    stop = area_range(run, resolved, arms, pairs, body["probe"], body["metric"], records)
    for name, arm in arms.items():
        found = learners(run, resolved, arm, body["probe"], body["metric"], records)
        last = len(arm["stages"]) - 1
        if of_life:
            values[name], nothing = matrix_values(run, resolved, arms, name, body["metric"], records)
            unseen[name] = {body["at"]: nothing}
        else:
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
        if of_life:
            continue
        unseen[name] = {
            at: all(worst_alone(lived, at, last, stop) for lived in found.values())
            for at in (body["at"], *(["best"] if best else []))
        }
    return values, bests, gone, unseen


def worst_alone(lived, at, last, stop):
    """Whether a learner's value is the worst and nothing else: it moves with it, one to one."""
    return number(lived, at, 1.0, last, stop) - number(lived, at, 0.0, last, stop) > 1 - 1e-9


def at_best(found, worst):
    """{seed: value at the best checkpoint}; empty where one has none on record."""
    if any(lived[3] is None for lived in found.values()):
        return {}
    return {seed: number(lived, "best", worst, 0, 0) for seed, lived in found.items()}


def statistics(pair, values, arms, body, alpha, unseen):
    """One comparison of the arms' values {arm: {seed: value}}, without its adjusted p values.

    ``unseen``: no value of either arm rests on a measurement.
    """
    x, y = (values[pair[side]] for side in ("arm", "against"))
    seeds = [seed for seed in x if x[seed] is not None and y.get(seed) is not None]
    groups = joined(seeds, [arms[pair["arm"]], arms[pair["against"]]])
    xs, ys = means(x, groups), means(y, groups)
    d = [a - b for a, b in zip(xs, ys, strict=True)]
    found = dict.fromkeys(("difference", "p", "p_equivalence", "probability_of_improvement", "means"))
    none = [None, None]
    joint = alpha / body["family"]
    found |= {"n": len(groups), "seeds": len(seeds), "interval": none, "interval_alone": none, "level": 1 - joint}
    found["same"] = all(x[seed] == y[seed] for seed in seeds)
    if d:
        found["difference"] = math.fsum(d) / len(d)
        found["means"] = [math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)]
        found["probability_of_improvement"] = improvement(xs, ys, body["better"])
    if None not in x.values() and None not in y.values() and len(seeds) == len(body["expected"]) and not unseen:
        test = SignFlip(xs, ys)
        found["p"], found["interval"] = test.p(), test.interval(joint)
        found["interval_alone"] = test.interval(alpha)
        found["p_equivalence"] = equivalence(xs, ys, body["smallest_effect"])
    return found, groups


def recompute_pair(pair, values, best, arms, body, resolved, unseen):
    """A comparison at the end, or at the matched arm's best where that leaves the developmental side a smaller gain."""
    alpha = 0.05 / len(resolved["compare"].get("looks") or [1])
    ends = [unseen[pair[which]][body["at"]] for which in ("arm", "against")]
    found, groups = statistics(pair, values, arms, body, alpha, all(ends))
    found |= {"scored": body["at"], "at_end": None, "at_best": None}
    side = "against" if arms[pair["against"]].get("match") else "arm"
    if arms[pair["arm"]].get("match") and arms[pair["against"]].get("match"):
        return found, groups
    select = resolved["compare"].get("select")
    if body["at"] != "end" or not select or not arms[pair[side]].get("match") or not best[pair[side]]:
        return found, groups
    rest = unseen[pair["arm" if side == "against" else "against"]]["end"]
    nothing = rest and unseen[pair[side]]["best"]
    other, _ = statistics(pair, values | {pair[side]: best[pair[side]]}, arms, body, alpha, nothing)
    other |= {"scored": "best"}
    if found["p"] is None or other["p"] is None:
        return (found if found["p"] is None else other), groups
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
            found, best, _, unseen = values[i]
            answer = recompute_pair(pair, found, best, points[i]["arms"], body, resolved, unseen)
            family.append((i, pair, *answer))
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
        test = SignFlip(last, first)
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
