"""The examples keep the laws of their kinds and run, at toy size, from a copy of their folder."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.commands import call

EXAMPLES = Path(__file__).parents[1] / "examples"
TOY = ("stages.school.updates=4", "stages.school.batch=16", "stages.lamps.env_steps=1024", "brain.width=[8]")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def test_the_commands_of_their_page_are_fine(here: Path) -> None:
    page = (here / "README.md").read_text(encoding="utf-8")
    checks = [command.split() for command in re.findall(r"`devlearn (check [^`]+)`", page)]
    assert len(checks) == 2
    for words in [*checks, ["check", "scenario", "sparse_eyes.yaml"]]:
        result = call(*words)
        assert result.exit_code == 0, result.output


def test_the_scenario_runs_to_a_verdict(here: Path) -> None:
    settings = [f"--set={setting}" for setting in TOY]
    result = call("run", "sparse_eyes.yaml", "--seeds", "2", "--jobs", "1", "--no-report", *settings)
    assert result.exit_code == 0, result.output
    found = json.loads((here / "runs/sparse-eyes/comparison.json").read_text(encoding="utf-8"))
    assert set(found["arms"]) == {"random-init", "sparse", "shuffled", "player"}


def test_a_sparse_newborn_keeps_its_norms(here: Path) -> None:
    import torch
    from sparse_prior import Sparse  # type: ignore[import-not-found]

    weights = torch.randn(3, 5, 784, generator=torch.Generator().manual_seed(0))
    thin = Sparse(share=0.1).thinned(weights)
    assert (thin != 0).sum(-1).eq(78).all()
    assert torch.allclose(thin.norm(dim=-1), weights.norm(dim=-1))
