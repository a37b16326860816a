"""What the scenario asks of its lives must be there: moments on record, windows of a change, points of a power law."""

import math
from collections.abc import Iterator, Sequence

from devlearn.runs.plan.model import ArmPlan, PlannedStage, PointPlan
from devlearn.scenario import Fit, Scenario

FEWEST_POINTS = 3  # of a power law, as in evidence


def changes(scenario: Scenario, arms: Sequence[ArmPlan]) -> None:
    """Every ``change`` begins before its stage is over. Raises ScenarioError at its place in the file."""
    for arm in arms:
        for index, (step, lived) in enumerate(zip(scenario.arms[arm.name].steps, arm.stages, strict=True)):
            own = lived.stage.change == scenario.stages[step.use].change
            place = ("stages", step.use) if own else ("arms", arm.name, "stages", index, "set")
            for number, change in enumerate(lived.stage.change):
                if change.from_ >= _longest(arm, index):
                    when = (
                        f"it begins at update {change.from_:,}, and arm {arm.name!r} lives {_length(lived):,} of them"
                    )
                    why = f"this change of {step.use!r} never comes: {when}"
                    mend = "begin it earlier, or give the arm a change of its own with set"
                    raise scenario.error((*place, "change", number), f"{why}; {mend}")


def gates(scenario: Scenario, arms: Sequence[ArmPlan]) -> None:
    """Every gate can open before its stage is over. Raises ScenarioError at its place in the file.

    A gate opens when its probe is measured on the way. At the end of the budget that is too late.
    """
    for arm in arms:
        for index, (step, lived) in enumerate(zip(scenario.arms[arm.name].steps, arm.stages, strict=True)):
            gate = lived.stage.until
            if gate is None:
                continue
            probe = gate.probe.partition(".")[0]
            every, length = scenario.probes[probe].every, _longest(arm, index)
            last = _last_on_the_way(lived, every, length)
            if last and last >= gate.min_updates:
                continue
            own = gate == scenario.stages[step.use].until
            place = ("stages", step.use, "until") if own else ("arms", arm.name, "stages", index, "set", "until")
            why = f"{probe!r} has 'every: {every}' and is never measured on the way"
            mend = "measure it more often"
            if last:
                why = f"it waits for update {gate.min_updates:,}, and {probe!r} is last measured on the way at {last:,}"
                mend = "lower min_updates"
            never = f"this gate never opens in arm {arm.name!r}, which lives {length:,.0f} updates of {lived.name!r}"
            raise scenario.error(place, f"{never}: {why}; {mend}, or give the stage more budget")


def _last_on_the_way(lived: PlannedStage, every: int | None, length: float) -> float:
    """The last update before a stage's end at which a probe that is due every so often is measured; 0: at none."""
    if every is None or not length:
        return 0
    if math.isinf(length):
        return math.inf
    due = int(length - 1) // every * every  # the last that is due; the yield that it falls into may be the last of all
    while due > 0 and _moment(lived, due) >= length:
        due -= every
    return _moment(lived, due) if due > 0 else 0


def moments(scenario: Scenario, arms: Sequence[ArmPlan]) -> None:
    """The comparison's moments are measured in every arm's last stage. Raises ScenarioError at their place."""
    asked = scenario.compare
    if asked is None:
        return
    for arm in arms:
        if isinstance(asked.at, int):
            _at(scenario, arm, asked.probe, asked.at)
        if asked.at == "area":
            _on_the_way(scenario, arm, asked.probe, "at")
        if asked.levels:
            _on_the_way(scenario, arm, asked.probe, "levels")
        if asked.select:
            _on_the_way(scenario, arm, asked.select.partition(".")[0], "select")


def _at(scenario: Scenario, arm: ArmPlan, probe: str, at: int) -> None:
    every = scenario.probes[probe].every
    last, length, index = arm.stages[-1], _length(arm.stages[-1]), len(arm.stages) - 1
    place, who = ("compare", "at"), f"stage {last.name!r} of arm {arm.name!r}"
    if at > _longest(arm, index):
        raise scenario.error(place, f"update {at:,} is never reached: {who} is over at update {length:,}")
    near = {_moment(last, count * every) for count in range(at // every - 1, at // every + 2) if count > 0}
    known = {update for update in near if update <= _longest(arm, index)} | {length}
    if at not in known:
        nearest = min(known, key=lambda update: abs(update - at))
        why = f"{probe!r} is not measured at update {at:,} of {who}; the nearest is {nearest:,}"
        raise scenario.error(place, why)


def _moment(lived: PlannedStage, update: int) -> int:
    """The first update at or after ``update`` at which a yield ends: where a probe that is due then is measured."""
    window = lived.costs.at(max(update - 1, 0))
    gain = window.cost.updates
    return window.start + -(-(update - window.start) // gain) * gain if gain else update


def _on_the_way(scenario: Scenario, arm: ArmPlan, probe: str, key: str) -> None:
    """The probe is measured before the last stage is over; a stage that takes no updates has no way."""
    every, length = scenario.probes[probe].every, _longest(arm, len(arm.stages) - 1)
    if length and every >= length:
        last = f"stage {arm.stages[-1].name!r} of arm {arm.name!r}, which lives {length:,.0f} updates"
        mend = "measure it more often"
        raise scenario.error(
            ("compare", key), f"{probe!r} has 'every: {every}' and is never measured on the way in {last}; {mend}"
        )


def _length(lived: PlannedStage) -> int:
    """Updates that the stage is planned to have."""
    return lived.costs.cost_of(lived.yields).updates


def _longest(arm: ArmPlan, index: int) -> float:
    """The most updates that a stage can have: unknown where it fills up what gates before it leave of a total."""
    gates = any(lived.stage.until is not None for lived in arm.stages[:index])
    return math.inf if arm.stages[index].total is not None and gates else _length(arm.stages[index])


def fits(scenario: Scenario, points: Sequence[PointPlan]) -> None:
    """A power law has enough points of different size in one arm at least. Raises ScenarioError at its place."""
    fit = scenario.compare.fit if scenario.compare else None
    if fit is None:
        return
    gated = any(lived.stage.until is not None for point in points for arm in point.arms for lived in arm.stages)
    if gated and fit.over != "parameters":
        return  # what learners that pass early consume is known afterwards
    found = {name: sorted(set(_sizes(points, name, fit))) for name in scenario.arms}
    if all(len(sizes) < FEWEST_POINTS for sizes in found.values()):
        there = "; ".join(f"{name} has {', '.join(map(_number, sizes)) or 'none'}" for name, sizes in found.items())
        ends = {"from": fit.from_, "to": fit.to}
        within = "".join(f" {word} {size:g}" for word, size in ends.items() if size is not None)
        why = f"a power law takes {FEWEST_POINTS} points of different {fit.over}{within}; {there}"
        raise scenario.error(("compare", "fit"), why)


def _sizes(points: Sequence[PointPlan], arm: str, fit: Fit) -> Iterator[float]:
    """What one learner of an arm consumes of the fit's unit, at every point that is fitted."""
    for point in points:
        lives = next(other for other in point.arms if other.name == arm)
        size = point.parameters if fit.over == "parameters" else getattr(lives.ledger, fit.over)
        if max(fit.from_ or 0, 0) <= size <= (fit.to or math.inf) and size > 0:
            yield size


def _number(size: float) -> str:
    return f"{size:,.0f}" if size < 1e9 else f"{size:.3g}"
