"""Which probes measure what a stage itself teaches, where nobody has said so."""

from devlearn.records.declared import role_of
from devlearn.records.schema import Keys, ProbeEntry, StageEntry


def is_own(stage: StageEntry, probe: ProbeEntry) -> bool:
    """Whether a probe is of a stage's own: its objective, the return in its environment, accuracy on its data set."""
    own, role = probe.own, role_of(stage)
    if probe.kind == "objective":
        return own.get("stage") == stage.name
    if probe.kind == "return":
        return role == "trial" and own.get("env") == stage.keys.get("env")
    return probe.kind == "accuracy" and role == "supervise" and _data_set(own) == _data_set(stage.keys)


def _data_set(keys: Keys) -> str:
    return str(keys.get("data", "")).partition(".")[0]
