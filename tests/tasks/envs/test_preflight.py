"""Before a module of somebody's is imported here, its import has come back elsewhere."""

import sys
from pathlib import Path

import pytest

from devlearn.tasks.envs import WorldError, preflight
from tests.commands import call, said

SCENARIO = """
devlearn: 1
scenario: hung
seeds: 2
brain: {{kind: mlp, width: [8]}}
stages:
  play: {{kind: trial.ppo, env: {env}, wrappers: [{wrapper}], env_steps: 64}}
arms: {{plain: [play]}}
"""
HANGS = "import time\ntime.sleep(1000)\n"
ENDS = "import os\nos._exit(3)\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "IMPORT_TIMEOUT", 2.0)


@pytest.mark.parametrize(
    ("module", "source", "says"),
    [
        ("hung_by", HANGS, "importing hung_by has not returned after 2 seconds"),
        ("ended_by", ENDS, "its process ended (exit status 3) inside importing ended_by"),
    ],
)
@pytest.mark.parametrize("where", ["env", "wrapper"])
def test_an_import_that_does_not_come_back_is_told_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str, says: str, where: str
) -> None:
    module, says = f"{module}_{where}", says.replace(module, f"{module}_{where}")
    (tmp_path / f"{module}.py").write_text(source)
    named = {"env": "CartPole-v1", "wrapper": "FlattenObservation", where: f"{module}:Thing-v0"}
    (tmp_path / "hung.yaml").write_text(SCENARIO.format(**named))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    told = said("check", "scenario", "hung.yaml", code=2)
    assert told.count(says) == 1 and "hung.yaml:7:" in told
    assert module not in sys.modules
    assert call("run", "hung.yaml").exit_code == 2 and not (tmp_path / "runs").exists()


def test_check_env_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hung_alone.py").write_text(HANGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    told = said("check", "env", "hung_alone:Thing-v0", "--seconds", 2, code=1)
    assert "importing hung_alone has not returned after 1 seconds (it hangs, or what it imports" in told
    assert "; a run waits 60 seconds" in told


def test_a_module_that_was_imported_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "in_own_process", lambda *_: pytest.fail("tried"))
    assert preflight.check_id("gymnasium:CartPole-v1") == "CartPole-v1"
    with pytest.raises(WorldError, match="ran out"):
        monkeypatch.setitem(preflight._import_cut, "gone", "it ran out")
        preflight.check_id("gone:Thing-v0")
