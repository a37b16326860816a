"""A run folder that somebody else wrote: names stay inside it, texts move no terminal, tables hold no formulas."""

import ast
import csv
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import devlearn
from devlearn.records.schema import EvidenceError, JobSpec, Resolved
from devlearn.records.text import printable, without_allocator
from devlearn.report.export.formats import _write_csv
from devlearn.report.export.tables import Table
from tests.commands import call, said

TEXT = """
devlearn: 1
scenario: strange
seeds: 2
brain: {kind: mlp, width: [8]}
stages: {school: {kind: supervise, labels: 20, updates: 2}}
arms: {a: [school], b: [{use: school, set: {lr: 0.01}}]}
probes: {digits: {kind: accuracy, data: mnist.test}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[b, a]]}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strange") / "own"
    folder.mkdir()
    (folder / "strange.yaml").write_text(TEXT)
    said("run", folder / "strange.yaml", "--out", folder / "run", "--no-report", "--jobs", "1")
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def rewrite(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "folder", ["/etc", "../../etc/x", "jobs/../../x", "jobs/a/..", "jobs/a", "jobs/a/b/c", "jobs/a/\0"]
)
def test_a_job_lies_in_its_run(run: Path, folder: str) -> None:
    rewrite(run / "resolved.json", lambda content: content["jobs"][0].update(folder=folder))
    with pytest.raises(EvidenceError, match="is no folder of a job"):
        Resolved.read(run / "resolved.json")
    for command in ("compare", "report", "export", "resume"):
        assert call(command, run).exit_code == 2


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/b", ".", "..", "", "\0", "[/foo]", "[link=x]", "=1+1", "a\x1b[2J", "a\nb"]
)
def test_a_name_names_one_file_and_no_more(run: Path, name: str) -> None:
    def rename(content: Any) -> None:
        content["points"][0]["arms"][name] = content["points"][0]["arms"].pop("a")

    rewrite(run / "resolved.json", rename)
    with pytest.raises(EvidenceError, match="can't be a name"):
        Resolved.read(run / "resolved.json")
    spec = next(run.glob("jobs/*/*/job.json"))
    rewrite(spec, lambda content: content["probes"].update({name: content["probes"].pop("digits")}))
    with pytest.raises(EvidenceError, match="can't be a name"):
        JobSpec.read(spec)


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\x9b31m", "\x7f", "\u202egnp.exe"])
def test_a_text_that_moves_the_terminal_is_refused_and_not_printed(run: Path, text: str) -> None:
    rewrite(run / "resolved.json", lambda content: content.update(about=f"fine {text} words"))
    result = call("compare", run)
    assert result.exit_code == 2 and "holds control characters" in result.stderr
    assert text not in result.output


def test_a_text_may_have_lines_and_every_script(run: Path) -> None:
    rewrite(run / "resolved.json", lambda content: content.update(about="two\nlines\tœuvre ½ “x” 学 <b> [/foo]"))
    assert call("compare", run).exit_code == 0


def test_what_an_environment_says_is_shown_and_not_obeyed() -> None:
    assert printable("a\x1b]0;title\x07b\nc\td\x9b1m") == "a\\x1b]0;title\\x07b\nc\td\\x9b1m"


def test_what_the_allocator_says_is_told_in_words() -> None:
    raw = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    raw += "allocate 65536000000 bytes. Error code 12 (Cannot allocate memory)"
    assert without_allocator(f"play: {raw}; x") == "play: there is no memory for 65.5 GB at once; x"


def test_a_table_holds_no_formula(tmp_path: Path) -> None:
    cells = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd", "\t=1", "-0.5", "+1e-3", "-inf", "plain", 3, -0.5]
    rows = [{"cell": cell} for cell in cells]
    path = _write_csv(Table(("cell",), rows), tmp_path / "t.csv")  # type: ignore[arg-type]
    with path.open(newline="", encoding="utf-8") as file:
        found = [row["cell"] for row in csv.DictReader(file)]
    assert found[0] == "'=1+1" and found[1] == "'@SUM(A1)" and found[2][0] == "'" and found[4] == "'\t=1"
    assert found[5:] == ["-0.5", "+1e-3", "-inf", "plain", "3", "-0.5"]
    assert not [cell for cell in found if cell[0] in "=@\t"]


EVIL = """
import pathlib
pathlib.Path(__file__).with_name("run-by-somebody").touch()
raise RuntimeError("no plug-in at all")
"""


@pytest.fixture
def named(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose every file names the module ``evil_twin``, which lies in the current folder."""
    (run.parent / "evil_twin.py").write_text(EVIL)
    monkeypatch.chdir(run.parent)
    monkeypatch.setattr("sys.path", list(sys.path))

    def corrupt(content: Any) -> None:
        for found in _maps(content):
            if "kind" in found:
                found["kind"] = "evil_twin:Thing"

    for file in (*run.glob("resolved.json"), *run.glob("jobs/*/*/job.json")):
        rewrite(file, corrupt)
    for file in run.glob("jobs/*/*/job.json"):
        rewrite(file, lambda content: content.update(path=[str(run.parent)]))
    return run


def _maps(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for own in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _maps(own)


@pytest.mark.parametrize(
    "command",
    [("compare", "RUN"), ("report", "RUN"), ("export", "RUN"), ("genome", "RUN", "a"), ("list", "stages")],
    ids=lambda command: command[0],
)
def test_a_command_that_reads_runs_no_code_that_the_run_names(named: Path, command: tuple[str, ...]) -> None:
    result = call(*(named if word == "RUN" else word for word in command))
    assert result.exit_code == 0, result.output
    assert not (named.parent / "run-by-somebody").exists() and "evil_twin" not in sys.modules


def test_resume_runs_code_that_the_run_names_and_says_so_first(named: Path) -> None:
    for job in named.glob("jobs/*/*"):
        (job / "state.json").unlink()
        shutil.rmtree(job / "artifacts")
    result = call("resume", named, "--no-report", "--accept-changes", "--jobs", "1")
    assert (named.parent / "run-by-somebody").exists()
    assert "names plug-ins, whose code is run: evil_twin" in result.stderr


def test_nothing_is_unpickled() -> None:
    """Where tensors are loaded, code that a pickle names is refused; arrays are read without."""
    for path in sorted(Path(devlearn.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in getattr(node, "keywords", ())}
            if name == "torch.load":
                assert given["weights_only"] == "True", path
            if name in ("np.load", "np.lib.format.read_array"):
                assert given["allow_pickle"] == "False", path
            if name in ("pickle.load", "pickle.loads"):  # between processes of one run, by pipes that only they hold
                assert path.parent.name == "envs" and path.parent.parent.name == "tasks", path
            assert name not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"), path


def odd(path: Path, kind: str, mine: Path) -> None:
    """Put what is neither a file nor a folder in the place of either."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else mine)


@pytest.mark.parametrize("kind", ["link", "device", "pipe"])
@pytest.mark.parametrize(
    "name",
    [
        *(".lock", "resolved.json", "manifest.json", "comparison.json", "scenario.yaml", "registration.json"),
        *("figures", "figures/digits.svg", "export", "export/probes.csv", "genomes", "tune", "tune/.lock", "jobs"),
        *("JOB/.lock", "JOB/log.txt", "JOB/flight.bin", "JOB/records", "JOB/records/00-school.0/train.csv"),
        *("JOB/records/birth", "JOB/state.json", "JOB/artifacts/end.pt", "JOB/checkpoints"),
    ],
)
def test_nothing_is_read_or_written_through_a_link_a_pipe_or_a_device(
    run: Path, tmp_path: Path, name: str, kind: str
) -> None:
    """What such a link leads to stays as it was, whether it is a file or all that lies in a folder."""
    job, mine = next(run.glob("jobs/*/*")).relative_to(run), tmp_path / "mine"
    mine.mkdir()
    (mine / "diary.csv").write_text("precious")
    place = run / name.replace("JOB", str(job))
    odd(place, kind, mine if place.is_dir() or not place.suffix else mine / "diary.csv")
    for command in ("compare", "report", "export", "resume", ("genome", "a"), ("thin", "--learners")):
        first, *more = (command,) if isinstance(command, str) else command
        found = call(first, run, *more)
        assert found.exit_code == 2 and place.name in found.output
    assert [path.name for path in mine.iterdir()] == ["diary.csv"]
    assert (mine / "diary.csv").read_text() == "precious"


def test_a_run_that_is_opened_by_a_link_is_as_good_as_any(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run)
    assert call("compare", tmp_path / "link").exit_code == 0


def test_a_pipe_in_a_neighbour_is_not_waited_for(run: Path) -> None:
    for name in (".devlearn", "resolved.json"):
        neighbour = run.parent / f"neighbour{name}"
        shutil.copytree(run, neighbour)
        odd(neighbour / name, "pipe", run)
    assert call("compare", run).exit_code == 0
