"""A plan as the files of a run folder: ``resolved.json`` and every ``job.json``."""

from collections.abc import Collection, Mapping

from devlearn.records.genome_file import life
from devlearn.records.schema import (
    ArmEntry,
    CompareEntry,
    ControlEntry,
    GiverEntry,
    JobEntry,
    JobSpec,
    Json,
    Keys,
    MatchEntry,
    NeedEntry,
    PointEntry,
    ProbeEntry,
    Resolved,
    SelectEntry,
    StageEntry,
    VisitEntry,
)
from devlearn.records.versions import JOB, PLAN, RECORDS
from devlearn.runs.plan.digest import digest
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.runs.plan.model import ArmPlan, Plan, PlannedJob, PlannedStage, PointPlan
from devlearn.runs.plan.needs_entry import entry_of
from devlearn.runs.plan.shared_origins import lineages, origin_names
from devlearn.scenario import Scenario
from devlearn.scenario.artifacts import steps_behind
from devlearn.stages.stage import Stage
from devlearn.stages.written import INCIDENTAL
from devlearn.streams import PINNED

Probes = dict[str, ProbeEntry]
# Keys of resolved.json without which a question is the same.
NO_IDENTITY = ("format", "digest", "about", "searched", "seeds", "jobs")


def resolved(plan: Plan) -> Resolved:
    """``resolved.json``: all that evidence and report know of a scenario.

    A point's entry repeats ``seeds``, ``brain`` or ``probes`` where ``vary`` changes them.
    """
    base = plan.scenario
    same = origin_names(
        (point.scenario.seeds, [lived.stage for lived in arm.stages]) for point in plan.points for arm in point.arms
    )
    found = Resolved(
        format=PLAN.written,
        scenario=base.scenario,
        digest="",
        about=base.about,
        searched=base.searched,
        seeds=tuple(base.seeds),
        brain=dict(base.brain),
        probes=probe_entries(base),
        compare=compare_entry(base),
        pin=tuple(base.pin),
        pin_seed=PINNED if base.pin else None,
        points=tuple(_point(point, base, same) for point in plan.points),
        jobs=tuple(
            JobEntry(
                folder=job.folder,
                branch=job.branch.name,
                seeds=job.seeds,
                parent=job.parent,
                givers=tuple(dict.fromkeys(job.givers.values())),
            )
            for job in plan.jobs
        ),
    )
    return found.model_copy(update={"digest": digest(_identity(found))})


def job_specs(plan: Plan, device: str = "cpu", path: tuple[str, ...] = (), compiled: bool = False) -> dict[str, Json]:
    """The content of every ``job.json``, by folder relative to the run. ``path`` are additions to ``sys.path``."""
    return {job.folder: _spec(plan, job, device, path, compiled).content() for job in plan.jobs}


def _spec(plan: Plan, job: PlannedJob, device: str, path: tuple[str, ...], compiled: bool) -> JobSpec:
    point = plan.points[job.branch.point]
    heirs = [other for other in plan.jobs if other.parent == job.folder]
    return JobSpec(
        format=JOB.written,
        records=RECORDS.written,
        scenario=plan.scenario.scenario,
        arms=job.branch.arms,
        branch=job.branch.name,
        seeds=job.seeds,
        parent=job.parent,
        givers=tuple(
            GiverEntry(arm=of.arm, stage=of.stage, what=of.what, folder=folder) for of, folder in job.givers.items()
        ),
        brain=dict(point.scenario.brain),
        needs_stages=tuple(NeedEntry(name=name, kind=kind, keys=keys) for name, kind, keys in point.needs_stages),
        needs=entry_of(point.needs),
        stages=tuple(
            VisitEntry(
                name=lived.name,
                visit=lived.visit,
                kind=lived.kind,
                index=lived.index,
                keys=lived.all_keys,
                total=lived.total,
                select=lived.select,
            )
            for lived in job.branch.stages
        ),
        probes=probe_entries(point.scenario, without=()),
        device=device,
        compiled=compiled,
        path=path,
        digest=job.branch.digest,
        pin=tuple(plan.scenario.pin),
        select=_select(point.scenario),
        seconds=job.seconds,
        continues=job.parent is not None and _continues(job),
        without_moments=not any(_continues(other) for other in heirs),
    )


def _continues(job: PlannedJob) -> bool:
    """Whether a job begins with the optimiser moments that the one before it left."""
    return job.branch.stages[0].stage.continues


def _select(scenario: Scenario) -> SelectEntry | None:
    """The metric that picks each learner's best checkpoint, and its direction."""
    if scenario.compare is None or scenario.compare.select is None:
        return None
    name, _, metric = scenario.compare.select.partition(".")
    metrics = scenario.probes[name].metrics_here()
    metric = metric or next(iter(metrics))
    return SelectEntry(probe=name, metric=metric, better=metrics[metric].better)


def _point(point: PointPlan, base: Scenario, same: Mapping[str, str]) -> PointEntry:
    own = point.scenario
    wanting = uncontrolled(own)
    return PointEntry(
        point=dict(point.point),
        seeds=tuple(own.seeds) if own.seeds != base.seeds else None,
        brain=dict(own.brain) if own.brain != base.brain else None,
        probes=probe_entries(own) if own.probes != base.probes else None,
        parameters=point.parameters,
        arms={arm.name: _arm(arm, own, wanting.get(arm.name, []), same) for arm in point.arms},
    )


def _arm(arm: ArmPlan, scenario: Scenario, wanting: list[Keys], same: Mapping[str, str]) -> ArmEntry:
    match = scenario.arms[arm.name].match
    whole = [stage for lived in arm.stages for stage in _whole(lived, scenario)]
    return ArmEntry(
        path=arm.path,
        stages=tuple(_stage(*pair, scenario) for pair in zip(arm.stages, arm.branches, strict=True)),
        draws=tuple(dict.fromkeys(["init", *(name for stage in whole for name in stage.stream_names)])),
        match=None if match is None else MatchEntry(arm=match.arm, by=match.by),
        lineages=lineages(whole, scenario.seeds, same),
        uncontrolled=tuple(ControlEntry.of(control) for control in wanting),
    )


def _stage(lived: PlannedStage, branch: str, scenario: Scenario) -> StageEntry:
    return StageEntry(
        name=lived.name,
        visit=lived.visit,
        kind=lived.kind,
        index=lived.index,
        keys=lived.keys,
        total=lived.total,
        select=lived.select,
        role=lived.stage.role,
        budget=lived.stage.budget(),
        branch=branch,
        kin=_kin(lived, scenario),
        trained=tuple(dict.fromkeys(split for stage in _whole(lived, scenario) for split in stage.trains_on())),
        left=tuple(lived.left),
    )


def _whole(lived: PlannedStage, scenario: Scenario) -> list[Stage]:
    """A stage, and those that are behind what it takes from other arms."""
    return [lived.stage, *(step.stage for step in steps_behind(scenario.arms, lived.stage))]


def _kin(lived: PlannedStage, scenario: Scenario) -> dict[int, tuple[str, ...]]:
    """Whom each seed has something from by this stage, by names that hold in every run: genome files go by them.

    What it takes from another arm brings along whom that arm's learner has something from. That learner itself is of
    the same seed and birth, and so goes by the learner's own name.
    """
    found: dict[int, tuple[str, ...]] = {}
    behind = list(steps_behind(scenario.arms, lived.stage))
    for seed in scenario.seeds:
        names = dict.fromkeys(_kin_names(lived.name, lived.stage, seed, scenario))
        for step in behind:
            names |= dict.fromkeys(_kin_names(step.stream, step.stage, seed, scenario))
        if names:
            found[seed] = tuple(names)
    return found


def _kin_names(name: str, stage: Stage, seed: int, scenario: Scenario) -> tuple[str, ...]:
    if names := stage.origin_ids(seed):
        return tuple(names)
    shared = stage.lineage(seed)
    return (life(f"{name}, {shared}", dict(scenario.brain)),) if shared else ()


def probe_entries(scenario: Scenario, without: Collection[str] = INCIDENTAL) -> Probes:
    """A scenario's probes with all their keys that decide something, and what they say of their metrics."""
    return {
        name: ProbeEntry.of(
            {
                "kind": scenario.probe_kinds[name],
                **probe.model_dump(mode="json", by_alias=True, exclude=set(without)),
                "metrics": {key: metric._asdict() for key, metric in probe.metrics_here().items()},
            }
        )
        for name, probe in scenario.probes.items()
    }


def compare_entry(scenario: Scenario) -> CompareEntry | None:
    """The question that a scenario asks; None where it asks none."""
    found = scenario.compare
    return None if found is None else CompareEntry.of(found.model_dump(mode="json", by_alias=True))


def _identity(found: Resolved) -> Json:
    """What makes a question: without its seeds, and what grows with them or follows from the rest."""
    bare = found.model_copy(
        update={
            "probes": _plain(found.probes),
            "points": tuple(
                point.model_copy(
                    update={
                        "seeds": None,
                        "probes": None if point.probes is None else _plain(point.probes),
                        "arms": {name: _unseeded(arm) for name, arm in point.arms.items()},
                    }
                )
                for point in found.points
            ),
        }
    )
    return {key: value for key, value in bare.content().items() if key not in NO_IDENTITY}


def _plain(probes: Probes) -> Probes:
    """Probes without what follows from their kind."""
    follows: dict[str, None] = {"unit": None, "proxy_of": None, "chance": None, "optimum": None}
    return {
        name: probe.model_copy(
            update={"metrics": {key: metric.model_copy(update=follows) for key, metric in probe.metrics.items()}}
        )
        for name, probe in probes.items()
    }


def _unseeded(arm: ArmEntry) -> ArmEntry:
    stages = tuple(
        stage.model_copy(update={"role": None, "kin": {}, "trained": (), "left": ()}) for stage in arm.stages
    )
    return arm.model_copy(update={"stages": stages, "lineages": {}, "draws": None, "uncontrolled": ()})
