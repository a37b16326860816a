"""A plan as the files of a run folder: ``resolved.json`` and every ``job.json``."""

from typing import Any

from devlearn.plan.model import ArmPlan, Job, Lived, Plan, PointPlan
from devlearn.plan.tree import digest
from devlearn.scenario import Scenario

FORMAT = 1
Json = dict[str, Any]


def resolved(plan: Plan) -> Json:
    """The content of ``resolved.json``: all that evidence and report know of a scenario.

    A point's entry repeats ``seeds``, ``brain`` or ``probes`` where ``vary`` changes them.
    """
    base = plan.scenario
    shared = {"brain": dict(base.brain), "probes": _probes(base), "compare": _compare(base)}
    points = [_point(point, base) for point in plan.points]
    identity = {"scenario": base.scenario, **shared, "points": [_unseeded(point) for point in points]}
    return {
        "format": FORMAT,
        "scenario": base.scenario,
        "digest": digest(identity),
        "about": base.about,
        "seeds": list(base.seeds),
        **shared,
        "points": points,
        "jobs": [
            {"folder": job.folder, "branch": job.branch.name, "seeds": list(job.seeds), "parent": job.parent}
            for job in plan.jobs
        ],
    }


def job_specs(plan: Plan, device: str = "cpu", path: tuple[str, ...] = ()) -> dict[str, Json]:
    """The content of every ``job.json``, by folder relative to the run. ``path`` are additions to ``sys.path``."""
    return {job.folder: _spec(plan, job, device, path) for job in plan.jobs}


def _spec(plan: Plan, job: Job, device: str, path: tuple[str, ...]) -> Json:
    point = plan.points[job.branch.point]
    return {
        "format": FORMAT,
        "scenario": plan.scenario.scenario,
        "arms": list(job.branch.arms),
        "branch": job.branch.name,
        "seeds": list(job.seeds),
        "parent": job.parent,
        "brain": dict(point.scenario.brain),
        "needs_stages": [{"name": name, "kind": kind, "keys": keys} for name, kind, keys in point.needs_stages],
        "stages": [_stage(lived) for lived in job.branch.stages],
        "probes": _probes(point.scenario),
        "device": device,
        "path": list(path),
        "digest": job.branch.digest,
    }


def _stage(lived: Lived) -> Json:
    total = {} if lived.total is None else {"total": list(lived.total)}
    parts = {"name": lived.name, "visit": lived.visit, "kind": lived.kind, "index": lived.index}
    return {**parts, "keys": lived.keys, **total}


def _point(point: PointPlan, base: Scenario) -> Json:
    own = point.scenario
    changed: Json = {
        **({"seeds": list(own.seeds)} if own.seeds != base.seeds else {}),
        **({"brain": dict(own.brain)} if own.brain != base.brain else {}),
        **({"probes": _probes(own)} if own.probes != base.probes else {}),
    }
    return {"point": dict(point.point), **changed, "arms": {arm.name: _arm(arm) for arm in point.arms}}


def _unseeded(point: Json) -> Json:
    return {key: value for key, value in point.items() if key != "seeds"}


def _arm(arm: ArmPlan) -> Json:
    stages = []
    for lived, branch in zip(arm.stages, arm.branches, strict=True):
        budget = lived.stage.budget()
        stages.append({**_stage(lived), "budget": None if budget is None else list(budget), "branch": branch})
    return {"path": list(arm.path), "stages": stages}


def _probes(scenario: Scenario) -> Json:
    return {
        name: {
            "kind": scenario.probe_kinds[name],
            **probe.model_dump(mode="json", by_alias=True),
            "metrics": {key: {"better": m.better, "worst": m.worst} for key, m in probe.metrics.items()},
        }
        for name, probe in scenario.probes.items()
    }


def _compare(scenario: Scenario) -> Json | None:
    found = scenario.compare
    return None if found is None else found.model_dump(mode="json")
