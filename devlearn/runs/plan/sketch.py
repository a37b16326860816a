"""What a scenario alone says of its plan: no brain is built and nothing is counted, so that it costs no torch."""

from devlearn.records.schema import Json
from devlearn.records.versions import PLAN
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.runs.plan.shared_origins import lineages, origin_names
from devlearn.scenario import Scenario, points


def sketch(scenario: Scenario) -> Json:
    """What ``forewarnings`` reads of ``resolved.json`` and what needs no network, with the file's required keys.

    Stages lack ``budget`` and ``left``: a match is counted in FLOPs, and what is inherited depends on the brain. There
    is no digest, no path and no job before there is a plan.
    """
    grid = points(scenario)
    same = origin_names((own.seeds, [step.stage for step in arm.steps]) for _, own in grid for arm in own.arms.values())
    return {
        "format": PLAN.written,
        "scenario": scenario.scenario,
        "digest": "",
        "seeds": list(scenario.seeds),
        "brain": dict(scenario.brain),
        "probes": {
            name: {
                "kind": scenario.probe_kinds[name],
                **probe.model_dump(mode="json", by_alias=True),
                "metrics": {key: metric._asdict() for key, metric in probe.metrics.items()},
            }
            for name, probe in scenario.probes.items()
        },
        "compare": None if scenario.compare is None else scenario.compare.model_dump(mode="json", by_alias=True),
        "points": [{"point": at, "seeds": list(own.seeds), "arms": _arms(own, same)} for at, own in grid],
        "jobs": [],
    }


def _arms(scenario: Scenario, same: dict[str, str]) -> dict[str, Json]:
    wanting = uncontrolled(scenario)
    return {
        name: {
            "path": [],
            "stages": [{"name": step.stream, "kind": step.kind} for step in arm.steps],
            "match": None if arm.match is None else arm.match.model_dump(mode="json"),
            "lineages": lineages([step.stage for step in arm.steps], scenario.seeds, same),
            "uncontrolled": wanting.get(name, []),
        }
        for name, arm in scenario.arms.items()
    }
