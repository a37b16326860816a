"""What stages can't be one after another, whatever the brain: said of a scenario alone, and of every plan."""

from devlearn.runs.plan.cost_model import CostModel
from devlearn.runs.plan.needs import words
from devlearn.scenario import ResolvedArm, Scenario
from devlearn.stages.stage import Cost, Stage


def courses(scenario: Scenario) -> None:
    """Every stage can go on from the one before it. Raises ScenarioError at the arm's place in the file."""
    for name, course in scenario.arms.items():
        for index, step in enumerate(course.steps):
            if getattr(step.stage, "optimiser", None) == "continue":
                _can_continue(scenario, name, course, index)
        if course.total is not None:
            _can_fill(scenario, name, course)


def _can_continue(scenario: Scenario, arm: str, course: ResolvedArm, index: int) -> None:
    """``optimiser: continue`` needs a stage before it with moments, which ends for all learners together."""
    before = course.steps[index - 1] if index else None
    why = "no stage comes before it" if before is None else ""
    if before is not None and not before.stage.units:
        why = f"{before.use!r} before it leaves no moments behind"
    if before is not None and before.stage.until is not None:
        why = f"{before.use!r} before it has a gate, and learners that pass apart would share one step count"
    if why:
        raise scenario.error(("arms", arm), f"{course.steps[index].use!r} can't continue an optimiser: {why}")


def _can_fill(scenario: Scenario, arm: str, course: ResolvedArm) -> None:
    """Learners that pass a gate early have more left of a ``total`` than is planned: a schedule would end before."""
    *earlier, last = course.steps
    gated = next((step.stream for step in earlier if step.stage.until is not None), None)
    if gated is not None and any(stage.follows_budget() for stage in _lived_as(scenario, arm, last.stage)):
        why = f"{last.stream!r} follows its planned budget (a schedule), and the gate of {gated!r} before it"
        mend = "make the schedule constant, drop the gate, or give the last stage a budget of its own, without total"
        raise scenario.error(("arms", arm, "total"), f"{why} leaves each learner another one; {mend}")


def _lived_as(scenario: Scenario, arm: str, stage: Stage) -> list[Stage]:
    """The stage as each ``change`` makes it; what it costs is of no account here."""
    try:
        return [window.stage for window in CostModel(stage, lambda changed: Cost(updates=1)).windows]
    except Exception as error:  # a user's stage may fail in any way
        raise scenario.error(("arms", arm), words(error)) from error
