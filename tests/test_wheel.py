"""What is in the wheels, devlearn's and the example package's: all of their own, and nothing else."""

import shutil
import tomllib
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling, of the group test, is not installed")
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
WITHIN = {  # the folders of the checkout, and where their files stand in the wheel
    "devlearn": "devlearn",
    "envs/devlearn_envs": "devlearn_envs",
    "scenarios": "devlearn/scenarios",
    "docs/results": "devlearn/results",
}
USERS = {"box2d", "mujoco", "data", "minari", "parquet", "tensorboard", "mlflow", "wandb", "safetensors", "onnx"}


def built(root: Path, into: Path) -> zipfile.ZipFile:
    (path,) = WheelBuilder(str(root)).build(directory=str(into))
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return built(ROOT, tmp_path_factory.mktemp("wheel"))


def contents(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def files(folder: Path) -> Iterable[str]:
    return (
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def test_a_wheel_holds_every_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    assert contents(wheel) == {f"{there}/{name}" for here, there in WITHIN.items() for name in files(ROOT / here)}


def test_its_metadata_are_those_of_the_project(wheel: zipfile.ZipFile) -> None:
    told = metadata(wheel)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert told["Name"] == "devlearn" and told["Requires-Python"] == project["requires-python"]
    for key in ("Author", "Keywords", "License-Expression", "Summary", "Description-Content-Type"):
        assert told[key], key
    assert told.get_all("Classifier") == project["classifiers"]
    extras = set(told.get_all("Provides-Extra") or ())
    assert extras == set(project["optional-dependencies"]) >= USERS  # what developers install is in groups
    assert {Path(name).name for name in told.get_all("License-File") or ()} == {"LICENSE", "NOTICE.md"}


def test_the_example_package_holds_its_plug_ins_and_their_entry_points(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "example_package", tmp_path / "package")
    wheel = built(tmp_path / "package", tmp_path / "dist")
    own = tmp_path / "package" / "devlearn_example"
    assert contents(wheel) == {f"devlearn_example/{name}" for name in files(own)}
    (points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    for group in ("stages", "brains", "probes", "data", "envs"):
        assert f"[devlearn.{group}]" in wheel.read(points).decode()
    assert metadata(wheel)["Requires-Dist"].startswith("devlearn")
