"""A plan as the files of a run folder: ``resolved.json`` and every ``job.json``."""

from collections.abc import Sequence
from typing import Any

from devlearn.plan.controls import uncontrolled
from devlearn.plan.model import ArmPlan, Job, Lived, Plan, PointPlan
from devlearn.plan.tree import digest
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


def _pin(scenario: Scenario) -> Json:
    """The streams that are the same for all seeds, and the one seed that draws them."""
    return {"pin": list(scenario.pin), **({"pin_seed": PINNED} if scenario.pin else {})}


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


def _stage(lived: Lived) -> Json:
    total = {} if lived.total is None else {"total": list(lived.total)}
    parts = {"name": lived.name, "visit": lived.visit, "kind": lived.kind, "index": lived.index}
    return {**parts, "keys": lived.keys, **total, **({"select": True} if lived.select else {})}


def _point(point: PointPlan, base: Scenario) -> Json:
    own = point.scenario
    changed: Json = {
        **({"seeds": list(own.seeds)} if own.seeds != base.seeds else {}),
        **({"brain": dict(own.brain)} if own.brain != base.brain else {}),
        **({"probes": _probes(own)} if own.probes != base.probes else {}),
    }
    wanting = uncontrolled(own)
    arms = {arm.name: _arm(arm, own, wanting.get(arm.name)) for arm in point.arms}
    return {"point": dict(point.point), **changed, "parameters": point.parameters, "arms": arms}


def _unseeded(point: Json) -> Json:
    unnamed = ("lineages", "draws", "uncontrolled")  # these grow with the seeds, or follow from the rest
    arms = {name: {k: v for k, v in arm.items() if k not in unnamed} for name, arm in point["arms"].items()}
    return {**{key: value for key, value in point.items() if key != "seeds"}, "arms": arms}


def _arm(arm: ArmPlan, scenario: Scenario, wanting: list[Json] | None) -> Json:
    stages = []
    for lived, branch in zip(arm.stages, arm.branches, strict=True):
        budget = lived.stage.budget()
        stages.append({**_stage(lived), "budget": None if budget is None else list(budget), "branch": branch})
    match = scenario.arms[arm.name].match
    shared = lineages(arm, scenario.seeds)
    return {
        "path": list(arm.path),
        "stages": stages,
        "draws": list(dict.fromkeys(["init", *(name for lived in arm.stages for name in lived.stage.draws)])),
        **({"match": match.model_dump(mode="json")} if match else {}),
        **({"lineages": {str(seed): name for seed, name in shared.items()}} if shared else {}),
        **({"uncontrolled": wanting} if wanting else {}),
    }


def lineages(arm: ArmPlan, seeds: Sequence[int]) -> dict[int, str]:
    """The name of what each seed shares with others (a genome, a demonstrator); empty where no stage shares a thing.

    Seeds that share one thing here and another there are of one lineage; a seed that shares nothing is its own.
    """
    names = [{seed: lived.stage.lineage(seed) for seed in seeds} for lived in arm.stages]
    found = {seed: f"seed {seed}" for seed in seeds}
    for shared in names:
        for name in sorted({name for name in shared.values() if name is not None}):
            joined = {found[seed] for seed in seeds if shared[seed] == name}
            found = {seed: name if own in joined else own for seed, own in found.items()}
    return found if any(name is not None for shared in names for name in shared.values()) else {}


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
