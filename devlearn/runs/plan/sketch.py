"""What a scenario alone says of its plan: no brain is built and nothing is counted, so that it costs no torch."""

from collections import Counter
from collections.abc import Mapping

from devlearn.records.schema import ArmEntry, ControlEntry, MatchEntry, PointEntry, Resolved, StageEntry
from devlearn.records.versions import PLAN
from devlearn.runs.plan.courses import courses
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.runs.plan.needs import needs_of
from devlearn.runs.plan.shared_origins import lineages, origin_names
from devlearn.runs.plan.to_records import compare_entry, probe_entries
from devlearn.scenario import ResolvedArm, Scenario, points
from devlearn.scenario.artifacts import steps_behind


def sketch(scenario: Scenario) -> Resolved:
    """The plan, as far as it needs no network, for ``forewarnings``.

    Stages lack ``budget`` and ``left``, as a match is counted in FLOPs and what is inherited depends on the brain.
    There are no branches, no jobs and no digest.

    Raises:
        ScenarioError: needs that can't be told (an environment that does not fit its stage) or contradict each other,
            or stages that can't be lived one after another.
    """
    grid = points(scenario)
    for _, own in grid:
        needs_of(own)
        courses(own)
    same = origin_names((own.seeds, [step.stage for step in arm.steps]) for _, own in grid for arm in own.arms.values())
    return Resolved(
        format=PLAN.written,
        scenario=scenario.scenario,
        digest="",
        seeds=tuple(scenario.seeds),
        brain=dict(scenario.brain),
        probes=probe_entries(scenario),
        compare=compare_entry(scenario),
        points=tuple(PointEntry(point=dict(at), seeds=tuple(own.seeds), arms=_arms(own, same)) for at, own in grid),
        jobs=(),
    )


def _arms(scenario: Scenario, same: Mapping[str, str]) -> dict[str, ArmEntry]:
    wanting = uncontrolled(scenario)
    return {
        name: ArmEntry(
            path=(),
            stages=_stages(arm),
            match=None if arm.match is None else MatchEntry(arm=arm.match.arm, by=arm.match.by),
            lineages=lineages(
                [own.stage for step in arm.steps for own in (step, *steps_behind(scenario.arms, step.stage))],
                scenario.seeds,
                same,
            ),
            uncontrolled=tuple(ControlEntry.of(control) for control in wanting.get(name, ())),
        )
        for name, arm in scenario.arms.items()
    }


def _stages(arm: ResolvedArm) -> tuple[StageEntry, ...]:
    visits: Counter[str] = Counter()
    found = []
    for index, step in enumerate(arm.steps):
        found.append(
            StageEntry(
                name=step.stream,
                visit=visits[step.stream],
                kind=step.kind,
                index=index,
                keys=step.stage.model_dump(mode="json", by_alias=True),
                role=step.stage.role,
            )
        )
        visits[step.stream] += 1
    return tuple(found)
