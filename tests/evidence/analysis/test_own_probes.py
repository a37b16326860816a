"""A stage's own probe: of several tasks of one data set only that which it teaches."""

import pytest

from devlearn.evidence.analysis.own_probes import own_probes
from devlearn.records.schema import ProbeEntry, StageEntry

TURNED = {"permute": 1, "rotate": 0.0}
PROBES = {
    "plain": {"kind": "accuracy", "data": "mnist.test"},
    "turned": {"kind": "accuracy", "data": "mnist.test", "view": TURNED},
    "few": {"kind": "accuracy", "data": "mnist.valid", "classes": [0, 1]},
    "other": {"kind": "accuracy", "data": "digits.test"},
    "loss": {"kind": "objective", "stage": "school"},
}


@pytest.mark.parametrize(
    ("keys", "own"),
    [
        ({}, ["plain", "loss"]),
        ({"view": TURNED}, ["turned", "loss"]),
        ({"classes": [0, 1]}, ["few", "loss"]),
        ({"classes": [2, 3]}, ["plain", "turned", "few", "loss"]),  # none is of this task: all of its data set are
    ],
)
def test_of_tasks_of_one_data_set_each_has_its_own(keys: dict[str, object], own: list[str]) -> None:
    taught = {"data": "mnist.train", **keys}
    stage = StageEntry.model_validate({"name": "school", "kind": "supervise", "keys": taught, "role": "supervise"})
    found = own_probes(stage, {name: ProbeEntry.model_validate({"metrics": {}, **one}) for name, one in PROBES.items()})
    assert found == own
