"""A metric of the matrix of skills, from record files: average and forgetting, of raw or normalised scores."""

import math

from lives import finished, life, value_at, visits


def matrix_values(run, resolved, arms, name, metric, records):
    """{seed: value} of an arm's finished learners, and whether none of them is known but as the declared worst.

    None for the learners of an arm that doesn't live every stage of the matrix.
    """
    asked, arm = resolved["compare"]["matrix"], arms[name]
    done = [seed for seed in resolved["seeds"] if finished(run, resolved, arm, seed)]
    lived = [stage["name"] for stage in arm["stages"]]
    if any(stage not in lived for stage in asked["skills"]):
        return dict.fromkeys(done), False
    columns = []
    for stage, named in asked["skills"].items():
        probe, _, dotted = named.partition(".")
        known = resolved["probes"][probe]
        what = probe, dotted or next(iter(known["metrics"]))
        worst = known.get("worst", known["metrics"][what[1]].get("worst"))
        ends = 0, 1
        if asked.get("scores") == "normalised":
            ends = scale(run, resolved, arms[asked["experts"][stage]], stage, what, worst, records)
        columns.append((lived.index(stage) + 1, what, worst, ends))
    found = {seed: one(run, resolved, arm, seed, columns, metric, records) for seed in done}
    known = {seed: value if math.isfinite(value) else resolved["compare"].get("worst") for seed, value in found.items()}
    return known, not any(map(math.isfinite, found.values()))


def column(run, resolved, arm, seed, what, worst, records):
    """A probe's value at birth and at the end of every stage."""
    seen, gone, *_ = life(records, visits(run, resolved, arm, seed), seed, *what)
    rows = [value_at(seen, gone, worst, -1, 0)]
    rows += [value_at(seen, gone, worst, position, math.inf) for position in range(len(arm["stages"]))]
    return [math.nan if value is None else value for value in rows]


def scale(run, resolved, expert, stage, what, worst, records):
    """What counts as 0 and as 1: an expert at birth and at the end of its stage, means over its learners."""
    row = 1 + next(i for i, lived in enumerate(expert["stages"]) if lived["name"] == stage)
    seeds = [seed for seed in resolved["seeds"] if finished(run, resolved, expert, seed)]
    found = [column(run, resolved, expert, seed, what, worst, records) for seed in seeds]
    zero, top = (math.fsum(values[at] for values in found) / len(found) for at in (0, row))
    better = resolved["probes"][what[0]]["metrics"][what[1]]["better"]
    return (zero, top) if (top > zero) == (better == "higher") and top != zero else (zero, math.nan)


def one(run, resolved, arm, seed, columns, metric, records):
    """A learner's average or forgetting; nan where it is unknown."""
    scores = []
    for learned, what, worst, (zero, top) in columns:
        rows = column(run, resolved, arm, seed, what, worst, records)
        scores.append((learned, [(value - zero) / (top - zero) for value in rows]))
    if metric == "average":
        parts = [rows[-1] for _, rows in scores]
    else:
        assert metric == "forgetting", f"{metric} is not recomputed"
        parts = [max(rows[1:-1]) - rows[-1] for learned, rows in scores if learned < len(rows) - 1]
    return math.fsum(parts) / len(parts) if parts else math.nan
