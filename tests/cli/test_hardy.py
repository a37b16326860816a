"""What a shell, a disk or a plug-in may hand us: names that are no UTF-8, damaged files, places that refuse."""

import errno
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devlearn.cli.group import MISTAKES
from devlearn.records import atomic
from devlearn.records.text import MOST
from tests.commands import call, said

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
MAIN = (sys.executable, "-c", "from devlearn.cli import main; main()")
BROKEN = """
import faulthandler, os, signal
from collections.abc import Iterator
from devlearn.plugin import Cohort, Context, Cost, Metrics, Needs, Stage, State, stage

@stage("broken:Broken")
class Broken(Stage):
    \"\"\"Ends in one of several ways.\"\"\"
    role = "innate"
    units = ()
    way: str = "surrogate"

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: object) -> Cost:
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        if self.way == "surrogate":
            raise RuntimeError("\\ud800 bad")
        if self.way == "name":
            raise FileNotFoundError(2, "no such file " + os.fsdecode(b"b\\xff"))
        if self.way == "long":
            raise RuntimeError("x" * 2_000_000)
        crash()
        yield {}

def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
"""


def broken(here: Path, toy: str, way: str) -> None:
    """``broken.yaml`` in the current folder, of whose two arms one fails."""
    (here / "broken.py").write_text(BROKEN)
    text = toy.replace(
        "look: {kind: pretrain.denoise, updates: 4, batch: 8}", f"look: {{kind: 'broken:Broken', way: {way}}}"
    )
    (here / "broken.yaml").write_text(text.replace("seeds: 4", "seeds: 2"))


@pytest.mark.parametrize(("way", "told"), [("surrogate", "\\ud800 bad"), ("name", "no such file b\\xff")])
def test_an_error_that_no_file_could_hold_fails_its_job_alone(here: Path, toy: str, way: str, told: str) -> None:
    broken(here, toy, way)
    result = call("run", "broken.yaml", "--jobs", "1")
    assert result.exit_code == 3, result.output
    assert "failed: looked" in result.output and told in result.output
    states = [json.loads(path.read_text()) for path in (here / "runs/toy").rglob("state.json")]
    assert sorted(state["status"] for state in states) == ["done", "failed"]
    assert [told in state["error"] for state in states if state["error"]] == [True]
    assert "incomplete" in said("compare", "runs/toy")
    assert call("resume", "runs/toy", "--no-report").exit_code == 3


def test_a_long_error_is_told_by_its_beginning_and_whole_in_the_log(here: Path, toy: str) -> None:
    broken(here, toy, "long")
    result = call("run", "broken.yaml", "--jobs", "1", "--no-report")
    assert result.exit_code == 3 and max(map(len, result.output.splitlines())) < 2 * MOST
    assert "characters; all of it stands in the log)" in result.output and "its log: runs/toy/jobs" in result.output
    (state,) = (
        json.loads(path.read_text()) for path in (here / "runs/toy").rglob("state.json") if "xxx" in path.read_text()
    )
    assert len(state["error"]) < 2 * MOST
    assert any("x" * 2_000_000 in path.read_text() for path in (here / "runs/toy").rglob("log.txt"))


def test_of_a_crash_the_innermost_line_of_python_is_told(here: Path, toy: str) -> None:
    broken(here, toy, "crash")
    result = call("run", "broken.yaml", "--jobs", "1", "--no-report")
    line = BROKEN.splitlines().index("    os.kill(os.getpid(), signal.SIGSEGV)") + 1
    assert result.exit_code == 3 and f"(killed by SIGSEGV): in crash ({here}/broken.py:{line})" in result.output
    assert "Extension modules" not in result.output


def in_another_process(*arguments: str | bytes, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*MAIN, *arguments], env={**os.environ, **environment}, capture_output=True, timeout=300)


def test_a_folder_whose_name_is_no_utf8_is_run_in(here: Path) -> None:
    done = in_another_process("run", "toy.yaml", "--seeds", "2", "--out", b"b\xffd")
    assert done.returncode == 0, done.stderr
    folder = here / os.fsdecode(b"b\xffd")
    assert (folder / "report.html").exists() and "b\\xffd" in json.loads((folder / "manifest.json").read_text())[
        "command"
    ]


def test_a_locale_without_umlauts_runs_resumes_and_reports_files_that_have_them(here: Path, toy: str) -> None:
    (here / "päth").mkdir()
    (here / "päth/ünï.yaml").write_text(toy)
    done = in_another_process("run", "päth/ünï.yaml".encode(), "--seeds", "2", "--out", "päth/öut".encode(), **PLAIN)
    assert done.returncode == 0, done.stderr
    specs = [json.loads(path.read_text()) for path in (here / "päth/öut").rglob("job.json")]
    assert all(spec["path"] == [str(here), str(here / "päth")] for spec in specs) and len(specs) == 2
    assert said("resume", "päth/öut", "--no-report")
    again = in_another_process("resume", "päth/öut".encode(), **PLAIN)
    assert again.returncode == 0, again.stderr


def test_a_scenario_beside_plug_ins_that_no_job_could_find_again_is_refused(here: Path, toy: str) -> None:
    folder = here / os.fsdecode(b"n\xff")
    folder.mkdir()
    (folder / "toy.yaml").write_text(toy)
    result = call("run", str(folder / "toy.yaml"))
    assert result.exit_code == 2 and "n\\xff: its name is not UTF-8" in result.output
    assert not (here / "runs").exists()


def test_every_mistake_is_listed_where_it_is_defined() -> None:
    for module, name in MISTAKES.items():
        assert getattr(importlib.import_module(module), name).__module__ == module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, toy: str) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("hardy")
    (folder / "toy.yaml").write_text(toy)
    assert call("run", folder / "toy.yaml", "--seeds", "2", "--no-report", "--out", folder / "run").exit_code == 0
    return folder / "run"


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"status": "do', "\udcff"])
@pytest.mark.parametrize("name", ["state.json", "job.json", "manifest.json", "resolved.json"])
@pytest.mark.parametrize("command", ["resume", "compare", "report", "export"])
def test_a_damaged_file_is_named_in_one_sentence(run: Path, command: str, name: str, text: str) -> None:
    path = next(iter(sorted(run.rglob(name))))
    if (command, name) == ("resume", "state.json"):
        return  # it is put aside: the test below
    before = path.read_bytes()
    path.write_bytes(text.encode(errors="surrogateescape"))
    try:
        result = call(command, str(run))
    finally:
        path.write_bytes(before)
    assert result.exit_code == 2 and f"{path}: " in result.stderr, result.output
    assert len(result.stderr.splitlines()) == 1 + (command == "resume"), result.stderr


@pytest.mark.parametrize("name", ["state.json", "progress.json", "cores.json"])
def test_a_file_that_tells_how_far_a_job_is_is_put_aside_and_the_run_goes_on(run: Path, name: str) -> None:
    path = next(iter(sorted(run.rglob("job.json")))).with_name(name)
    before, answer = (run / "comparison.json").read_bytes(), path.read_bytes()
    for number, damaged in enumerate((answer[: len(answer) // 2], b"[]")):
        path.write_bytes(damaged)
        result = call("resume", run, "--no-report")
        assert result.exit_code == 0 and f"{path}: " in result.stderr, result.output
        assert path.with_name(f"{name}.damaged{number or ''}").read_bytes() == damaged
    assert (run / "comparison.json").read_bytes() == before


def test_a_job_whose_records_or_folder_are_gone_is_trained_anew_as_the_words_say(run: Path, tmp_path: Path) -> None:
    copy, scenario = Path(shutil.copytree(run, tmp_path / "copy")), run.parent / "toy.yaml"
    answer = json.loads((run / "comparison.json").read_text())["arms"]
    job = next(path.parent for path in sorted(copy.rglob("state.json")))
    shutil.rmtree(job / "records")
    result = call("compare", copy)
    assert result.exit_code == 2 and f"{job}/records/" in result.stderr and "delete this job's folder" in result.stderr
    shutil.rmtree(job)
    job.write_text("")
    for again in (("resume", copy), ("run", scenario, "--seeds", "2", "--out", copy)):
        result = call(*again, "--no-report")
        assert result.exit_code == 2 and f"{job}: a file stands in the place of this folder" in result.stderr
    job.unlink()
    assert call("run", scenario, "--seeds", "2", "--out", copy, "--no-report").exit_code == 0
    for name, arm in json.loads((copy / "comparison.json").read_text())["arms"].items():
        assert arm["values"] == answer[name]["values"]


def test_a_version_that_is_no_number_is_damage(run: Path) -> None:
    path = run / "seen.json"
    before = path.read_text()
    path.write_text(json.dumps({**json.loads(before), "format": [[]]}))
    result = call("compare", run)
    path.write_text(before)
    assert (
        result.exit_code == 2 and f"{path}: format: [[]] is no version; it was changed; move it away" in result.stderr
    )


def test_a_damaged_comparison_is_told_before_seeds_are_added(run: Path) -> None:
    path = run / "comparison.json"
    before = path.read_bytes()
    for text in ("", "[]", '{"arms": 3}'):
        path.write_text(text)
        result = call("run", run.parent / "toy.yaml", "--out", run)
        assert result.exit_code == 2 and f"{path}: no " in result.output
    path.write_bytes(before)


def refuse(*arguments: Any, **keys: Any) -> None:
    raise PermissionError(errno.EACCES, "Permission denied", "/archive/run/report.html")


@pytest.mark.parametrize(
    ("command", "place", "mend"),
    [
        (["report", "run"], "devlearn.report.page.write_text", "use a copy of the run in another folder"),
        (["resume", "run"], "devlearn.runs.prepare.locked", "use a copy of the run in another folder"),
        (["export", "run"], "devlearn.report.export.formats.note_written", "use another folder with --out"),
        (["new", "env", "Maze"], "pathlib.Path.write_text", "use another folder"),
        (["compare", "run"], "devlearn.records.reader.read_spec", "use another folder"),
    ],
)
def test_a_place_that_refuses_is_named(
    run: Path, command: list[str], place: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    monkeypatch.setattr(place, refuse)
    result = call(*command)
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1] == f"/archive/run/report.html: Permission denied; mend that, or {mend}"


def test_a_file_that_is_written_is_named_itself_not_its_part(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError) as found:
        atomic.write_text(tmp_path / "file" / "a.json", "")
    assert found.value.filename == str(tmp_path / "file" / "a.json")


def test_an_error_that_may_be_a_bug_keeps_its_traceback(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")

    monkeypatch.setattr("devlearn.runs.run.read_resolved", fail)
    with pytest.raises(FileNotFoundError):
        call("report", str(run))


def test_a_scenario_without_probes_is_run_for_its_weights_and_says_so_before(here: Path, toy: str) -> None:
    text = toy[: toy.index("probes:")]
    (here / "blind.yaml").write_text(text)
    result = call("run", "blind.yaml", "--seeds", "2", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "has no probes" in result.stderr and "records: runs/toy" in result.stdout
    assert len(list(here.glob("runs/toy/jobs/*/*/artifacts/end.pt"))) == 2


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere(here: Path, streams: str) -> None:
    """As under some cron: a file that is opened later would take their place."""
    command = f'"{sys.executable}" -m devlearn run toy.yaml --seeds 2 --out own {streams}'
    assert subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=300).returncode == 0
    assert (here / "own" / "report.html").exists()


def test_a_current_folder_that_is_gone_is_told(here: Path) -> None:
    (here / "gone").mkdir()
    for command in (["run", str(here / "toy.yaml"), "--out", str(here / "own")], ["check", str(here / "toy.yaml")]):
        line = f'rmdir ../gone; exec "{sys.executable}" -P -m devlearn "$@"'
        done = subprocess.run(["bash", "-c", line, "-", *command], cwd=here / "gone", capture_output=True, text=True)
        assert done.returncode == 2 and "was deleted or moved away; go to another (cd)" in done.stderr, done.stderr
        (here / "gone").mkdir(exist_ok=True)


def test_exports_of_records_that_were_changed_say_so(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    table = next(iter(sorted(copy.rglob("seconds.csv")))).with_name("train.csv")
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    for command in (("export", copy), ("genome", copy, "plain")):
        result = call(*command, "--out", tmp_path / command[0])
        assert result.exit_code == 0 and "the records are not what they were when their jobs were done" in result.stderr
        whole = call(command[0], run, *command[2:], "--out", tmp_path / f"whole-{command[0]}")
        assert whole.exit_code == 0 and "warning" not in whole.stderr


def test_a_moved_run_is_made_whole_where_it_is_now(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "moved"))
    shutil.rmtree(next(path.parent for path in sorted(copy.rglob("state.json"))))
    result = call("resume", copy)
    assert result.exit_code == 2 and f"--out {copy}` once more" in result.stderr
    (copy / "resolved.json").unlink()
    result = call("compare", copy)
    assert result.exit_code == 2 and f"{copy}/resolved.json is gone; run its scenario again" in result.stderr


def test_demonstrations_are_refused_before_they_are_lived(here: Path) -> None:
    result = call("demonstrate", "no-such-env-v0", "--out", "/proc/x.npz")
    assert result.exit_code == 2 and "/proc can't be written into" in result.stderr
