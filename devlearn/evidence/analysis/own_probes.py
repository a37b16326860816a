"""Which probes measure what a stage itself teaches, where nobody has said so."""

from collections.abc import Mapping

from devlearn.records.declared import role_of
from devlearn.records.schema import Keys, ProbeEntry, StageEntry

TASK = ("view", "classes", "relabel")  # what tells tasks of one data set apart


def own_probes(stage: StageEntry, probes: Mapping[str, ProbeEntry]) -> list[str]:
    """The probes of a stage's own: its objective, the return in its environment, accuracy on its data set.

    Where some of these accuracies are of the very task that it teaches, only those: of twenty tasks that are made of
    one data set each has its own.
    """
    own = [name for name, probe in probes.items() if _is_own(stage, probe)]
    asked = [name for name in own if probes[name].kind == "accuracy"]
    same = [name for name in asked if _task(probes[name].own) == _task(stage.keys)]
    return [name for name in own if name in same or name not in asked or not same]


def _is_own(stage: StageEntry, probe: ProbeEntry) -> bool:
    own, role = probe.own, role_of(stage)
    if probe.kind == "objective":
        return own.get("stage") == stage.name
    if probe.kind == "return":
        return role == "trial" and own.get("env") == stage.keys.get("env")
    return probe.kind == "accuracy" and role == "supervise" and _data_set(own) == _data_set(stage.keys)


def _data_set(keys: Keys) -> str:
    return str(keys.get("data", "")).partition(".")[0]


def _task(keys: Keys) -> list[object]:
    return [keys.get(name) for name in TASK]
