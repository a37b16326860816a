"""What a scenario alone says of its plan: no brain is built and nothing is counted, so that it costs no torch."""

from devlearn.records.schema import Json
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.runs.plan.shared_origins import lineages, origin_names
from devlearn.scenario import Scenario, points


def sketch(scenario: Scenario) -> Json:
    """The part of ``resolved.json`` that ``forewarnings`` reads and that needs no network.

    Stages lack ``budget`` and ``left``: a match is counted in FLOPs, and what is inherited depends on the brain.
    """
    grid = points(scenario)
    same = origin_names((own.seeds, [step.stage for step in arm.steps]) for _, own in grid for arm in own.arms.values())
    return {
        "seeds": list(scenario.seeds),
        "probes": {name: probe.model_dump(mode="json", by_alias=True) for name, probe in scenario.probes.items()},
        "compare": None if scenario.compare is None else scenario.compare.model_dump(mode="json", by_alias=True),
        "points": [{"point": at, "seeds": list(own.seeds), "arms": _arms(own, same)} for at, own in grid],
    }


def _arms(scenario: Scenario, same: dict[str, str]) -> dict[str, Json]:
    wanting = uncontrolled(scenario)
    return {
        name: {
            "stages": [{"name": step.stream, "kind": step.kind} for step in arm.steps],
            "match": None if arm.match is None else arm.match.model_dump(mode="json"),
            "lineages": lineages([step.stage for step in arm.steps], scenario.seeds, same),
            "uncontrolled": wanting.get(name, []),
        }
        for name, arm in scenario.arms.items()
    }
