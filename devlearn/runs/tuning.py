"""What the trials of ``tune`` say: each arm's choice, and what the search cost it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.evidence.analysis.values import Measure, measure, values
from devlearn.records.reader import ArmRecords, EvidenceError, load
from devlearn.records.schema import COLUMNS, SPENT

if TYPE_CHECKING:
    from devlearn.scenario import Scenario, Tune

Json = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """One arm's choice at one point: the number of its trial, and what resolved.json says of it."""

    trial: int
    record: Json


def choose(folder: Path, tune: "Tune", points: int) -> list[dict[str, Choice]]:
    """For each of ``points`` points of ``vary``: {arm: its choice}, from the finished trials in ``folder``.

    The best mean over the trials' seeds wins, of equal ones the first. A learner that diverged counts with the probe's
    ``worst``.

    Raises:
        EvidenceError: the folder holds no trials.
    """
    run = load(folder)
    asked = run.resolved.compare
    if asked is None:
        raise EvidenceError(f"{folder}: its trials ask nothing, so none of them can be chosen")
    what = measure(run.resolved.probes, asked.probe, asked.metric)
    each = len(run.points) // points
    groups = [run.points[start : start + each] for start in range(0, len(run.points), each)]
    where = {"seeds": list(tune.seeds), "probe": tune.probe}
    found = []
    for group in groups:
        sets = [{path: point.point[path] for path in tune.over} for point in group]
        arms = {name: [point.arms[name] for point in group] for name in group[0].arms}
        found.append({name: _choice(tried, sets, what, where) for name, tried in arms.items()})
    return found


def settle(folder: Path, scenario: "Scenario") -> tuple["Scenario", list[dict[str, Json]]]:
    """The scenario with each arm's choice, and for each point {arm: what resolved.json says of the choice}."""
    from devlearn.scenario import points, settled

    assert scenario.tune is not None
    probe, grid = scenario.tune.probe, [own for _, own in points(scenario)]
    found = [
        {arm: replace(choice, record=_with_labels(choice.record, own, probe, arm)) for arm, choice in point.items()}
        for own, point in zip(grid, choose(folder, scenario.tune, len(grid)), strict=True)
    ]
    picks = [{arm: choice.trial for arm, choice in point.items()} for point in found]
    return settled(scenario, picks), [{arm: choice.record for arm, choice in point.items()} for point in found]


def _with_labels(record: Json, scenario: "Scenario", probe: str, arm: str) -> Json:
    """The record with the labels that the trials' choices read: all trials are measured on the same, bought once."""
    from devlearn.runs.plan.labels import choosing_labels, chosen_by

    last = scenario.probes[probe.partition(".")[0]].labels_read(full=True).items()
    gates = (choosing_labels(scenario.probes, step.stage.until, None) for step in scenario.arms[arm].steps)
    read = chosen_by(chain(last, *gates))
    return {**record, "ledger": {**record["ledger"], "labels_validation": len(read)}}


def _choice(tried: Sequence[ArmRecords], sets: Sequence[Json], what: Measure, where: Json) -> Choice:
    means = [_mean(values(arm, what, "end")) for arm in tried]
    sign = 1 if what.better == "higher" else -1
    best = max(range(len(tried)), key=lambda number: (sign * means[number], -number))
    trials = [{"set": dict(one), "mean": mean} for one, mean in zip(sets, means, strict=True)]
    return Choice(best, {"chosen": dict(sets[best]), **where, "trials": trials, "ledger": ledger(tried)})


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
