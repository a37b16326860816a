"""The example package is what its page says: installed as any other, its plug-ins go by their names everywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "docs" / "example_package"
TOY = ("stages.play.env_steps=1024", "stages.school.updates=4", "probes.right.every=2", "probes.found.episodes=2")
CHECKS = (
    ("stage", "example.quiet"),
    ("brain", "example.slim"),
    ("probe", "example.sure", "--key", "data=example_bars.test"),
    ("data", "example_bars"),
    ("env", "example/Ring-v0"),
    ("scenario", "example.yaml"),
)
# The commands of one process: each line of its arguments is one, and what it ends with comes behind what it says.
COMMANDS = """
import sys
from click.testing import CliRunner
from devlearn.cli import main
for line in sys.argv[1:]:
    result = CliRunner().invoke(main, line.split())
    print(result.output + f"ends with {result.exit_code}: {line}")
"""


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index", *arguments]
    made = subprocess.run([*command, "--disable-pip-version-check"], capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed into, and nothing else."""
    pytest.importorskip("hatchling", reason="hatchling, of the group test, is not installed")
    source, target = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("target")
    shutil.copytree(PACKAGE, source)
    pip("--target", str(target), str(source))
    return target


def told(target: Path, folder: Path, *lines: str) -> str:
    """What commands say in ``folder`` where the package is installed."""
    shutil.copy(PACKAGE / "example.yaml", folder)
    path = os.pathsep.join(map(str, (target, ROOT, ROOT / "envs")))
    found = subprocess.run(
        [sys.executable, "-c", COMMANDS, *lines],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_every_plug_in_is_listed_and_keeps_its_laws(installed: Path, tmp_path: Path) -> None:
    listed = [f"list {group}" for group in ("stages", "brains", "probes", "data")]
    said = told(installed, tmp_path, *listed, *(" ".join(("check", *words)) for words in CHECKS))
    assert said.count("ends with 0") == len(listed) + len(CHECKS), said
    for line in (
        "example.quiet             Makes every weight smaller",
        "example.slim",
        "example.sure",
        "example_bars",
    ):
        assert line.split("  ")[0] in said
    assert "stage example.quiet: keeps all" in said and "env example/Ring-v0: keeps all 14 laws" in said


def test_a_scenario_names_them_and_comes_to_a_verdict(installed: Path, tmp_path: Path) -> None:
    settings = " ".join(f"--set {setting}" for setting in TOY)
    said = told(installed, tmp_path, f"run example.yaml --seeds 2 --jobs 1 --no-report {settings}")
    assert "ends with 0" in said, said
    run = tmp_path / "runs" / "example"
    assert set(json.loads((run / "comparison.json").read_text())["arms"]) == {"random-init", "quiet", "player"}
    programs = json.loads((run / "manifest.json").read_text())["programs"].values()
    sources = {file for program in programs for files in program["sources"].values() for file in files}
    own = {f"devlearn_example/{name}.py" for name in ("__init__", "quiet", "slim", "sure", "bars", "ring")}
    assert sources >= own


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("quiet", "devlearn_example.quiet:Quiet of the package devlearn-example 0.1.0 can't be imported: ZeroDivision"),
        ("slim", "devlearn_example.slim:Slim of the package devlearn-example 0.1.0 can't be imported: ZeroDivision"),
        ("bars", "devlearn_example.bars:Bars of the package devlearn-example 0.1.0 can't be imported: ZeroDivision"),
        ("ring", "devlearn_example.ring of the package devlearn-example 0.1.0 can't be imported: ZeroDivisionError"),
    ],
)
def test_a_package_that_can_not_be_imported_is_named(installed: Path, tmp_path: Path, file: str, says: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(installed, broken)
    (broken / "devlearn_example" / f"{file}.py").write_text("1 / 0\n")
    said = told(broken, tmp_path, "check scenario example.yaml")
    assert says in said and "ends with 2" in said, said
