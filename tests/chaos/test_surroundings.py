"""What a run is surrounded by: clocks that jump, folders that move or can't be written, memory that is short."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.kills import ENVIRONMENT, digest, until, workers

SCENARIO = """
devlearn: 1
scenario: around
seeds: 2
block: 1
brain: {kind: mlp, width: [32]}
stages:
  look: {kind: pretrain.denoise, updates: 150, batch: 32}
  school: {kind: supervise, labels: 100, updates: 150, batch: 32}
arms: {plain: [school], looked: [look, school]}
probes: {digits: {kind: accuracy, data: mnist.test, every: 100}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain]]}
"""
JUMPY = """
import itertools, time
real, jumps = time.time, itertools.cycle((86400, 0, -86400, 3.0e7, -3.0e7))
time.time = lambda: real() + next(jumps)
time.time_ns = lambda: int(time.time() * 1e9)
open(TOUCHED, "a").close()
"""


def start(
    folder: Path, *arguments: str, before: Callable[[], None] | None = None, path: Path | None = None
) -> "subprocess.Popen[str]":
    before_all = [str(path)] * (path is not None) + [each for each in (os.environ.get("PYTHONPATH"),) if each]
    env = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(before_all)}
    return subprocess.Popen(
        [sys.executable, "-m", "devlearn", *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=before,
    )


def ended(process: "subprocess.Popen[str]", code: int) -> str:
    output, _ = process.communicate(timeout=240)
    assert process.returncode == code, output
    return output


def trained(run: Path) -> dict[str, bytes]:
    """Every record and every answer; job.json says where the scenario's file was, which may be elsewhere."""
    return {name: content for name, content in digest(run).items() if not name.endswith("/job.json")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a scenario, with a run of it that was left alone."""
    folder = tmp_path_factory.mktemp("around")
    (folder / "around.yaml").write_text(SCENARIO)
    ended(start(folder, "run", "around.yaml", "--out", "run", "--jobs", "2", "--no-report"), 0)
    return folder


def test_a_clock_that_jumps_and_a_folder_that_moves_change_no_byte(whole: Path, tmp_path: Path) -> None:
    """The clock goes a day and a year to and fro at every look; the run is cut off, aged, moved and gone on with."""
    (tmp_path / "jumpy").mkdir()
    (tmp_path / "jumpy" / "sitecustomize.py").write_text(f"TOUCHED = {str(tmp_path / 'jumped')!r}\n{JUMPY}")
    (tmp_path / "here").mkdir()
    shutil.copy(whole / "around.yaml", tmp_path / "here")
    command = ("run", "around.yaml", "--out", "run", "--jobs", "2", "--no-report")
    process = start(tmp_path / "here", *command, path=tmp_path / "jumpy")
    until(lambda: process.poll() is not None or list((tmp_path / "here").rglob("checkpoints/*.pt")), 120)
    process.send_signal(signal.SIGTERM)
    assert "devlearn resume run goes on" in ended(process, 130)
    shutil.move(tmp_path / "here" / "run", tmp_path / "moved")
    for number, file in enumerate(sorted((tmp_path / "moved").rglob("*"))):
        os.utime(file, (10**9, 10**9) if number % 2 else (4 * 10**9, 4 * 10**9))
    shutil.rmtree(tmp_path / "here")
    ended(start(tmp_path, "resume", "moved", "--jobs", "2", "--no-report", path=tmp_path / "jumpy"), 0)
    assert (tmp_path / "jumped").exists()
    assert trained(tmp_path / "moved") == trained(whole / "run")


def test_a_copy_gives_the_answer_of_its_run_and_goes_its_own_way(whole: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(whole / "run", tmp_path / "copy"))
    one, other = (ended(start(path.parent, "compare", path.name, "--json"), 0) for path in (whole / "run", copy))
    assert json.loads(one) == json.loads(other)
    before = digest(whole / "run")
    job = next(path.parent for path in sorted((copy / "jobs").glob("*/*/state.json")))
    for name in ("records", "artifacts", "checkpoints"):
        shutil.rmtree(job / name)
    (job / "state.json").unlink()
    ended(start(tmp_path, "resume", "copy", "--no-report"), 0)
    assert trained(copy) == trained(whole / "run") and digest(whole / "run") == before


def test_two_commands_do_not_train_one_folder_at_once(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "around.yaml", tmp_path)
    command = ("run", "around.yaml", "--out", "run", "--jobs", "2", "--no-report")
    first = start(tmp_path, *command)
    until(lambda: first.poll() is not None or workers(first.pid), 120)
    os.kill(first.pid, signal.SIGSTOP)  # it holds its folder while it sleeps
    second = ended(start(tmp_path, *command), 2)
    os.kill(first.pid, signal.SIGCONT)
    assert f"in use by another devlearn (process {first.pid})" in second
    ended(first, 0)
    assert trained(tmp_path / "run") == trained(whole / "run")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``whole``, of two jobs that take so long that they are still trained when somebody looks at them."""
    folder = tmp_path_factory.mktemp("long")
    text = SCENARIO.replace("updates: 150", "updates: 600").replace("plain: [school], looked: ", "looked: ")
    (folder / "around.yaml").write_text(text.replace("pairs: [[looked, plain]]", "pairs: []"))
    ended(start(folder, "run", "around.yaml", "--out", "run", "--jobs", "2", "--no-report"), 0)
    return folder


@pytest.mark.parametrize("part", ["run", "run/jobs"])
def test_a_folder_that_is_moved_away_while_it_is_trained_is_missed_in_words(
    long: Path, tmp_path: Path, part: str
) -> None:
    shutil.copy(long / "around.yaml", tmp_path)
    process = start(tmp_path, "run", "around.yaml", "--out", "run", "--jobs", "2", "--no-report")
    until(lambda: process.poll() is not None or list(tmp_path.rglob("flight.bin")), 120)
    (tmp_path / part).rename(tmp_path / "away")
    output = ended(process, 2)
    assert "deleted or moved away while its run was trained" in output and "Traceback" not in output
    assert not (tmp_path / part).exists()
    (tmp_path / "away").rename(tmp_path / part)
    ended(start(tmp_path, "resume", "run", "--jobs", "2", "--no-report"), 0)
    assert trained(tmp_path / "run") == trained(long / "run")


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && shift 0 && exec "$@"'


def read_only(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command in a mount namespace of its own, in which ``folder`` can't be written."""
    command = ["unshare", "-m", "sh", "-c", READ_ONLY, str(folder), sys.executable, "-m", "devlearn", *arguments]
    return subprocess.run(command, cwd=folder.parent, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


@pytest.fixture
def shut(whole: Path, tmp_path: Path) -> Path:
    """A copy of the run, where such mounts may be made."""
    if sys.platform != "linux" or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    return Path(shutil.copytree(whole / "run", tmp_path / "shut"))


@pytest.mark.parametrize(
    "command",
    [
        ("compare", "shut"),
        ("compare", "shut", "--json"),
        ("report", "shut"),
        ("export", "shut", "--to", "csv", "--out", "tables"),
        ("export", "shut", "--to", "csv"),
        ("resume", "shut"),
        ("run", "around.yaml", "--out", "shut"),
    ],
    ids=" ".join,
)
def test_a_folder_that_can_not_be_written_is_read_or_refused_in_words(
    shut: Path, whole: Path, command: tuple[str, ...]
) -> None:
    shutil.copy(whole / "around.yaml", shut.parent)
    before = {path: path.read_bytes() for path in shut.rglob("*") if path.is_file()}
    found = read_only(shut, *command)
    reads = command[0] == "compare" or "tables" in command
    assert found.returncode == (0 if reads else 2), found.stderr
    assert "Traceback" not in found.stderr
    if not reads:
        mend = "a copy of the run" if command[0] in ("report", "resume") else "another folder with --out"
        assert "Read-only file system" in found.stderr and mend in found.stderr
    assert {path: path.read_bytes() for path in shut.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(sys.platform != "linux", reason="address space is bounded on Linux")
def test_a_job_of_more_learners_than_memory_holds_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    text = SCENARIO.replace("seeds: 2\nblock: 1", "seeds: 155\nblock: 150").replace("width: [32]", "width: [1024]")
    text = text.replace("updates: 150", "updates: 2").replace(", every: 100", "")
    (tmp_path / "around.yaml").write_text(text)
    own = "import devlearn.runs.preload; print(*(x for x in open('/proc/self/status') if x.startswith('VmPeak')))"
    before = subprocess.run([sys.executable, "-c", own], capture_output=True, text=True, check=True).stdout.split()
    limit = 2**10 * int(before[1]) + 3 * 2**29  # what is imported, and 1.5 GiB
    process = start(
        tmp_path,
        *("run", "around.yaml", "--out", "run", "--jobs", "1", "--no-report"),
        before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    output = ended(process, 3)
    assert "no memory for" in output and "lower `block`" in output and "Traceback" not in output
    states = [json.loads(path.read_text())["status"] for path in (tmp_path / "run").rglob("state.json")]
    assert sorted(states) == ["done", "done", "failed", "failed"]
