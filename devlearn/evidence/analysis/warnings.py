"""What a reader has to know before believing the verdicts of one point."""

import math
from collections.abc import Iterator, Mapping, Sequence

from devlearn.evidence import statistics
from devlearn.evidence.analysis import unscored
from devlearn.records.reader import ArmRecords, Json, Key, LearnerRecord

FEW_SEEDS = 10
MOST_SEEDS = 64  # of a mend
WINNER = {"better": "arm", "worse": "against"}


def warnings(body: Json, arms: Mapping[str, ArmRecords], resolved: Json, alike: bool) -> list[str]:
    """The warnings of one point of a comparison whose other keys are there."""
    unfinished = [f"not finished: {', '.join(body['incomplete'])}"] if body["incomplete"] else []
    diverged = [_diverged(name, arm) for name, arm in body["arms"].items() if arm["diverged"]]
    strange = _strange(body, arms)
    pairs = [*_overlapping(body, arms), *unscored.judged(body, arms), *_ends_only(body, arms, resolved)]
    asked = {name: arm.uncontrolled for name, arm in arms.items() if arm.uncontrolled and "/" not in name}
    told = {name for name, wanting in asked.items() if any(one["control"] == "compute" for one in wanting)}
    controls = [uncontrolled(name, wanting) for name, wanting in asked.items()]
    controls += [_no_control(name) for name in _without_control(body) if name not in told]
    return [*_seen(resolved), *_unlike(body, alike), *unfinished, *_few(body), *diverged, *strange, *pairs, *controls]


def _seen(resolved: Json) -> list[str]:
    if not resolved.get("seen") or resolved["compare"].get("looks"):
        return []
    seen = " and ".join(map(str, resolved["seen"]))
    return [
        f"seeds were added after a verdict on {seen} seeds had been seen; no p value here is corrected for that "
        "(compare.looks plans for it)"
    ]


def _unlike(body: Json, alike: bool) -> list[str]:
    probe = body["probe"]
    return [] if alike else [f"these runs define the probe {probe} differently: their values may not be comparable"]


def _few(body: Json) -> Iterator[str]:
    """Few seeds or lineages, and too few for any verdict."""
    counted = body["comparisons"] or list(body["arms"].values())
    n = min((entry["n"] for entry in counted), default=0)
    if not n:
        return
    seeds = min(entry["seeds"] for entry in counted)
    if n < FEW_SEEDS:
        yield f"{_samples(n, seeds)}: fewer than {FEW_SEEDS} leave most real differences undecided"
    if any("sign-flip" in pair["test"] for pair in body["comparisons"]):
        yield from _out_of_reach(n, seeds, max(1, body["family"]), _looks(body))


def _samples(n: int, seeds: int) -> str:
    return f"{n} lineage{'s' * (n != 1)} of {seeds} seeds" if n < seeds else f"{n} seed{'s' * (n != 1)}"


def _out_of_reach(n: int, seeds: int, family: int, looks: int) -> Iterator[str]:
    """That so few seeds can't decide so many comparisons, if so, and how many can."""
    smallest = statistics.smallest_p(n) * family * looks
    if smallest <= statistics.ALPHA:
        return
    enough = next(
        (more for more in range(n, MOST_SEEDS) if statistics.smallest_p(more) * family * looks <= statistics.ALPHA), 0
    )
    shared = f", {_comparisons(family)} and {looks} looks" if looks > 1 else f" and {_comparisons(family)}"
    mend = f"{enough} {'lineages' if n < seeds else 'seeds'} can" if enough else "declare fewer pairs"
    yield (
        f"with {_samples(n, seeds)}{shared} no difference can reach significance: "
        f"the smallest p that can occur, adjusted, is {min(1.0, smallest):.2g}; {mend}"
    )


def _comparisons(family: int) -> str:
    return f"{family} comparison{'s' * (family != 1)}"


def undecidable(resolved: Json) -> list[str]:
    """That no declared pair of a plan can come to a verdict, if so: its seeds are too few for its family."""
    asked, points = resolved["compare"], resolved["points"]
    if not asked or not asked["pairs"]:
        return []
    samples = [
        (len(set(lineages.values())), len(lineages))
        for p in points
        for arm in p["arms"].values()
        if (lineages := arm.get("lineages"))
    ]
    counts = [len(p.get("seeds", resolved["seeds"])) for p in points]
    n, seeds = min([*samples, *((count, count) for count in counts)])
    return list(_out_of_reach(n, seeds, len(asked["pairs"]) * len(points), len(asked.get("looks") or [None])))


def _looks(body: Json) -> int:
    return len(body["look"]["looks"]) if body["look"] else 1


def _diverged(name: str, arm: Json) -> str:
    counts = (
        "counted with the probe's worst value"
        if arm["mean"] is not None
        else "and no worst value is declared for the probe"
    )
    return f"{name}: {arm['diverged']} of {arm['seeds']} learners diverged, {counts}"


def _strange(body: Json, arms: Mapping[str, ArmRecords]) -> list[str]:
    """Learners with a value that is no finite number although they hadn't diverged: a probe's fault, as a rule."""
    key, found = (body["probe"], body["metric"]), []
    for name, arm in arms.items():
        if lost := [seed for seed, life in arm.lives.items() if _lost(life, key)]:
            seeds = f"seed{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}"
            found.append(
                f"{name}: {'.'.join(key)} of {seeds} is not a finite number although no divergence is on record; it "
                "counts with the probe's worst value; look into the probe"
            )
    return found


def _lost(life: LearnerRecord, key: Key) -> bool:
    gone = life.diverged or (math.inf, math.inf)
    moments = [*life.moments, *([life.best] if life.best else [])]
    return any((m.position, m.update) < gone and not math.isfinite(m.values.get(key, 0.0)) for m in moments)


def _overlapping(body: Json, arms: Mapping[str, ArmRecords]) -> list[str]:
    """Unpaired comparisons whose arms hold some seeds in common: they share draws, and Welch's test doesn't know."""
    found = []
    for pair in body["comparisons"]:
        common = arms[pair["arm"]].lives.keys() & arms[pair["against"]].lives.keys()
        if common and "Welch" in pair["test"]:
            found.append(
                f"{pair['arm']} and {pair['against']} hold {len(common)} seeds in common, whose draws they share, and "
                "Welch's test takes them as independent; give both the same seeds, or none in common"
            )
    return found


def _ends_only(body: Json, arms: Mapping[str, ArmRecords], resolved: Json) -> list[str]:
    """Matched arms that end in school and are scored at their end only: they may have overfitted by then."""
    single = [pair for pair in body["comparisons"] if not pair["at_best"]]
    compared = {name for pair in single for name in (pair["arm"], pair["against"])}
    ends = [name for name in arms if name in compared and body["at"] == "end" and _schooled(arms[name])]
    return [
        f"{name} is matched and scored at its end only: if it overfits there, the other arm's gain is too large; "
        f"{_mend(name, single, arms, resolved)}"
        for name in ends
        if not arms[name].unfinished
    ]


def _mend(name: str, single: list[Json], arms: Mapping[str, ArmRecords], resolved: Json) -> str:
    if "/" in name:
        return "over several runs all arms are scored at the same moment; --at best scores all there"
    others = [pair["arm"] if pair["against"] == name else pair["against"] for pair in single if name in _names(pair)]
    both = [other for other in others if arms[other].match]
    if both:
        return f"{both[0]} is matched too, so both are scored at the same moment; compare.at: best scores both there"
    return "no best checkpoint of it is on record" if resolved["compare"].get("select") else "declare compare.select"


def _names(pair: Json) -> tuple[str, str]:
    return pair["arm"], pair["against"]


def _schooled(arm: ArmRecords) -> bool:
    return arm.match is not None and str(arm.stages[-1]["kind"]).split(".")[0] == "supervise"


def uncontrolled(name: str, wanting: Sequence[Json]) -> str:
    """Which controls an arm's priors ask for and no pair gives, and what to add to the scenario."""
    mend = "; ".join(f"to {where} {', '.join(lines)}" for where, lines in additions(wanting).items())
    return f"{lacking(name, wanting)}; add {mend}"


def lacking(name: str, wanting: Sequence[Json]) -> str:
    """Which controls an arm's priors ask for and no pair gives."""
    stages = dict.fromkeys(stage for one in wanting for stage in one["stages"])
    missing = ", ".join(one["control"] for one in wanting)
    return f"{name} lacks control pairs for {' and '.join(stages)}: {missing}"


def additions(wanting: Sequence[Json]) -> dict[str, list[str]]:
    """What to add to the scenario's ``stages``, ``arms`` and ``pairs``, as lines of YAML."""
    keys = {"stages": "stage", "arms": "arm", "pairs": "pair"}
    lines = {where: list(dict.fromkeys(one[key] for one in wanting if key in one)) for where, key in keys.items()}
    return {where: found for where, found in lines.items() if found}


def missing_controls(resolved: Json) -> list[str]:
    """What a scenario's own pairs leave open, arm by arm, before anything is lived."""
    arms = [(name, arm["uncontrolled"]) for p in resolved["points"] for name, arm in p["arms"].items() if _asked(arm)]
    return list(dict.fromkeys(uncontrolled(name, wanting) for name, wanting in arms))


def not_inherited(resolved: Json) -> list[str]:
    """Which weights of a brain are no part of the genome that its learners are born from."""
    stages = [stage for p in resolved["points"] for arm in p["arms"].values() for stage in arm["stages"]]
    return list(dict.fromkeys(_left(stage["name"], stage["left"]) for stage in stages if stage.get("left")))


def _left(stage: str, names: Sequence[str]) -> str:
    return (
        f"stage {stage} does not inherit {', '.join(names)}: no such weights are in its files, and they stay as they "
        f"were; give the scenario the genome's brain, or write what is meant as 'only' of {stage}"
    )


def _asked(arm: Json) -> bool:
    return bool(arm.get("uncontrolled"))


def _no_control(name: str) -> str:
    return (
        f"{name} is compared only with arms that computed less: it has no control pair, so a benefit may come from the "
        "extra computation alone; add a pair against an arm of matched compute or a shuffled one"
    )


def _without_control(body: Json) -> list[str]:
    """Winners that are compared only with arms that spent under 95 % of their FLOPs, tuning included.

    In whichever order a pair is declared: who wins is ``arm`` of a "better" and ``against`` of a "worse".
    """
    rivals: dict[str, set[str]] = {}
    for pair in body["comparisons"]:
        rivals.setdefault(pair["arm"], set()).add(pair["against"])
        rivals.setdefault(pair["against"], set()).add(pair["arm"])
    spent = {name: _flops(arm) for name, arm in body["arms"].items()}
    won = {pair[WINNER[pair["suggests"]]] for pair in body["comparisons"] if pair["suggests"] in WINNER}
    return [name for name in rivals if name in won and all(spent[b] < 0.95 * spent[name] for b in rivals[name])]


def _flops(arm: Json) -> float:
    """What a learner of the arm computed, with its share of the tuning."""
    tuning: float = (arm["tuning"] or {}).get("ledger", {}).get("flops", 0)
    return float(arm["ledger"]["flops"] + tuning / max(1, arm["seeds"]))
