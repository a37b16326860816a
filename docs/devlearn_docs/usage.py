"""Which of the shipped scenarios use a stage, a probe, an environment or a data set."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from devlearn.scenario import Scenario, library, load

GROUPS = ("stages", "probes", "environments", "data")


@cache
def scenarios() -> dict[str, Scenario]:
    """Every shipped scenario by name."""
    return {name: load(path) for name, path in library().items()}


@cache
def users() -> dict[tuple[str, str], list[str]]:
    """{(group, name of a thing): names of scenarios}."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, scenario in scenarios().items():
        for thing in dict.fromkeys(things(scenario)):
            found[thing].append(name)
    return dict(found)


def things(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What a scenario uses, as (group, name), in the order of its stages and probes; some more than once."""
    for kind in stage_kinds(scenario):
        yield "stages", kind
    for kind in scenario.probe_kinds.values():
        yield "probes", kind
    models = [*(step.stage for arm in scenario.arms.values() for step in arm.steps), *scenario.probes.values()]
    for model in models:
        yield from _named(model.model_dump(mode="json"))


def stage_kinds(scenario: Scenario) -> list[str]:
    """The kinds of an experiment's stages, in the order in which arms go through them."""
    return list(dict.fromkeys(step.kind for arm in scenario.arms.values() for step in arm.steps))


def _named(keys: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The environment and the data set that the keys of a stage or probe name."""
    if isinstance(env := keys.get("env"), str):
        yield "environments", env
    for key in ("data", "split"):
        if isinstance(split := keys.get(key), str):
            yield "data", split.partition(".")[0]
