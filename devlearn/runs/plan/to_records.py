"""A plan as the files of a run folder: ``resolved.json`` and every ``job.json``."""

from collections.abc import Mapping
from typing import Any

from devlearn.records.genome_file import life
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.runs.plan.model import ArmPlan, Plan, PlannedJob, PlannedStage, PointPlan
from devlearn.runs.plan.shared_origins import kinship, lineages
from devlearn.runs.plan.tree import digest
from devlearn.scenario import Scenario
from devlearn.streams import PINNED

FORMAT = 1
Json = dict[str, Any]


def resolved(plan: Plan) -> Json:
    """The content of ``resolved.json``: all that evidence and report know of a scenario.

    A point's entry repeats ``seeds``, ``brain`` or ``probes`` where ``vary`` changes them.
    """
    base = plan.scenario
    shared = {"brain": dict(base.brain), "probes": _probes(base), "compare": _compare(base), **_pin(base)}
    same = kinship(plan.points)
    points = [_point(point, base, same) for point in plan.points]
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


def _pin(scenario: Scenario) -> Json:
    """The streams that are the same for all seeds, and the one seed that draws them."""
    return {"pin": list(scenario.pin), **({"pin_seed": PINNED} if scenario.pin else {})}


def job_specs(plan: Plan, device: str = "cpu", path: tuple[str, ...] = ()) -> dict[str, Json]:
    """The content of every ``job.json``, by folder relative to the run. ``path`` are additions to ``sys.path``."""
    return {job.folder: _spec(plan, job, device, path) for job in plan.jobs}


def _spec(plan: Plan, job: PlannedJob, device: str, path: tuple[str, ...]) -> Json:
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
        "pin": list(plan.scenario.pin),
        "select": _select(point.scenario),
    }


def _select(scenario: Scenario) -> Json | None:
    """The metric that picks each learner's best checkpoint, and its direction."""
    if scenario.compare is None or scenario.compare.select is None:
        return None
    name, _, metric = scenario.compare.select.partition(".")
    metrics = scenario.probes[name].metrics
    metric = metric or next(iter(metrics))
    return {"probe": name, "metric": metric, "better": metrics[metric].better}


def _stage(lived: PlannedStage) -> Json:
    total = {} if lived.total is None else {"total": list(lived.total)}
    parts = {"name": lived.name, "visit": lived.visit, "kind": lived.kind, "index": lived.index}
    return {**parts, "keys": lived.keys, **total, **({"select": True} if lived.select else {})}


def _point(point: PointPlan, base: Scenario, same: Mapping[str, str]) -> Json:
    own = point.scenario
    changed: Json = {
        **({"seeds": list(own.seeds)} if own.seeds != base.seeds else {}),
        **({"brain": dict(own.brain)} if own.brain != base.brain else {}),
        **({"probes": _probes(own)} if own.probes != base.probes else {}),
    }
    wanting = uncontrolled(own)
    arms = {arm.name: _arm(arm, own, wanting.get(arm.name), same) for arm in point.arms}
    return {"point": dict(point.point), **changed, "parameters": point.parameters, "arms": arms}


def _unseeded(point: Json) -> Json:
    arms = {name: _without(arm, "lineages", "draws", "uncontrolled") for name, arm in point["arms"].items()}
    arms = {
        name: {**arm, "stages": [_without(stage, "role", "kin", "trained", "left") for stage in arm["stages"]]}
        for name, arm in arms.items()
    }
    return {**_without(point, "seeds"), "arms": arms}


def _without(part: Json, *unnamed: str) -> Json:
    """``part`` but for what grows with the seeds, or follows from the rest."""
    return {key: value for key, value in part.items() if key not in unnamed}


def _arm(arm: ArmPlan, scenario: Scenario, wanting: list[Json] | None, same: Mapping[str, str]) -> Json:
    stages = []
    for lived, branch in zip(arm.stages, arm.branches, strict=True):
        budget = lived.stage.budget()
        own = {"role": lived.stage.role, "budget": None if budget is None else list(budget), "branch": branch}
        stages.append({**_stage(lived), **own, **_kin(lived, scenario), **_told(lived)})
    match = scenario.arms[arm.name].match
    shared = lineages(arm, scenario.seeds, same)
    return {
        "path": list(arm.path),
        "stages": stages,
        "draws": list(dict.fromkeys(["init", *(name for lived in arm.stages for name in lived.stage.stream_names)])),
        **({"match": match.model_dump(mode="json")} if match else {}),
        **({"lineages": {str(seed): name for seed, name in shared.items()}} if shared else {}),
        **({"uncontrolled": wanting} if wanting else {}),
    }


def _kin(lived: PlannedStage, scenario: Scenario) -> Json:
    """Whom each seed has something from by this stage, by names that hold in every run: genome files go by them."""
    found = {}
    for seed in scenario.seeds:
        if names := lived.stage.origin_ids(seed):
            found[str(seed)] = list(names)
        elif name := lived.stage.lineage(seed):
            found[str(seed)] = [life(f"{lived.name}, {name}", dict(scenario.brain))]
    return {"kin": found} if found else {}


def _told(lived: PlannedStage) -> Json:
    """What its learners have trained on by this stage, and what it leaves as it was, where there is any."""
    found = {"trained": lived.stage.trains_on(), "left": lived.left}
    return {key: list(names) for key, names in found.items() if names}


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
    return None if found is None else found.model_dump(mode="json", by_alias=True)
