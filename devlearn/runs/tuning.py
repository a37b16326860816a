"""The trials of ``tune``: which come next, what they say (each arm's choice), and what the search cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.evidence.analysis.values import Measure, measure, values
from devlearn.records.layout import RunFolder
from devlearn.records.reader import ArmRecords, EvidenceError, Point, RunRecords, load
from devlearn.records.schema import COLUMNS, SPENT, PointEntry, Resolved
from devlearn.runs.folder import FolderMismatch

if TYPE_CHECKING:
    from devlearn.records.schema.base import Better
    from devlearn.scenario import Scenario, Sets, Tune

Json = dict[str, Any]


@dataclass(frozen=True)
class Tried:
    """One finished trial of an arm: what it set, by dotted path, the probe's mean over its seeds, and its records."""

    set: Json
    mean: float
    arm: ArmRecords


Found = Sequence[Mapping[str, Sequence[Tried]]]  # for each point of vary, each arm's finished trials


def first_trials(scenario: "Scenario") -> "Scenario":
    """The trials that are known before any is trained: all of a grid, those of a sampler that are drawn at random."""
    from devlearn.scenario import experiment, points, search

    assert scenario.tune is not None
    if scenario.tune.sampler == "grid":
        return experiment(scenario)
    return search(scenario, _proposed(scenario.tune, [dict.fromkeys(scenario.arms, ()) for _ in points(scenario)]))


def known_trials(folder: Path, scenario: "Scenario", before: "Tune | None") -> "Scenario":
    """The trials that ``folder`` holds already, whatever became of them; without any, the first ones.

    Args:
        before: what the folder's trials were asked by.

    Raises:
        FolderMismatch: a sampler proposed them for other arms or values.
    """
    from devlearn.scenario import search

    assert scenario.tune is not None
    resolved = None if scenario.tune.sampler == "grid" else Resolved.read(RunFolder(folder).resolved)
    if resolved is None:
        return first_trials(scenario)
    _check_same(folder, scenario, resolved, before)
    return search(scenario, _sets(resolved, scenario))


def following(folder: Path, scenario: "Scenario") -> "Scenario | None":
    """All trials of ``folder``, which are finished, and those that its sampler proposes next; None without any more.

    Raises:
        EvidenceError: the folder holds no trials.
    """
    from devlearn.scenario import points, search

    tune = scenario.tune
    assert tune is not None
    if tune.sampler == "grid":
        return None
    run = load(folder)
    sets = _sets(run.resolved, scenario)
    if len(sets[0]) == tune.trials:
        return None
    more = _proposed(tune, _tried(run, tune, len(points(scenario))), _measure(run).better)
    return search(scenario, [[*known, *coming] for known, coming in zip(sets, more, strict=True)])


def numbered(resolved: Json, scenario: "Scenario") -> str:
    """Which trials a plan holds, in words: all of them, or the first so many."""
    from devlearn.scenario import points

    tune, known = scenario.tune, len(resolved["points"]) // len(points(scenario))
    assert tune is not None
    return "trials" if tune.trials in (None, known) else f"{known} of {tune.trials} trials"


def _proposed(tune: "Tune", found: Found, better: "Better" = "higher") -> list[list["Sets"]]:
    """For each point of ``vary``, what each arm sets in the next trials: the random ones at once, others one by one."""
    from devlearn.runs.proposals import propose

    assert tune.trials is not None
    done = len(next(iter(found[0].values())))
    at_random = tune.trials if tune.sampler == "random" else tune.startup
    numbers = range(done, max(at_random, done + 1))

    def sets(arm: Sequence[Tried], number: int) -> Json:
        return propose(tune, number, [(one.set, one.mean) for one in arm], better)

    return [[{name: sets(arm, number) for name, arm in point.items()} for number in numbers] for point in found]


def _sets(resolved: Resolved, scenario: "Scenario") -> list[list["Sets"]]:
    """For each point of ``vary``, what each proposed trial sets in each arm; as many as are asked for."""
    from devlearn.scenario import points, tried_key

    tune, each = scenario.tune, len(resolved.points) // len(points(scenario))
    assert tune is not None

    def sets(point: PointEntry) -> "Sets":
        return {arm: {path: point.point[tried_key(arm, path)] for path in tune.over} for arm in point.arms}

    groups = [resolved.points[start : start + each] for start in range(0, len(resolved.points), each)]
    return [[sets(point) for point in group[: tune.trials]] for group in groups]


def _check_same(folder: Path, scenario: "Scenario", resolved: Resolved, before: "Tune | None") -> None:
    """Raises FolderMismatch where a sampler can't go on from the trials of ``folder``."""
    assert scenario.tune is not None
    now = scenario.tune.model_dump(exclude={"trials"})
    was = {} if before is None else before.model_dump(exclude={"trials"})
    changed = [f"tune.{key}" for key in now if was.get(key) != now[key]]
    changed += ["arms"] * (set(resolved.points[0].arms) != set(scenario.arms))
    if changed:
        why = f"holds the trials of another search: {', '.join(changed)} changed"
        raise FolderMismatch(f"{folder} {why}; choose another folder with --out, or delete it")


def _tried(run: RunRecords, tune: "Tune", points: int) -> list[dict[str, list[Tried]]]:
    """For each of ``points`` points of ``vary``: {arm: its finished trials}.

    A learner that diverged counts with the probe's ``worst``.
    """
    from devlearn.scenario import tried_key

    what, each = _measure(run), len(run.points) // points

    def tried(name: str, point: Point) -> Tried:
        keys = {path: path if tune.sampler == "grid" else tried_key(name, path) for path in tune.over}
        own = {path: point.point[key] for path, key in keys.items()}
        return Tried(own, _mean(values(point.arms[name], what, "end")), point.arms[name])

    groups = [run.points[start : start + each] for start in range(0, len(run.points), each)]
    return [{name: [tried(name, point) for point in group] for name in group[0].arms} for group in groups]


def _measure(run: RunRecords) -> Measure:
    asked = run.resolved.compare
    if asked is None:
        raise EvidenceError(f"{run.folder}: its trials ask nothing, so none of them can be chosen")
    return measure(run.resolved.probes, asked.probe, asked.metric)


def settle(folder: Path, scenario: "Scenario") -> tuple["Scenario", list[dict[str, Json]]]:
    """The scenario with each arm's choice, and for each point {arm: what resolved.json says of the choice}.

    The best mean over the trials' seeds wins, of equal ones the first.

    Raises:
        EvidenceError: the folder holds no trials.
    """
    from devlearn.scenario import points, settled

    tune, run, grid = scenario.tune, load(folder), [own for _, own in points(scenario)]
    assert tune is not None
    sign = 1 if _measure(run).better == "higher" else -1
    found = [
        {arm: _with_labels(_choice(trials, sign, tune), own, tune.probe, arm) for arm, trials in point.items()}
        for own, point in zip(grid, _tried(run, tune, len(grid)), strict=True)
    ]
    return settled(scenario, [{arm: record["chosen"] for arm, record in point.items()} for point in found]), found


def _with_labels(record: Json, scenario: "Scenario", probe: str, arm: str) -> Json:
    """The record with the labels that the trials' choices read: all trials are measured on the same, bought once."""
    from devlearn.runs.plan.labels import choosing_labels, chosen_by

    last = scenario.probes[probe.partition(".")[0]].labels_read(full=True).items()
    gates = (choosing_labels(scenario.probes, step.stage.until, None) for step in scenario.arms[arm].steps)
    read = chosen_by(chain(last, *gates))
    return {**record, "ledger": {**record["ledger"], "labels_validation": len(read)}}


def _choice(tried: Sequence[Tried], sign: int, tune: "Tune") -> Json:
    """What resolved.json says of an arm's choice among its trials."""
    best = max(range(len(tried)), key=lambda number: (sign * tried[number].mean, -number))
    trials = [{"set": one.set, "mean": one.mean} for one in tried]
    where = {"seeds": list(tune.seeds), "probe": tune.probe}
    return {"chosen": dict(tried[best].set), **where, "trials": trials, "ledger": ledger([one.arm for one in tried])}


def _mean(found: Mapping[int, float | None]) -> float:
    known = [value for value in found.values() if value is not None]  # 'tune' needs a probe with a worst: all are known
    return math.fsum(known) / len(known)


def ledger(tried: Sequence[ArmRecords]) -> Json:
    """What all learners of all trials consumed, each over its whole life. Trials that were one life are paid once."""
    lives = {tuple(stage.branch for stage in arm.stages): arm for arm in tried}
    totals = {
        unit: math.fsum(life.ledger[unit] for arm in lives.values() for life in arm.lives.values()) for unit in SPENT
    }
    told = {unit: total for unit, total in totals.items() if unit in COLUMNS or total}
    return {unit: int(total) if total.is_integer() else total for unit, total in told.items()}
