"""What ``run --dry-run`` prints, as JSON for programs: the same facts, unrounded."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devlearn.runs.pipeline import Plans
    from devlearn.runs.plan import ArmPlan, Plan, PlannedStage


def plan_document(plans: "Plans", workers: int | None = None) -> dict[str, Any]:
    """A scenario's plan; ``trials`` is that of the trials of ``tune``, which come first, where there are any.

    ``workers``: how many train at once; one for each core of this machine by default. Seconds and bytes are rough
    estimates; probes and start-up are not in them.
    """
    from devlearn.runs.forewarnings import forewarnings
    from devlearn.runs.plan import resolved

    scenario = plans.own.scenario
    return {
        "scenario": scenario.scenario,
        "about": scenario.about,
        "searched": scenario.searched,
        "trials": None if plans.trials is None else _plan(plans.trials, workers),
        **_plan(plans.own, workers),
        "warnings": [str(warning) for warning in forewarnings(resolved(plans.own))],
    }


def _plan(plan: "Plan", workers: int | None) -> dict[str, Any]:
    from devlearn.runs.executors.local import cores
    from devlearn.runs.plan.disk import disk
    from devlearn.runs.plan.schedule import makespan

    scenario, workers, left = plan.scenario, workers or cores(), disk(plan)
    largest = max(plan.jobs, key=lambda job: job.memory)
    looks = (scenario.compare.looks if scenario.compare else None) or ()
    return {
        "seeds": list(scenario.seeds),
        "block": scenario.block,
        "looks": {"planned": list(looks), "stops": list(scenario.stops) if looks else []},
        "probes": dict(scenario.probe_kinds),
        "points": [
            {"point": dict(one.point), "weights": one.parameters, "arms": {arm.name: _arm(arm) for arm in one.arms}}
            for one in plan.points
        ],
        "jobs": [
            {"job": job.folder, "after": list(job.before), "arms": list(job.branch.arms), "seeds": list(job.seeds),
             "stages": [stage.name for stage in job.branch.stages], "seconds": job.seconds, "memory": job.memory}
            for job in plan.jobs
        ],
        "workers": workers,
        "core_seconds": plan.seconds,
        "seconds": makespan(plan.jobs, workers),
        "memory": {"largest_job": largest.memory, "learner": largest.memory / len(largest.seeds)},
        "disk": {"ends": left.ends, "between": left.between, "records": left.records, "total": left.total},
    }  # fmt: skip


def _arm(arm: "ArmPlan") -> dict[str, Any]:
    from devlearn.records.schema import SPENT

    consumed = {unit: getattr(arm.ledger, unit) for unit in SPENT}
    return {"stages": [_stage(stage) for stage in arm.stages], "consumes": consumed}


def _stage(planned: "PlannedStage") -> dict[str, Any]:
    budget = planned.stage.budget()
    found = {"name": planned.name, "visit": planned.visit, "kind": planned.kind, "keys": planned.keys}
    return {**found, "budget": None if budget is None else list(budget)}
