"""comparison.json: the scenario's question, answered from the records of one run or of several.

One run: pairs are compared seed by seed. Several runs: arms are called ``run/arm``, each arm is compared with the arm
of the same name in the first run (with every arm of the first run where no name recurs), unpaired.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from devlearn.evidence import tests
from devlearn.evidence.load import LEDGER, Arm, EvidenceError, Json, Point, Run, load
from devlearn.evidence.stages import bought
from devlearn.evidence.values import At, Measure, measure, values
from devlearn.evidence.verdicts import Pair, adjust, entry, judge

FEW_SEEDS = 10
Comparison = Json | list[Json]


@dataclass(frozen=True)
class Question:
    """What is compared, where, by which pairs; ``exploratory`` where it isn't what the scenario declared."""

    what: Measure
    at: At
    smallest_effect: float
    pairs: tuple[tuple[str, str], ...]
    exploratory: bool


def compare(run_folders: Sequence[Path], probe: str | None = None, at: At | None = None) -> Comparison:
    """Compare the arms of one run, or of several. The answer has comparison.json's shape: a list with ``vary``.

    ``probe`` is ``PROBE`` or ``PROBE.METRIC``; ``at`` is end, birth, area or an update of the last stage. Where they
    differ from what the scenario declares, every verdict is labelled exploratory.

    Raises:
        EvidenceError: no run there, or no such probe or moment on record.
    """
    if not run_folders:
        raise EvidenceError("name at least one run folder")
    runs = [load(Path(folder)) for folder in run_folders]
    single = len(runs) == 1
    points = runs[0].points if single else _merged(runs)
    asked = _question(runs, points, probe, at)
    found = _compare(runs[0].resolved, points, asked, paired=single)
    return found if len(found) > 1 or points[0].point else found[0]


def save(run: Path) -> Comparison:
    """Compare a run as its scenario asks and write RUN/comparison.json (to a temporary file, then renamed)."""
    comparison = compare([run])
    path = run / "comparison.json"
    draft = path.with_suffix(".json.new")
    draft.write_text(json.dumps(comparison, indent=2, allow_nan=False) + "\n")
    os.replace(draft, path)
    return comparison


def entries(comparison: Comparison) -> list[Json]:
    """The points of a comparison, as a list in any case."""
    return comparison if isinstance(comparison, list) else [comparison]


def _question(runs: list[Run], points: Sequence[Point], probe: str | None, at: At | None) -> Question:
    resolved = runs[0].resolved
    declared = resolved.get("compare") or _undeclared(resolved)
    default = measure(resolved["probes"], declared["probe"], declared.get("metric"))
    what = measure(resolved["probes"], probe) if probe is not None else default
    if what.key == default.key:  # the scenario may state a direction of its own
        what = Measure(what.key, declared.get("better") or what.better, what.worst)
    moment = _moment(declared["at"] if at is None else at)
    smallest = float(declared.get("smallest_effect") or 0.0) if what.key == default.key else 0.0
    pairs = tuple((a, b) for a, b in declared["pairs"]) if len(runs) == 1 else _across(points)
    exploratory = what.key != default.key or moment != _moment(declared["at"])
    return Question(what, moment, smallest, pairs, exploratory)


def _undeclared(resolved: Json) -> Json:
    """The question of a scenario that declares none: its first probe at the end, no pairs."""
    if not resolved["probes"]:
        raise EvidenceError(f"scenario {resolved['scenario']!r} has no probes: there is nothing to compare")
    return {"probe": next(iter(resolved["probes"])), "at": "end", "pairs": []}


def _moment(at: At) -> At:
    return int(at) if isinstance(at, str) and at.isdigit() else at


def _merged(runs: list[Run]) -> tuple[Point, ...]:
    """The arms of several runs under ``run/arm``, point by point."""
    if any([p.point for p in run.points] != [p.point for p in runs[0].points] for run in runs):
        raise EvidenceError("these runs vary different things; compare runs with the same points")
    names: dict[str, Run] = {}
    for run in runs:
        name = run.folder.resolve().name
        names[name if name not in names else f"{name}-{len(names) + 1}"] = run
    return tuple(
        Point(
            point.point,
            {f"{name}/{arm}": life for name, run in names.items() for arm, life in run.points[i].arms.items()},
        )
        for i, point in enumerate(runs[0].points)
    )


def _across(points: Sequence[Point]) -> tuple[tuple[str, str], ...]:
    arms = list(points[0].arms)
    first = [arm for arm in arms if arm.split("/")[0] == arms[0].split("/")[0]]
    rest = [arm for arm in arms if arm not in first]
    same = [(arm, base) for arm in rest for base in first if arm.split("/")[1] == base.split("/")[1]]
    return tuple(same or [(arm, base) for arm in rest for base in first])


def _compare(resolved: Json, points: Sequence[Point], asked: Question, paired: bool) -> list[Json]:
    tables = [{name: values(arm, asked.what, asked.at) for name, arm in point.arms.items()} for point in points]
    family = [
        judge(_pair(a, b, point, table, asked.what, paired), asked.smallest_effect)
        for point, table in zip(points, tables, strict=True)
        for a, b in asked.pairs
    ]
    adjusted = iter(adjust(family))
    found = []
    for point, table in zip(points, tables, strict=True):
        body = _head(resolved, point, asked, len(family))
        body["arms"] = {name: _summary(arm, table[name]) for name, arm in point.arms.items()}
        body["comparisons"] = [
            entry(next(adjusted), asked.what.better, asked.smallest_effect, asked.exploratory) for _ in asked.pairs
        ]
        body["stages"] = bought(point.arms, resolved["probes"], asked.what)
        body["incomplete"] = sorted({job for arm in point.arms.values() for job in arm.unfinished})
        body["warnings"] = _looked(resolved) + _warnings(body, paired)
        found.append(body)
    return found


def _head(resolved: Json, point: Point, asked: Question, family: int) -> Json:
    return {
        "scenario": resolved["scenario"], "digest": resolved["digest"], "point": point.point,
        "probe": asked.what.key[0], "metric": asked.what.key[1], "at": asked.at, "better": asked.what.better,
        "smallest_effect": asked.smallest_effect, "exploratory": asked.exploratory, "family": family,
    }  # fmt: skip


def _pair(
    a: str, b: str, point: Point, table: Mapping[str, Mapping[int, float | None]], what: Measure, paired: bool
) -> Pair:
    """The values of two arms, by seed where paired; ``why`` names what is missing."""
    seeds = {arm: [seed for seed in point.arms[arm].lives if seed in table[arm]] for arm in (a, b)}
    if paired:
        seeds = {arm: [seed for seed in seeds[a] if seed in table[b]] for arm in (a, b)}
    known = {arm: [table[arm][seed] for seed in seeds[arm]] for arm in (a, b)}
    why = _missing(a, b, point, table, what)
    if paired:
        both = [(x, y) for x, y in zip(known[a], known[b], strict=True) if x is not None and y is not None]
        xs, ys = tuple(x for x, _ in both), tuple(y for _, y in both)
    else:
        xs, ys = (tuple(v for v in known[arm] if v is not None) for arm in (a, b))
    return Pair(a, b, xs, ys, paired, why)


def _missing(a: str, b: str, point: Point, table: Mapping[str, Mapping[int, float | None]], what: Measure) -> str:
    unfinished = sorted({job for arm in (a, b) for job in point.arms[arm].unfinished})
    if unfinished:
        return f"not finished: {', '.join(unfinished)}"
    unknown = [f"{arm} seed {seed}" for arm in (a, b) for seed, value in table[arm].items() if value is None]
    if unknown:
        return f"{what.label} declares no 'worst' value for learners that diverged: {', '.join(unknown)}"
    return ""


def _summary(arm: Arm, found: Mapping[int, float | None]) -> Json:
    known = np.array([value for value in found.values() if value is not None], np.float64)
    whole = len(known) > 0 and len(known) == len(found)
    return {
        "n": len(found),
        "mean": float(known.mean()) if whole else None,
        "sd": float(known.std(ddof=1)) if whole and len(known) > 1 else None,
        "median": float(np.median(known)) if whole else None,
        "iqm": tests.iqm(known) if whole else None,
        "diverged": sum(life.diverged is not None for life in arm.lives.values()),
        "values": {str(seed): value for seed, value in found.items()},
        "ledger": _ledger(arm),
        "diverged_seeds": [seed for seed, life in arm.lives.items() if life.diverged is not None],
    }


def _ledger(arm: Arm) -> dict[str, float]:
    """What one learner of the arm consumed: the mean over its seeds of the whole path, and of wall-clock seconds."""
    lives = arm.lives.values()
    means = {unit: math.fsum(life.ledger[unit] for life in lives) / len(lives) for unit in LEDGER}
    return {unit: int(mean) if mean.is_integer() else mean for unit, mean in means.items()} | {"seconds": arm.seconds}


def _looked(resolved: Json) -> list[str]:
    if not resolved.get("looks"):
        return []
    seen = " and ".join(map(str, resolved["looks"]))
    return [f"seeds were added after a verdict on {seen} seeds had been seen; no p value here is corrected for that"]


def _warnings(body: Json, paired: bool) -> list[str]:
    """What a reader has to know before believing the verdicts."""
    arms: Json = body["arms"]
    found = []
    if body["incomplete"]:
        found.append(f"not finished: {', '.join(body['incomplete'])}")
    seeds = min((arm["n"] for arm in arms.values()), default=0)
    if 0 < seeds < FEW_SEEDS:
        smallest = tests.smallest_p(seeds) * max(1, body["family"])
        found.append(f"{seeds} seeds: fewer than {FEW_SEEDS} leave most real differences undecided")
        if paired and smallest > tests.ALPHA and body["comparisons"]:
            found.append(
                f"with {seeds} seeds and {body['family']} comparisons no difference can reach significance: "
                f"the smallest p that can occur, adjusted, is {min(1.0, smallest):.2g}"
            )
    found += [_diverged(name, arm) for name, arm in arms.items() if arm["diverged"]]
    return found + [_no_control(name) for name in _without_control(body)]


def _diverged(name: str, arm: Json) -> str:
    counts = (
        "counted with the probe's worst value"
        if arm["mean"] is not None
        else "and no worst value is declared for the probe"
    )
    return f"{name}: {arm['diverged']} of {arm['n']} learners diverged, {counts}"


def _no_control(name: str) -> str:
    return (
        f"{name} is compared only with arms that computed less: it has no control pair, so a benefit may come from the "
        "extra computation alone; add a pair against an arm of matched compute or a shuffled one"
    )


def _without_control(body: Json) -> list[str]:
    """Arms with a "better" that are compared only with arms that spent under 95 % of their FLOPs."""
    rivals: dict[str, list[Json]] = {}
    for pair in body["comparisons"]:
        rivals.setdefault(pair["arm"], []).append(pair)
    spent = {name: arm["ledger"]["flops"] for name, arm in body["arms"].items()}
    gained = [name for name, pairs in rivals.items() if any(pair["suggests"] == "better" for pair in pairs)]
    return [name for name in gained if all(spent[pair["against"]] < 0.95 * spent[name] for pair in rivals[name])]
