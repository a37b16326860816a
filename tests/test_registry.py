"""Plug-ins by ``module:Name``: a failed import is told by its cause and place, a misspelt name by its neighbour."""

import statistics
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from click.testing import CliRunner

from devlearn import registry
from devlearn.cli import main
from devlearn.registry import NoPlugin, get

STAGE = """
from devlearn.plugin import Stage, stage

@stage("KIND")
class Noisy(Stage):
    role = "pretrain"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that modules are imported from, last of all, and that is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path  # type: ignore[misc]
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def said(name: str, group: str = "stages") -> str:
    with pytest.raises(NoPlugin) as caught:
        get(group, name)
    return str(caught.value)


def test_the_cause_of_a_failed_import_comes_first_with_its_line(here: Path) -> None:
    (here / "noisy_stage.py").write_text("import math\nimport sklern\n")
    cause = "ModuleNotFoundError: No module named 'sklern'"
    assert said("noisy_stage:Noisy") == f"'noisy_stage:Noisy' can't be imported: {cause} ({here / 'noisy_stage.py'}:2)"


def test_whatever_a_module_raises_is_told_and_where_it_is_written_wrongly(here: Path) -> None:
    (here / "sick_stage.py").write_text("\n1 / 0\n")
    assert said("sick_stage:Sick").endswith(f"ZeroDivisionError: division by zero ({here / 'sick_stage.py'}:2)")
    (here / "torn_stage.py").write_text("class Torn(\n")
    assert "SyntaxError: '(' was never closed (torn_stage.py, line 1)" in said("torn_stage:Torn")


def test_a_misspelt_module_and_a_misspelt_class_have_their_neighbours(here: Path) -> None:
    (here / "noisy_stage.py").write_text(STAGE.replace("KIND", "noisy_stage:Noisy"))
    assert said("noisy_stag:Noisy") == (
        "'noisy_stag:Noisy': No module named 'noisy_stag'; did you mean 'noisy_stage:Noisy'?"
    )
    assert said("zzzzzzzzz:Noisy").endswith(
        "No module named 'zzzzzzzzz'; is its file beside the scenario, or in the current folder?"
    )
    assert said("noisy_stage:Noissy") == (
        f"'noisy_stage:Noissy': {here / 'noisy_stage.py'} has no 'Noissy'; did you mean 'noisy_stage:Noisy'?"
    )


@pytest.mark.parametrize(("name", "own"), [("Rotations", "MODULE:Rotations"), ("turned.Rotations", "turned:Rotations")])
def test_a_class_without_its_module_is_told_how_it_is_written(name: str, own: str) -> None:
    assert said(name).endswith(f"(one of your own is written {own})")


def test_a_file_named_as_a_module_that_comes_first_is_told_which(here: Path) -> None:
    (here / "statistics.py").write_text(STAGE)
    found = said("statistics:Noisy")
    assert f"another module of that name was found first: {statistics.__file__}" in found
    assert found.endswith(f"give {here / 'statistics.py'} a name of its own")


def test_two_files_of_one_kind_are_both_named(here: Path) -> None:
    (here / "first_stage.py").write_text(STAGE.replace("KIND", "made-up.twice"))
    (here / "other_stage.py").write_text(STAGE.replace("KIND", "made-up.twice"))
    get("stages", "first_stage:Noisy")
    try:
        found = said("other_stage:Noisy")
    finally:
        registry._tables["stages"].pop("made-up.twice")
    assert f"two stages are called 'made-up.twice', Noisy of {here / 'first_stage.py'} and Noisy of" in found
    assert str(here / "other_stage.py") in found


@pytest.mark.parametrize("arguments", [["check", "stage", "sick_stage:Sick"], ["check", "executor", "sick_stage:Sick"]])
def test_a_module_that_fails_is_no_traceback(here: Path, arguments: list[str]) -> None:
    (here / "sick_stage.py").write_text("1 / 0\n")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "sick_stage.py:1)" in result.output and "Traceback" not in result.output


def test_a_misspelt_executor_has_its_neighbour(here: Path) -> None:
    (here / "idle.py").write_text("class Idle: ...\n")
    (here / "toy.yaml").write_text("devlearn: 1\n")
    assert said("idle:Idel", "executors").endswith("has no 'Idel'; did you mean 'idle:Idle'?")


def test_a_name_that_two_packages_offer_is_none_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("noisy", f"{module}:Noisy", "devlearn.stages") for module in ("absent_a", "absent_b")]
    monkeypatch.setattr(registry, "installed", lambda _: EntryPoints(points))
    assert "absent_a:Noisy of an installed package and absent_b:Noisy" in said("noisy")
    assert said("noisy").endswith("uninstall one of these packages")
    monkeypatch.setattr(registry, "installed", lambda _: EntryPoints(points[:1]))
    assert said("noisy").startswith("absent_a:Noisy of an installed package can't be imported: ModuleNotFoundError")


def test_a_name_that_no_file_could_have_is_unknown() -> None:
    assert said("a" * 300).startswith("unknown stage")


@pytest.mark.parametrize(("name", "module"), [("trial.ppo", "trial.ppo"), ("supervise", "supervise.cross_entropy")])
def test_a_plug_in_is_found_without_the_others(name: str, module: str) -> None:
    program = (
        f"import sys; from devlearn import registry; assert registry.get('stages', {name!r}).kind == {name!r}; "
        f"assert 'devlearn.stages.{module}' in sys.modules and 'devlearn.stages.trial.dqn' not in sys.modules; "
        "assert 'trial.dqn' in registry.names('stages')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", ["..registry", "shared", "innate", "trial/ppo", "", "devlearn.registry"])
def test_a_name_that_is_a_modules_and_no_plug_ins_is_unknown(name: str) -> None:
    assert said(name).startswith(f"unknown stage {name!r}")
