"""Which program trains a job: the source of plug-ins, with what it imports, and the versions of what computes."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence.statistics import holm
from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.schema import How, JobState, Manifest
from devlearn.runs import provenance

HOW = How(command="devlearn run x.yaml", overrides=(), path=(), device="cpu")


def spec(*envs: str, brain: str = "mlp", kind: str = "trial.ppo") -> dict[str, Any]:
    """What job.json says of its plug-ins."""
    stages = [{"kind": kind, "keys": {"env": env}} for env in envs]
    return {"brain": {"kind": brain}, "stages": stages, "probes": {"skill": {"kind": "return", "env": envs[0]}}}


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the module path with an environment, what it imports, and what it does not."""
    folder = tmp_path / "code"
    (folder / "deep").mkdir(parents=True)
    (folder / "maze_env.py").write_text("import numpy\nfrom walls import build\nENTRY = 'deep.inner:Maze'\n")
    (folder / "walls.py").write_text("def build():\n    import bricks\n")
    (folder / "bricks.py").write_text("CLAY = 1\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "inner.py").write_text("from . import sibling\nfrom .sibling import x\n")
    (folder / "deep" / "sibling.py").write_text("x = 1\n")
    (folder / "other.py").write_text("raise RuntimeError('nobody named this')\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    provenance.importable(folder)
    return folder


def sources(*envs: str) -> dict[str, dict[str, str]]:
    found = provenance.programs_of({"job": spec(*envs)})["job"].sources
    assert found is not None
    return found


def test_a_source_is_the_module_and_what_it_imports_beside_it(beside: Path) -> None:
    assert set(sources("maze_env:Maze-v0")["maze_env"]) == {
        "maze_env.py", "walls.py", "bricks.py", "deep/__init__.py", "deep/inner.py", "deep/sibling.py",
    }  # fmt: skip


def test_ours_and_installed_ones_are_told_by_their_versions(beside: Path) -> None:
    assert sources("devlearn/DigitReach-v0", "CartPole-v1") == {}
    assert provenance.programs_of({"job": spec("CartPole-v1", brain="devlearn.x:Y")})["job"].sources == {}
    found = sources("CartPole-v1", "rich.color:X-v0")["rich.color"]
    assert "rich/color.py" in found and all(name.startswith("rich/") for name in found)


def test_the_files_of_a_module_are_found_without_running_it(beside: Path) -> None:
    assert set(sources("other:Other-v0")["other"]) == {"other.py"}


def written(run: RunFolder, specs: dict[str, dict[str, Any]], done: tuple[str, ...]) -> Manifest:
    """A run whose ``done`` jobs have been trained by the program that there was."""
    run.root.mkdir(exist_ok=True)
    found = provenance.manifest(run, "digest", HOW, specs, 2)
    write_json(run.manifest, found.content())
    for name in done:
        run.job(name).end.parent.mkdir(parents=True, exist_ok=True)
        run.job(name).end.touch()
        write_json(run.job(name).state, JobState(status="done").content())
    return found


def test_a_change_is_named_where_jobs_that_share_it_are_still_to_be_trained(beside: Path, tmp_path: Path) -> None:
    run, maze, other = RunFolder(tmp_path / "run"), spec("maze_env:Maze-v0"), spec("CartPole-v1")
    first = {"jobs/a/seeds-0": maze, "jobs/b/seeds-0": other}
    written(run, first, tuple(first))
    more = {**first, "jobs/a/seeds-1": maze}
    assert provenance.changes(run, more) == provenance.outdated(run, more) == []
    (beside / "bricks.py").write_text("CLAY = 2\n")
    assert provenance.changes(run, more) == ["bricks.py of maze_env was changed since jobs/a/seeds-0 began"]
    assert provenance.changes(run, first) == []  # nothing is trained any more
    assert provenance.outdated(run, first) == ["bricks.py of maze_env was changed since jobs/a/seeds-0 was trained"]
    assert provenance.outdated(run, {"jobs/b/seeds-0": other}) == []  # nor does this use it
    assert provenance.changes(run, {**first, "jobs/b/seeds-1": other}) == []  # it does not use what has changed


def test_each_job_keeps_its_own_program(beside: Path, tmp_path: Path) -> None:
    run, maze = RunFolder(tmp_path / "run"), spec("maze_env:Maze-v0")
    before = written(run, {"jobs/a/seeds-0": maze}, ("jobs/a/seeds-0",)).jobs["jobs/a/seeds-0"]
    (beside / "walls.py").write_text("")
    after = written(run, {"jobs/a/seeds-0": maze, "jobs/a/seeds-1": maze}, ())
    assert after.jobs["jobs/a/seeds-0"] == before and after.jobs["jobs/a/seeds-1"] != before
    old, new = (after.programs[name].sources for name in (*before, *after.jobs["jobs/a/seeds-1"]))
    assert old is not None and new is not None and "bricks.py" in old["maze_env"] and "bricks.py" not in new["maze_env"]


def test_a_job_that_goes_on_with_another_program_has_both(beside: Path, tmp_path: Path) -> None:
    run, specs = RunFolder(tmp_path / "run"), {"jobs/a/seeds-0": spec("maze_env:Maze-v0")}
    written(run, specs, ())
    run.job("jobs/a/seeds-0").checkpoints.mkdir(parents=True)
    (run.job("jobs/a/seeds-0").checkpoints / "00000001.pt").touch()
    (beside / "walls.py").write_text("")
    changed = [change.split()[0] for change in provenance.changes(run, specs)]
    assert changed == ["bricks.py", "walls.py"]  # walls no longer imports bricks
    assert len(written(run, specs, ()).jobs["jobs/a/seeds-0"]) == 2


def test_another_version_is_a_change_in_folders_of_any_age(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, specs = RunFolder(tmp_path / "run"), {"jobs/a/seeds-0": spec("CartPole-v1")}
    written(run, specs, ("jobs/a/seeds-0",))
    more, here = {**specs, "jobs/a/seeds-1": spec("CartPole-v1")}, dict(provenance._versions())
    monkeypatch.setattr(provenance, "_versions", lambda: {**here, "torch": "0.1"})
    said = [f"torch was {here['torch']} and is 0.1 since jobs/a/seeds-0 began"]
    assert provenance.changes(run, more) == said
    old = {"command": "c", "digest": "d", "versions": here, "machine": {}}  # before jobs stood in the manifest
    write_json(run.manifest, old)
    assert provenance.changes(run, more) == said


def test_a_worker_sees_that_its_plug_in_was_changed_after_the_plan(beside: Path, tmp_path: Path) -> None:
    run, maze = RunFolder(tmp_path / "run"), spec("maze_env:Maze-v0")
    written(run, {"jobs/a/seeds-0": maze}, ())
    provenance.check_unchanged(run.job("jobs/a/seeds-0"), maze)
    (beside / "bricks.py").write_text("CLAY = 3\n")
    with pytest.raises(ValueError, match=r"bricks.py of maze_env was changed while .* --accept-changes"):
        provenance.check_unchanged(run.job("jobs/a/seeds-0"), maze)


def test_folders_are_looked_into_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    assert provenance.importable(tmp_path, tmp_path) == [str(tmp_path)]
    assert sys.path == [*before, str(tmp_path)]


HELPER = "def fill(size):\n    return bytes(size)\n"
CULPRIT = """
import json
from chalk_box import fill
def teach(text):
    return json.loads(text)
def draw():
    fill("red")
def hide():
    try:
        draw()
    except TypeError as error:
        raise RuntimeError("no more chalk") from error
"""


def test_the_innermost_line_of_a_plug_in_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chalk_box.py").write_text(HELPER)
    (tmp_path / "chalk_stage.py").write_text(CULPRIT)
    monkeypatch.syspath_prepend(str(tmp_path))
    chalk: Any = importlib.import_module("chalk_stage")
    found = []
    for call in (lambda: chalk.teach("{"), chalk.draw, chalk.hide):
        with pytest.raises(Exception) as raised:
            call()
        found.append(provenance.culprit(raised.value, None))
    lines = ["chalk_stage.py:5", "chalk_box.py:2", "chalk_box.py:2"]  # json's own lines are nobody's, a cause is deeper
    assert found == [str(tmp_path / line) for line in lines]


def test_ours_and_libraries_are_no_culprits_unless_the_job_names_them() -> None:
    import numpy

    with pytest.raises(TypeError) as ours:
        holm(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError) as theirs:
        numpy.linspace(0, "x")  # type: ignore[call-overload]
    for raised in (ours, theirs):
        raised.value.with_traceback(raised.tb.tb_next)  # without this file's own line
        assert provenance.culprit(raised.value, None) == ""
    named = {"brain": {}, "probes": {}, "stages": [{"kind": "numpy.lib:Stage"}]}
    assert "numpy" in provenance.culprit(theirs.value, named) and provenance.culprit(ours.value, named) == ""
