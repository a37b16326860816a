"""What a scenario asks of its brain: the needs of all stages and probes, united."""

from typing import Any

from devlearn.learners.brains import Needs
from devlearn.records.text import without_allocator
from devlearn.runs.plan.describe import describe
from devlearn.scenario import Scenario
from devlearn.tasks.envs import LessonRefused, WrapperRefused

NeedsStage = tuple[str, str, dict[str, Any]]


def needs_of(scenario: Scenario) -> tuple[tuple[NeedsStage, ...], Needs]:
    """Every stage whose needs make the brain, and their union with the probes' needs.

    A stage that an arm's ``set`` changes is listed again, as ``stage/arm/place``, only where it needs something more.
    No brain is built; an environment is made, once a process, where a stage or a probe asks for its spaces. Jobs are
    told what came of it, and make only those that they act in.

    Raises:
        ScenarioError: needs that can't be told or contradict each other, at the place in the file.
    """
    listed: list[NeedsStage] = []
    needs = Needs()
    for name, stage in scenario.stages.items():
        needs = _unite(scenario, needs, ("stages", name), stage)
        listed.append((name, scenario.stage_kinds[name], stage.model_dump(mode="json", by_alias=True)))
    for name, probe in scenario.probes.items():
        needs = _unite(scenario, needs, ("probes", name), probe)
    for arm, course in scenario.arms.items():
        for place, step in enumerate(course.steps):
            united = _unite(scenario, needs, ("arms", arm), step.stage)
            if describe(united) != describe(needs):
                keys = step.stage.model_dump(mode="json", by_alias=True)
                listed.append((f"{step.use}/{arm}/{place}", step.kind, keys))
                needs = united
    return tuple(listed), needs


def _unite(scenario: Scenario, needs: Needs, place: tuple[str, str], part: Any) -> Needs:
    try:
        united: Needs = needs | part.needs()
    except WrapperRefused as error:
        raise scenario.error((*place, "wrappers", error.place), f"{place[1]}: {error}") from error
    except LessonRefused as error:
        raise scenario.error((*place, "lessons", error.place), f"{place[1]}: {error}") from error
    except Exception as error:  # a user's environment or stage may fail in any way
        raise scenario.error(place, f"{place[1]}: {words(error)}") from error
    return united


def words(error: Exception) -> str:
    """What somebody's own part raised, in one line: its message, or its kind too where that alone would say little."""
    plain = isinstance(error, ValueError | LookupError | RuntimeError) and error.args
    return without_allocator(str(error.args[0]) if plain else f"{type(error).__name__}: {error}")
