"""The first scenario's question asked of other images, without an edit outside the scenario."""

import json
from pathlib import Path
from typing import Any

import pytest

import devlearn

TOY: dict[str, Any] = {
    "stages.waves.updates": 2,
    "stages.waves.batch": 4,
    "stages.look.updates": 2,
    "stages.look.batch": 8,
    "stages.play.env_steps": 1024,
    "stages.school.updates": 4,
    "stages.school.batch": 16,
    "probes.digits.every": 2,
    "probes.held.every": 2,
    "brain.width": [16, 8],
}


@pytest.mark.parametrize("name", ["tests.synthetic:Photos", pytest.param("digits", marks=pytest.mark.slow)])
def test_first_steps_comes_to_a_verdict_on_other_images(name: str, tmp_path: Path) -> None:
    """8 x 8 in grey, and 32 x 32 in colour; the learner plays with MNIST's digits all the same."""
    settings = {
        "stages.waves.sense": name,
        "stages.look.data": f"{name}.train",
        "stages.school.data": f"{name}.train",
        "probes.digits.data": f"{name}.test",
        "probes.held.data": f"{name}.valid",
        "probes.fields.sense": name,
    }
    out = tmp_path / "run"
    run = devlearn.run("first_steps", seeds=2, out=out, set={**TOY, **settings}, progress=False, report=False, jobs=1)
    found = run.compare().document()
    assert {entry["arm"] for entry in found["comparisons"]} == {"developmental"} and len(found["comparisons"]) == 4
    assert all(entry["verdict"] for entry in found["comparisons"])
    assert all(0 <= value <= 1 for arm in found["arms"].values() for value in arm["values"].values())
    resolved = json.loads((out / "resolved.json").read_text())
    stages = {stage["name"]: stage for stage in resolved["points"][0]["arms"]["developmental"]["stages"]}
    assert stages["school"]["trained"] == [f"{name}.train"] and not stages["waves"].get("trained")
    assert stages["waves"]["keys"]["sense"] == name
