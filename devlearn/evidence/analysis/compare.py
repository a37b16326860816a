"""comparison.json: the scenario's question, answered from the records of one run or of several.

One run: pairs are compared seed by seed. Several runs: arms are called ``run/arm``, each arm is compared with the arm
of the same name in the first run (with every arm of the first run where no name recurs): seed by seed where both hold
exactly the same seeds, else unpaired. No scenario declares that, so every verdict is exploratory, and all arms are
scored at the same moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devlearn.evidence.analysis.arms import gain_per, new_images, summary
from devlearn.evidence.analysis.budgets import common_range
from devlearn.evidence.analysis.looks import look
from devlearn.evidence.analysis.pairing import Values, pair
from devlearn.evidence.analysis.stage_gains import bought
from devlearn.evidence.analysis.values import At, Measure, has_best, measure, values
from devlearn.evidence.analysis.verdicts import Judged, Rules, adjust, entry, judge, smaller_gain
from devlearn.evidence.analysis.viewed import note
from devlearn.evidence.analysis.warnings import warnings
from devlearn.evidence.statistics.sign_flip import ALPHA
from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.reader import ArmRecords, EvidenceError, Json, Point, RunRecords, load

Comparison = Json | list[Json]
Table = Mapping[str, Values]
ACROSS = "comparisons of several runs are declared nowhere"


@dataclass(frozen=True)
class Question:
    """What is compared, where, by which pairs.

    ``exploratory`` says why it isn't what the scenario declared, or nothing; ``looks`` is how many looks share the
    alpha; ``select`` whether matched arms may be scored at their best; ``alike`` whether all runs measured by the same
    probe.
    """

    what: Measure
    at: At
    smallest_effect: float
    pairs: tuple[tuple[str, str], ...]
    exploratory: tuple[str, ...]
    looks: int
    select: bool
    alike: bool

    def rules(self, family: int, exploratory: bool = False) -> Rules:
        return Rules(self.what.better, self.smallest_effect, family, self.looks, exploratory)


def compare(run_folders: Sequence[Path], probe: str | None = None, at: At | None = None) -> Comparison:
    """Compare the arms of one run, or of several. The answer has comparison.json's shape: a list with ``vary``.

    ``probe`` is ``PROBE`` or ``PROBE.METRIC``; ``at`` is end, best, birth, area or an update of the last stage. Where
    they differ from what the scenario declares, every verdict is labelled exploratory.

    Raises:
        EvidenceError: no run there, or no such probe or moment on record.
    """
    if not run_folders:
        raise EvidenceError("name at least one run folder")
    runs = [load(Path(folder)) for folder in run_folders]
    single = len(runs) == 1
    points = runs[0].points if single else _merged(runs)
    asked = _question(runs, points, probe, at)
    found = _compare(_shared(runs), points, asked)
    return found if len(found) > 1 or points[0].point else found[0]


def save(run: Path) -> Comparison:
    """Compare a run as its scenario asks and write RUN/comparison.json."""
    comparison = compare([run])
    note(run)
    write_json(RunFolder(run).comparison, comparison, indent=2, allow_nan=False)
    return comparison


def entries(comparison: Comparison) -> list[Json]:
    """The points of a comparison, as a list in any case."""
    return comparison if isinstance(comparison, list) else [comparison]


def _question(runs: list[RunRecords], points: Sequence[Point], probe: str | None, at: At | None) -> Question:
    resolved = runs[0].resolved
    declared = resolved.get("compare") or _undeclared(resolved)
    default = measure(resolved["probes"], declared["probe"], declared.get("metric"))
    what = measure(resolved["probes"], probe) if probe is not None else default
    if what.key == default.key:  # the scenario may state a direction of its own
        what = Measure(what.key, declared.get("better") or what.better, what.worst)
    moment = _moment(declared["at"] if at is None else at)
    smallest = float(declared.get("smallest_effect") or 0.0) if what.key == default.key else 0.0
    pairs = tuple((a, b) for a, b in declared["pairs"]) if len(runs) == 1 else _across(points)
    other = what.key != default.key or moment != _moment(declared["at"])
    exploratory = ("not what the scenario asked",) * other + (ACROSS,) * (len(runs) > 1)
    looks = len(_shared(runs)["compare"].get("looks") or ()) or 1
    alike = all(_definition(run, what) == _definition(runs[0], what) for run in runs)
    select = bool(declared.get("select")) and len(runs) == 1
    return Question(what, moment, smallest, pairs, exploratory, looks, select, alike)


def _definition(run: RunRecords, what: Measure) -> Json:
    """What a probe measures; how often it does makes no difference."""
    return {key: value for key, value in run.resolved["probes"].get(what.key[0], {}).items() if key != "every"}


def _shared(runs: list[RunRecords]) -> Json:
    """resolved.json of the first run; over several, no run's planned looks hold, and what any run pinned is pinned."""
    first = runs[0].resolved
    asked = first.get("compare") or {}
    if len(runs) == 1:
        return {**first, "compare": asked}
    pinned = dict.fromkeys(stream for run in runs for stream in run.resolved.get("pin") or ())
    seen = sorted({n for run in runs for n in run.resolved.get("seen") or ()})
    return {**first, "compare": {**asked, "looks": None}, "pin": list(pinned), "seen": seen}


def _undeclared(resolved: Json) -> Json:
    """The question of a scenario that declares none: its first probe at the end, no pairs."""
    if not resolved["probes"]:
        raise EvidenceError(f"scenario {resolved['scenario']!r} has no probes: there is nothing to compare")
    return {"probe": next(iter(resolved["probes"])), "at": "end", "pairs": []}


def _moment(at: At) -> At:
    return int(at) if isinstance(at, str) and at.isdigit() else at


def _merged(runs: list[RunRecords]) -> tuple[Point, ...]:
    """The arms of several runs under ``run/arm``, point by point."""
    if any([p.point for p in run.points] != [p.point for p in runs[0].points] for run in runs):
        raise EvidenceError("these runs vary different things; compare runs with the same points")
    names: dict[str, RunRecords] = {}
    for run in runs:
        name = run.folder.resolve().name
        names[name if name not in names else f"{name}-{len(names) + 1}"] = run
    return tuple(
        Point(
            point.point,
            {f"{name}/{arm}": _named(name, life) for name, run in names.items() for arm, life in _arms(run, i)},
        )
        for i, point in enumerate(runs[0].points)
    )


def _arms(run: RunRecords, point: int) -> list[tuple[str, ArmRecords]]:
    return list(run.points[point].arms.items())


def _named(run: str, arm: ArmRecords) -> ArmRecords:
    """An arm whose name and branches tell which run it is of."""
    stages = tuple({**stage, "branch": f"{run}/{stage['branch']}"} for stage in arm.stages)
    return replace(arm, name=f"{run}/{arm.name}", stages=stages)


def _across(points: Sequence[Point]) -> tuple[tuple[str, str], ...]:
    arms = list(points[0].arms)
    first = [arm for arm in arms if arm.split("/")[0] == arms[0].split("/")[0]]
    rest = [arm for arm in arms if arm not in first]
    same = [(arm, base) for arm in rest for base in first if arm.split("/")[1] == base.split("/")[1]]
    return tuple(same or [(arm, base) for arm in rest for base in first])


def _compare(resolved: Json, points: Sequence[Point], asked: Question) -> list[Json]:
    tables = [_table(point, asked) for point in points]
    family = [
        _judged(point, table, pair, asked) for point, table in zip(points, tables, strict=True) for pair in asked.pairs
    ]
    adjusted = adjust(family, asked.looks)
    each = len(asked.pairs)
    return [
        _body(resolved, point, table, asked, adjusted[i * each : (i + 1) * each], len(family))
        for i, (point, table) in enumerate(zip(points, tables, strict=True))
    ]


def _table(point: Point, asked: Question) -> Table:
    until = common_range(point.arms, asked.pairs)
    return {name: values(arm, asked.what, asked.at, until) for name, arm in point.arms.items()}


def _judged(point: Point, table: Table, names: tuple[str, str], asked: Question) -> Judged:
    """One pair of arms; scored twice where just one of them is matched to another's compute and kept its best.

    Then the smaller gain of the other one counts, in whichever order the two stand. Two matched arms are both scored
    at the same moment.
    """
    a, b = (point.arms[name] for name in names)
    rules = asked.rules(1)
    paired = asked.alike and set(a.lives) == set(b.lives)
    end = judge(pair(a, b, table[a.name], table[b.name], asked.what, paired), rules, asked.at)
    matched = b if b.match else a
    if (a.match and b.match) or not _scored_twice(matched, asked):
        return end
    kept = {**table, matched.name: values(matched, asked.what, "best")}
    best = judge(pair(a, b, kept[a.name], kept[b.name], asked.what, paired), rules, "best")
    return smaller_gain(end, best, 1 if matched is b else -1, asked.what.better)


def _scored_twice(matched: ArmRecords, asked: Question) -> bool:
    return bool(asked.at == "end" and asked.select and matched.match and has_best(matched, asked.what))


def _body(resolved: Json, point: Point, table: Table, asked: Question, judged: Sequence[Judged], family: int) -> Json:
    """comparison.json's content at one point."""
    looked = look(resolved, _seeds(point))
    why = [*asked.exploratory, *(looked.why if looked else ())]
    rules = asked.rules(family, exploratory=bool(why))
    body: Json = {
        "scenario": resolved["scenario"], "digest": resolved["digest"], "point": point.point,
        "probe": asked.what.key[0], "metric": asked.what.key[1], "at": asked.at, "better": asked.what.better,
        "smallest_effect": asked.smallest_effect, "exploratory": bool(why), "exploratory_reasons": why,
        "family": family, "alpha": ALPHA, "look": looked.entry() if looked else None,
        "pin": list(resolved.get("pin") or ()),
    }  # fmt: skip
    body["arms"] = {name: summary(arm, asked.what, table[name]) for name, arm in point.arms.items()}
    body["comparisons"] = [_entry(one, rules, point, table, body, asked.what) for one in judged]
    body["stages"] = bought(point.arms, resolved["probes"], asked.what)
    body["incomplete"] = sorted({job for arm in point.arms.values() for job in arm.unfinished})
    body["warnings"] = warnings(body, point.arms, resolved, asked.alike)
    return body


def _seeds(point: Point) -> list[int]:
    return sorted({seed for arm in point.arms.values() for seed in arm.lives})


def _entry(judged: Judged, rules: Rules, point: Point, table: Table, body: Json, what: Measure) -> Json:
    """A comparison with its second interval and what an extra unit of cost bought."""
    found = entry(judged, rules)
    a, b = point.arms[found["arm"]], point.arms[found["against"]]
    found["interval_new_images"] = new_images(judged, (a, table[a.name]), (b, table[b.name]), what, rules.alpha)
    ledgers = [body["arms"][arm.name]["ledger"] for arm in (a, b)]
    return found | {"gain_per": gain_per(found["difference"], ledgers[0], ledgers[1], rules.better)}
