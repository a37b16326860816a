"""Arms of one point, resolved: needs united, the brain built without storage, budgets counted, match and total."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from devlearn.lazy import torch
from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.brains.needs import born_with
from devlearn.learners.modules import refuse
from devlearn.runs.plan import checks, memories
from devlearn.runs.plan.changes import refusal
from devlearn.runs.plan.cost_model import CostModel
from devlearn.runs.plan.courses import courses
from devlearn.runs.plan.describe import describe
from devlearn.runs.plan.gifts import with_gifts
from devlearn.runs.plan.labels import NOTHING, choosing_labels, chosen_by
from devlearn.runs.plan.model import ArmPlan, PlannedStage, PointPlan, total_of
from devlearn.runs.plan.needs import needs_of, words
from devlearn.scenario import ArmItem, ResolvedArm, Scenario, ScenarioError, Unit
from devlearn.stages.protections.protection import cost_of
from devlearn.stages.stage import Cost, Stage
from devlearn.stages.written import INCIDENTAL

MOST_WEIGHTS = 2**31  # of one learner

if TYPE_CHECKING:
    from torch import nn


def resolve(point: dict[str, Any], scenario: Scenario) -> PointPlan:
    """One point of the grid.

    Raises:
        ScenarioError: needs that contradict each other, a brain that can't be built, a budget, ``match`` or ``total``
            that can't be met; each at its place in the file.
    """
    listed, needs = needs_of(scenario)
    brain = _brain(scenario, needs)
    _fit(scenario, brain)
    courses(scenario)
    lives = _Arms(scenario, brain, needs)
    arms = with_gifts([ArmPlan(name, tuple(lives.lives(name))) for name in scenario.arms])
    checks.changes(scenario, arms)
    checks.gates(scenario, arms)
    checks.moments(scenario, arms)
    return PointPlan(
        point=point,
        scenario=scenario,
        needs_stages=listed,
        needs=needs,
        context=_context(scenario, needs),
        parameters=sum(weights.numel() for weights in brain.parameters()),
        arms=arms,
    )


def _context(scenario: Scenario, needs: Needs) -> dict[str, Any]:
    """What decides a life besides its stages. ``select`` only decides what is kept of it."""
    select = scenario.compare.select if scenario.compare else None
    extra = {"pin": sorted(scenario.pin), "select": select}
    shared = {"brain": scenario.brain, "probes": _probes(scenario), "needs": describe(needs)}
    return shared | {key: value for key, value in extra.items() if value}


def _brain(scenario: Scenario, needs: Needs) -> nn.Module:
    """One learner's network on the meta device: shapes without storage."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            brain = brain_builder(scenario.brain, needs)()
        refuse(brain)
    except Exception as error:  # a user's module may fail in any way
        raise scenario.error(("brain",), f"the brain can't be built: {words(error)}") from error
    count = sum(weights.numel() for weights in brain.parameters())
    if count > MOST_WEIGHTS:
        raise scenario.error(("brain",), f"one learner has {count:,} weights, and {MOST_WEIGHTS:,} are the most")
    return brain


def _fit(scenario: Scenario, brain: nn.Module) -> None:
    """Every probe can measure this brain."""
    for name, probe in scenario.probes.items():
        try:
            probe.check_brain(brain)
        except Exception as error:  # a user's probe may fail in any way
            raise scenario.error(("probes", name), f"{name}: {words(error)}") from error


def _probes(scenario: Scenario) -> dict[str, Any]:
    """What identifies the probes."""
    return {
        name: {
            "kind": scenario.probe_kinds[name],
            "version": probe.version,
            "keys": probe.model_dump(mode="json", exclude=set(INCIDENTAL)),
        }
        for name, probe in scenario.probes.items()
    }


def _reflexes(course: ResolvedArm) -> list[tuple[str, ...]]:
    """For every stage of an arm, the slots for reflexes that the stages before it fill."""
    filled, found = frozenset[str](), list[tuple[str, ...]]()
    for step in course.steps:
        found.append(tuple(sorted(filled)))
        filled |= {*step.stage.reflexes()}
    return found


def _guarded(course: ResolvedArm, index: int) -> tuple[str, ...]:
    """The read-outs of the stages of an arm before a place that had a protection of the same kind.

    Raises ValueError, with the mend, where it can't protect this stage, or what was kept of another is of no use now.
    """
    stage = course.steps[index].stage
    if (own := stage.protect) is None:
        return ()
    if why := own.refusal(stage):
        raise ValueError(f"protect: {why}")
    before = [step.stage for step in course.steps[:index]]
    same = [other for other in before if other.protect is not None and other.protect.kind == own.kind]
    if why := next(filter(None, (own.unlike(stage, other) for other in same)), ""):
        raise ValueError(f"protect: {why}")
    rehearsed = [other.rehearsed() for other in same]
    return tuple(each.task.read_out if each else "" for each in rehearsed)


class _Arms:
    """Resolves arms in the order in which ``match`` needs them."""

    def __init__(self, scenario: Scenario, brain: nn.Module, needs: Needs) -> None:
        self.scenario, self.brain, self.needs = scenario, brain, needs
        self._lives: dict[str, list[PlannedStage]] = {}
        self._costs: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], Cost] = {}

    def lives(self, name: str) -> list[PlannedStage]:
        """The stages that an arm lives."""
        if name not in self._lives:
            course = self._with_memory(name, self.scenario.arms[name])
            lives = self._all_lived(name, course)
            if course.match is not None:
                for unit in course.match.units:
                    if unit != "bytes":
                        lives[-1] = self._matched(name, lives, course.match.arm, unit)
            if course.total is not None:
                lives[-1] = self._filled(name, lives, *course.total)
            if self.scenario.compare is not None and self.scenario.compare.select is not None:
                lives[-1] = replace(lives[-1], select=True)
            self._lives[name] = self._chosen(lives)
        return self._lives[name]

    def _all_lived(self, name: str, course: ResolvedArm) -> list[PlannedStage]:
        """The stages of an arm with the budgets that they declare."""
        lives: list[PlannedStage] = []
        for index, born in enumerate(_reflexes(course)):
            known = lives[-1].known_after if lives else NOTHING
            lives.append(replace(self._lived(name, course, index, born), known=known))
        return lives

    def _with_memory(self, name: str, course: ResolvedArm) -> ResolvedArm:
        """The arm with memories of the size that ``match: by: bytes`` asks for."""
        if course.match is None or "bytes" not in course.match.units:
            return course
        goal = total_of(self.lives(course.match.arm)).kept_bytes
        try:
            return memories.matched(course, goal, lambda sized: total_of(self._all_lived(name, sized)).kept_bytes)
        except ValueError as error:
            who = f"arm {name!r} can't be matched to {course.match.arm!r} by bytes"
            raise self.scenario.error(("arms", name, "match"), f"{who}: {error}") from error

    def _chosen(self, lives: list[PlannedStage]) -> list[PlannedStage]:
        """The stages with the number of labels that gates and ``select`` read in each for the first time."""
        compare, before, found = self.scenario.compare, frozenset[tuple[str, int]](), []
        for lived in lives:
            select = compare.select.partition(".")[0] if lived.select and compare and compare.select else None
            read = chosen_by(choosing_labels(self.scenario.probes, lived.stage.until, select))
            found.append(replace(lived, chosen_by=len(read - before)))
            before |= read
        return found

    def _lived(self, arm: str, course: ResolvedArm, index: int, born: tuple[str, ...]) -> PlannedStage:
        step = course.steps[index]
        visit = Counter(earlier.stream for earlier in course.steps[:index])[step.stream]
        try:
            guarded = _guarded(course, index)
        except ValueError as error:
            declared = step.stage.protect == self.scenario.stages[step.use].protect
            place = ("stages", step.use, "protect") if declared else ("arms", arm, "stages", index, "set", "protect")
            raise self.scenario.error(place, f"{step.use}: {error}") from error
        if why := step.stage.unprepared([before.stage for before in course.steps[:index]]):
            raise self.scenario.error(("arms", arm, "stages", index), f"{step.use}: {why}")
        self._can_change(arm, step, index, born)
        costs = CostModel(step.stage, lambda stage: self._cost_of(step.use, step.kind, stage, born, guarded))
        budget = step.stage.budget()
        if budget is not None and not costs.consumes(budget[0]):
            place = ("stages", step.use, budget[0])
            raise self.scenario.error(place, f"{step.kind} spends no {budget[0]} here; give its budget in another unit")
        left = step.stage.not_inherited(self.brain)
        return PlannedStage(
            step.stream,
            visit,
            index,
            step.kind,
            step.stage,
            costs,
            costs.planned_yields,
            left=left,
            born=born,
            guarded=guarded,
        )

    def _can_change(self, arm: str, step: ArmItem, index: int, born: tuple[str, ...]) -> None:
        """Every ``change`` leaves the brain, what was bought and the shape of the state as they are."""
        own = step.stage.change == self.scenario.stages[step.use].change
        place = ("stages", step.use) if own else ("arms", arm, "stages", index, "set")
        for number, change in enumerate(step.stage.change):
            at = (*place, "change", number)
            try:
                changed = step.stage.with_change(change)
                both = (
                    self._cost_of(step.use, step.kind, step.stage, born),
                    self._cost_of(step.use, step.kind, changed, born),
                )
                why = refusal(step.stage, changed, both, brain_builder(self.scenario.brain, self.needs))
            except ScenarioError:
                raise
            except Exception as error:  # a user's stage may fail in any way
                raise self.scenario.error(at, f"{step.use}, changed: {words(error)}") from error
            if why:
                keys = " and ".join(change.set)
                mend = "live it as a stage of its own"
                raise self.scenario.error(at, f"{keys} of {step.use!r} can't change on the way: {why}; {mend}")

    def _cost_of(self, use: str, kind: str, stage: Stage, born: tuple[str, ...], guarded: tuple[str, ...] = ()) -> Cost:
        """What a stage consumes for learners with the reflexes that they are ``born`` with, and what they keep."""
        key = (kind, stage.model_dump_json(), born, guarded)
        if key not in self._costs:
            try:
                with born_with(self.brain, born):
                    self._costs[key] = cost_of(stage, self.brain, guarded)
            except Exception as error:  # a user's stage or brain may fail in any way
                raise self.scenario.error(("stages", use), f"{use}: {words(error)}") from error
        return self._costs[key]

    def _matched(self, name: str, lives: list[PlannedStage], other: str, by: str) -> PlannedStage:
        """The last stage, scaled until the arm consumes what the other does, as nearly as whole yields allow."""
        place = ("arms", name, "match")
        goal = getattr(total_of(self.lives(other)), by)
        missing = goal - getattr(total_of(lives[:-1]), by)
        costs = lives[-1].costs
        who = f"arm {name!r} can't be matched to {other!r} by {by}"
        if goal == 0 and getattr(total_of(lives), by) == 0:
            raise self.scenario.error(place, f"{who}: neither consumes any; match by what both consume")
        bought = getattr(lives[-1].ledger, by)
        if by == "labels" and getattr(lives[-1].stage, "labels", None) and missing > 0 and missing != bought:
            if not costs.once.labels:
                why = f"the last stage, {lives[-1].name!r}, reads labels and its class declares none in 'cost'"
                raise self.scenario.error(place, f"{who}: {why}; see: devlearn check stage {lives[-1].kind}")
            return self._with_labels(place, who, lives[-1], missing)
        if not costs.consumes(by):
            if missing == bought:
                return lives[-1]
            why = f"its last stage, {lives[-1].name!r}, does not consume {by} yield by yield"
            raise self.scenario.error(place, f"{who}: {why}")
        count = costs.yields_for(by, missing)
        before, after = (getattr(costs.cost_of(max(yields, 0)), by) for yields in (count - 1, count))
        if missing - before < after - missing:
            count -= 1
        if count < 1:
            spent = f"its earlier stages consume {goal - missing:,} of the {goal:,} already"
            raise self.scenario.error(place, f"{who}: {spent}")
        return self._with_yields(lives[-1], count)

    def _with_labels(self, place: tuple[str, ...], who: str, lived: PlannedStage, count: int) -> PlannedStage:
        """The stage with so many labelled images that are new, or with all that there are; its budget stays."""
        keys = lived.stage.model_dump(mode="json", by_alias=True)
        try:
            stage = type(lived.stage).model_validate({**keys, "labels": count})
        except ValidationError as error:
            whole = self._with_all_labels(lived, keys)
            if whole is None or self._new_labels(lived, whole) > count:
                why = error.errors()[0]["msg"].removeprefix("Value error, ")
                message = f"{who}: {lived.name!r} can't have {count:,} labels: {why}"
                raise self.scenario.error(place, message) from error
            stage = whole
        if not self._new_labels(lived, stage):
            why = f"the stages before {lived.name!r} have bought all labels of its split"
            raise self.scenario.error(place, f"{who}: {why}")
        costs = CostModel(stage, lambda stage: self._cost_of(lived.name, lived.kind, stage, lived.born, lived.guarded))
        return replace(lived, stage=stage, costs=costs, yields=costs.planned_yields)

    def _new_labels(self, lived: PlannedStage, stage: Stage) -> int:
        """How many labels a life that has come to ``lived`` would pay for in ``stage``."""
        cost = self._cost_of(lived.name, lived.kind, stage, lived.born, lived.guarded)
        return cost.labels if cost.source is None else lived.known.new(cost.source)

    def _with_all_labels(self, lived: PlannedStage, keys: dict[str, Any]) -> Stage | None:
        """The stage with every label of its split, or None for a stage that has no such key."""
        try:
            return type(lived.stage).model_validate({**keys, "labels": "all"})
        except ValidationError:
            return None

    def _filled(self, name: str, lives: list[PlannedStage], unit: Unit, size: int) -> PlannedStage:
        """The last stage with what the earlier ones are declared to leave of the arm's total."""
        place, last = ("arms", name, "total"), lives[-1]
        left = size - getattr(total_of(lives[:-1]), unit)
        if not last.costs.consumes(unit):
            raise self.scenario.error(place, f"the last stage of {name!r}, {last.name!r}, consumes no {unit}")
        if left <= 0:
            message = f"the earlier stages of {name!r} consume {size - left:,} {unit}, so nothing of {size:,} is left"
            raise self.scenario.error(place, message)
        return self._with_yields(last, last.costs.yields_for(unit, left), (unit, size))

    def _with_yields(self, lived: PlannedStage, count: int, total: tuple[Unit, int] | None = None) -> PlannedStage:
        """The stage with a budget of ``count`` yields, in its own unit."""
        budget = lived.stage.budget()
        assert budget is not None
        size = getattr(lived.costs.cost_of(count), budget[0])
        return replace(lived, stage=lived.stage.model_copy(update={budget[0]: size}), yields=count, total=total)
