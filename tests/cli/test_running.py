"""The command line and the Python face, from a scenario file to a verdict, with toy budgets."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import devlearn
from devlearn.runs.executors import locked, read_json
from tests.commands import call, fresh, hears_ctrl_c


def test_from_a_scenario_to_a_verdict_and_on(here: Path, toy: str) -> None:
    first = call("run", "toy.yaml", "--seeds", "2", "--jobs", "2")
    assert first.exit_code == 0, first.output
    assert "looked" in first.stdout and "undecided" in first.stdout and "runs/toy/report.html" in first.stdout
    assert "2 jobs, 2 workers" in first.stderr
    run = here / "runs" / "toy"
    kept = {"scenario.yaml", "resolved.json", "manifest.json", "comparison.json", "report.html", "jobs"}
    assert kept <= {path.name for path in run.iterdir()}
    assert (run / "scenario.yaml").read_text() == toy
    manifest = read_json(run / "manifest.json")
    assert manifest is not None and {"command", "digest", "machine", "started"} < set(manifest)
    assert manifest["overrides"] == ["seeds=2"] and manifest["versions"]["torch"] == version("torch")

    records = {path: path.read_bytes() for path in run.rglob("train.csv")}
    again = call("run", "toy.yaml", "--seeds", "2", "--no-report")
    assert again.exit_code == 0 and "2 of 2 jobs were done before" in again.stderr

    more = call("run", "toy.yaml", "--no-report")
    assert more.exit_code == 0 and "2 of 4 jobs were done before" in more.stderr
    assert json.loads((run / "comparison.json").read_text())["arms"]["plain"]["n"] == 4
    assert {path: path.read_bytes() for path in records} == records

    other = call("run", "toy.yaml", "--set", "stages.school.updates=7")
    assert other.exit_code == 2 and "updates was 6 and is 7" in other.output and "--out" in other.output

    with locked(run, "runs/toy"):
        busy = call("resume", str(run))
    assert busy.exit_code == 2 and f"process {os.getpid()}" in busy.output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, toy: str) -> "devlearn.Run":
    """A finished run of the toy scenario, lived through the Python face."""
    folder = tmp_path_factory.mktemp("face")
    (folder / "toy.yaml").write_text(toy)
    return devlearn.run(
        folder / "toy.yaml", seeds=[3, 7], out=folder / "run", set={"stages.look.updates": 3}, progress=False
    )


def test_python_does_what_the_command_line_does(run: "devlearn.Run", capsys: pytest.CaptureFixture[str]) -> None:
    assert (run.folder / "report.html").exists()
    devlearn.run(run.folder.parent / "toy.yaml", seeds=[3, 7], out=run.folder, set={"stages.look.updates": 3},
                 progress=False, report=False)  # fmt: skip
    said = capsys.readouterr().err
    assert said.startswith("warning: ") and said.count("lacks control pairs") == 1


def test_declared_levels_are_answered_in_words_and_on_record(here: Path, toy: str) -> None:
    declared = toy.replace("compare: {probe: digits,", "compare: {probe: digits, levels: [0.5],")
    (here / "levels.yaml").write_text(declared)
    result = call("run", "levels.yaml", "--jobs", "1", "--no-report")
    assert result.exit_code == 0, result.output
    assert "Not reached: 50 % by no learner of any arm." in result.output
    assert "exploratory" not in result.output
    levels = json.loads((here / "runs/toy/analyses.json").read_text())["points"][0]["levels"]
    assert levels["plain"]["0.5"]["reached"] == 0 and levels["plain"]["0.5"]["n"] == 4
    assert "Not reached: 50 % by no learner of any arm." in call("compare", "runs/toy").output


def test_the_python_face(run: "devlearn.Run") -> None:
    learner = run.learner("looked", seed=7)
    assert learner(torch.zeros(5, 28, 28, dtype=torch.uint8), "image_28x28", "digits").shape == (5, 10)
    stored = json.loads((run.folder / "comparison.json").read_text())
    assert json.loads(json.dumps(run.compare().document())) == stored
    rows = run.rows("probes")
    ends = [row for row in rows if row["moment"] == "end" and row["metric"] == "accuracy" and row["stage"] == "school"]
    values = {(row["arm"], str(row["seed"])): row["value"] for row in ends}
    assert values == {
        (arm, seed): v for arm in ("plain", "looked") for seed, v in stored["arms"][arm]["values"].items()
    }
    assert len(run.records) == len(rows)
    with pytest.raises(LookupError, match="no table 'prbes'; there are: probes, train, ledger, arms, comparisons"):
        run.rows("prbes")
    assert list(run.analyses()["points"][0]["birth"]["arms"]) == ["plain", "looked"]
    with pytest.raises(LookupError, match="no arm 'lokked'"):
        run.learner("lokked", seed=7)
    with pytest.raises(LookupError, match="no seed 4"):
        run.learner("looked", seed=4)
    with pytest.raises(ValueError, match="holds no run"):
        devlearn.Run(run.folder / "jobs")


def test_compare_report_export_and_worker(run: "devlearn.Run") -> None:
    found = call("compare", str(run.folder), "--json")
    assert json.loads(found.stdout) == json.loads((run.folder / "comparison.json").read_text())
    other = call("compare", str(run.folder), "--probe", "digits.cross_entropy", "--at", "3")
    assert other.exit_code == 0 and "exploratory" in other.stdout.lower()
    wrong = call("compare", str(run.folder), "--probe", "letters")
    assert wrong.exit_code == 2 and "digits" in wrong.output

    assert call("report", str(run.folder)).stdout.strip() == str(run.folder / "report.html")
    for path in call("export", str(run.folder)).stdout.split():
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = {"looked"} if path.endswith("comparisons.csv") else {"plain", "looked"}
        assert {row["arm"] for row in rows} == names and {row.get("seed", "3") for row in rows} <= {"3", "7"}

    job = next((run.folder / "jobs").glob("*/*"))
    before = {path: path.read_bytes() for path in job.glob("records/**/*.csv")}
    assert call("worker", str(job)).exit_code == 0
    assert {path: path.read_bytes() for path in job.glob("records/**/*.csv")} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "{run}", "--seeds", "0"], "0 seeds show nothing"),
        (["report", "{run}", "{run}"], "is named twice; name each run once"),
        (["genome", "{run}", "plain", "--point", "1"], "no point 1; the scenario has 1, counted from 0"),
    ],
)
def test_what_a_run_can_not_answer_is_said(run: "devlearn.Run", arguments: list[str], message: str) -> None:
    result = call(*(word.format(run=run.folder) for word in arguments))
    assert result.exit_code == 2 and message in result.output


BRITTLE = """
import gymnasium as gym, numpy as np
from gymnasium import spaces
class Brittle(gym.Env):
    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(2, np.float32), {}
    def step(self, action):
        self.steps += 1
        if self.steps > LIMIT:
            raise ZeroDivisionError("worn out")
        return np.zeros(2, np.float32), 0.0, self.steps == 10, False, {}
gym.register("Brittle-v0", entry_point=Brittle)
"""


def test_a_failing_environment_names_itself_and_the_rest_is_kept(here: Path, toy: str) -> None:
    (here / "brittle_env.py").write_text(BRITTLE.replace("LIMIT", "5"))
    play = "trial.ppo, env: 'brittle_env:Brittle-v0', env_steps: 64, num_envs: 2, rollout: 8"
    (here / "toy.yaml").write_text(toy.replace("pretrain.denoise, updates: 4, batch: 8", play))
    result = call("run", "toy.yaml", "--no-report")
    assert result.exit_code == 3
    assert "incomplete" in result.stdout
    for text in (
        "stage 'look'",
        "of looked",
        "brittle_env:Brittle-v0",
        "seed 2",
        "worn out",
        "devlearn resume runs/toy",
    ):
        assert text in result.stderr

    alone = call("run", "toy.yaml", "--no-report", "--out", "alone", "--seeds", "2", "--set", "arms.plain=[look]")
    assert alone.exit_code == 1

    (here / "brittle_env.py").write_text(BRITTLE.replace("LIMIT", "50"))
    mended = call("resume", "runs/toy", "--no-report", "--accept-changes")
    assert mended.exit_code == 0, mended.output
    assert "incomplete" not in mended.stdout


def _until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.05)


def test_ctrl_c_says_how_to_go_on(here: Path) -> None:
    long = ["--set", "stages.school.updates=2000000", "--no-report", "--seeds", "2"]
    command = [sys.executable, "-m", "devlearn", "run", "toy.yaml", *long]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, preexec_fn=hears_ctrl_c
    )
    _until(lambda: list(here.glob("runs/toy/jobs/*/*/progress.json")))
    os.killpg(process.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches workers and fork server too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; devlearn resume runs/toy goes on" in errors and "Traceback" not in errors
    states = [read_json(path) for path in here.glob("runs/toy/jobs/*/*/state.json")]
    assert states and all(state is not None and state["status"] == "running" for state in states)


def test_sigterm_is_an_interruption_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devlearn.runs.pipeline.train", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    result = call("run", "toy.yaml")
    assert result.exit_code == 130 and "devlearn resume runs/toy goes on" in result.output
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def unread(*arguments: str, errors: int, until: Callable[[], Any] = lambda: True) -> int:
    """The exit code of a run whose reader leaves when ``until`` is true: of stdout, or of stderr too (``STDOUT``)."""
    command = [sys.executable, "-m", "devlearn", "run", "toy.yaml", "--seeds", "2", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    _until(until)
    process.stdout.close()
    return process.wait(timeout=120)


def test_a_reader_who_leaves_at_the_end_costs_no_report(here: Path) -> None:
    assert unread(errors=subprocess.DEVNULL) == 0
    assert (here / "runs/toy/report.html").exists() and (here / "runs/toy/comparison.json").exists()


def test_a_run_that_nobody_reads_any_more_is_no_success_and_can_be_gone_on_with(here: Path) -> None:
    long = ["--no-report", "--set", "stages.school.updates=2000000"]
    code = unread(*long, errors=subprocess.STDOUT, until=lambda: list(here.glob("runs/toy/jobs/*/*/progress.json")))
    states = [read_json(path) for path in here.glob("runs/toy/jobs/*/*/state.json")]
    assert code == 141 and states and all(state is not None and state["status"] == "running" for state in states)


FIRST_LINE = """
import sys, click
from devlearn.cli import main
def first(text, err=False):
    heavy = {"torch", "pydantic", "numpy"} & set(sys.modules)
    sys.exit(f"{text} {sorted(heavy)}")
click.echo = first
main()
"""


def test_the_first_line_comes_before_anything_heavy_is_imported(here: Path) -> None:
    assert fresh("run", "toy.yaml", code=FIRST_LINE).stderr == ("toy.yaml: reading the scenario, starting workers []\n")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("run toy.yaml --dry-run", "toy.yaml: reading the scenario"),
        ("register toy.yaml", "toy.yaml: reading the scenario"),
        ("list stages", "looking for stages"),
        ("list envs", "looking for envs"),
        ("schema", "looking for plug-ins"),
        ("check toy.yaml", "check toy.yaml"),
        ("check stage supervise", "check stage supervise"),
        ("check data mnist", "check data mnist"),
        ("compare run", "run: reading records"),
        ("report run", "run: reading records"),
        ("export run", "run: reading records"),
        ("thin run", "run: reading records"),
        ("replicate --list", "reading published results"),
    ],
)
def test_a_terminal_is_told_what_is_done_before_anything_heavy_is_imported(here: Path, command: str, line: str) -> None:
    (here / "run").mkdir()
    terminal = FIRST_LINE.replace("click.echo = first", "sys.stderr.isatty = lambda: True\nclick.echo = first")
    terminal = terminal.replace("err=False", "err=False, nl=True")
    assert fresh(*command.split(), code=terminal).stderr == f"{line} []\n"


def test_what_a_terminal_was_told_meanwhile_is_erased(capsys: pytest.CaptureFixture[str]) -> None:
    from devlearn.cli.group import waiting

    with waiting("looking"):
        pass
    assert capsys.readouterr().err == "", "a file or a pipe is told nothing"
    sys.stderr.isatty = lambda: True  # type: ignore[method-assign]  # of what capsys has put there
    with waiting("looking"):
        pass
    assert capsys.readouterr().err == "looking\r\x1b[K"


def test_a_file_called_like_a_library_beside_a_scenario_is_not_run(here: Path) -> None:
    (here / "scipy.py").write_text("open('ran', 'w').close()\nraise ImportError('not the library')\n")
    for command in (
        [sys.executable, "-m", "devlearn"],
        [sys.executable, "-c", "from devlearn.cli import main; main()"],
    ):
        path = {"PYTHONSAFEPATH": "1"} if command[1] == "-c" else {}
        done = subprocess.run([*command, "check", "scenario", "toy.yaml"], env={**os.environ, **path}, check=False)
        assert done.returncode == 0 and not (here / "ran").exists()


def test_what_a_command_starts_takes_no_file_here_for_a_library(here: Path) -> None:
    """Workers, and the processes that environments are tried and stepped in, begin with a path of their own."""
    for name in ("random", "json", "numpy", "torch"):
        (here / f"{name}.py").write_text("open('ran', 'w').close()\nraise ImportError('not the library')\n")
    for command in (
        ["run", "toy.yaml", "--seeds", "2", "--no-report"],
        ["check", "env", "devlearn/CartPole-v1"],
        ["list", "envs"],
    ):
        done = subprocess.run(
            [Path(sys.executable).with_name("devlearn"), *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not (here / "ran").exists(), command


ENVIRONMENT = """
import gymnasium as gym, numpy as np
from gymnasium import spaces
class Flip(gym.Env):
    observation_space, action_space = spaces.Box(0, 1, (2,), np.float32), spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(2, np.float32), {}
    def step(self, action):
        self.steps += 1
        return np.zeros(2, np.float32), REWARD * float(action), self.steps >= 5, False, {}
gym.register("Flip-v0", entry_point=Flip)
"""


def test_one_mean_is_of_one_program(here: Path, toy: str) -> None:
    play = "trial.ppo, env: 'flip_env:Flip-v0', env_steps: 64, copies: 2, rollout: 8"
    (here / "toy.yaml").write_text(toy.replace("pretrain.denoise, updates: 4, batch: 8", play))
    (here / "flip_env.py").write_text(ENVIRONMENT.replace("REWARD", "1.0"))
    assert call("run", "toy.yaml", "--seeds", "2", "--no-report").exit_code == 0
    run = here / "runs/toy"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    (here / "flip_env.py").write_text(ENVIRONMENT.replace("REWARD", "100.0"))
    refused = call("run", "toy.yaml", "--no-report")
    assert refused.exit_code == 2 and "flip_env.py of flip_env was changed since jobs/look" in refused.output
    assert "--accept-changes" in refused.output
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    for command in (
        ("run", "toy.yaml", "--seeds", "2"),
        ("resume", "runs/toy"),
    ):  # nothing is trained, and that is said
        read = call(*command, "--no-report")
        assert read.exit_code == 0 and "what is done is only read" in read.output
        assert "warning: flip_env.py of flip_env was changed since jobs/look" in read.output
    accepted = call("run", "toy.yaml", "--no-report", "--accept-changes")
    assert accepted.exit_code == 0, accepted.output
    manifest = json.loads((run / "manifest.json").read_text())
    played = {name: programs for name, programs in manifest["jobs"].items() if "look" in name}
    assert len(played) == 2 and len({programs for (programs,) in played.values()}) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("string:digits", "executor string:digits is a str, '0123456789'; name the class"),
        ("queue:Queue", "queue:Queue is no executor: it has no free_slots(), no submit()"),
        ("ipaddress:IPv4Address", "executor ipaddress:IPv4Address can't be made: Class(None) raised Addr"),
    ],
)
def test_an_executor_is_looked_at_before_anything_is_written(here: Path, name: str, said: str) -> None:
    for command in (("run", "toy.yaml"), ("resume", "runs")):
        (here / "runs").mkdir(exist_ok=True)
        refused = call(*command, "--executor", name)
        assert refused.exit_code == 2 and said in refused.output and not list((here / "runs").iterdir())


DOWN = """
from devlearn.runs.executors import Local
class Down(Local):
    count = 0
    def submit(self, folder):
        self.count += 1
        if self.count > 2:
            raise OSError("cluster is down")
        super().submit(folder)
class Away(Local):
    def submit(self, folder):
        raise OSError("cluster is away")
"""


def test_an_executor_that_fails_is_named_and_what_is_done_is_kept(here: Path) -> None:
    (here / "my_cluster.py").write_text(DOWN)
    away = call("run", "toy.yaml", "--no-report", "--executor", "my_cluster:Away")
    assert away.exit_code == 1 and "executor my_cluster:Away: submit() raised OSError: cluster is away" in away.output
    down = call("run", "toy.yaml", "--no-report", "--jobs", "1", "--executor", "my_cluster:Down")
    assert down.exit_code == 3 and "executor my_cluster:Down: submit() raised OSError: cluster is down" in down.output
    assert "my_cluster.py:8" in down.output and "2 of 4 jobs are done" in down.output
    assert "the rest is kept; once it is mended: devlearn resume runs/toy" in down.output
    assert call("resume", "runs/toy", "--no-report").exit_code == 0


def test_nothing_is_written_over_that_is_not_ours(here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "report.html").write_text("mine")
    for out in ("mine", "."):
        refused = call("run", "toy.yaml", "--out", out)
        assert (
            refused.exit_code == 2 and "is not empty and no run folder" in refused.output and "--out" in refused.output
        )
    for command in ("report", "compare", "export", "resume"):
        refused = call(command, "mine")
        assert refused.exit_code == 2 and "is no run folder" in refused.output
    assert [path.name for path in (here / "mine").iterdir()] == ["report.html"]
    assert (here / "mine" / "report.html").read_text() == "mine" and not (here / ".devlearn").exists()


def test_exports_and_genomes_leave_other_files_alone(run: "devlearn.Run", tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("mine")
    refused = call("export", run.folder, "--out", tmp_path)
    assert refused.exit_code == 2 and "train.csv in" in refused.output and not (tmp_path / "probes.csv").exists()
    (tmp_path / "plain-seed3.genome.npz").write_text("mine")
    refused = call("genome", run.folder, "plain", "--seed", "3", "--out", tmp_path)
    assert refused.exit_code == 2 and "is no genome of this run" in refused.output
    assert (tmp_path / "train.csv").read_text() == (tmp_path / "plain-seed3.genome.npz").read_text() == "mine"
    for _ in range(2):  # what was written before is ours
        assert call("export", run.folder, "--out", tmp_path / "new").exit_code == 0
        assert call("genome", run.folder, "plain", "--seed", "3", "--out", tmp_path / "new").exit_code == 0


def test_warnings_come_once_before_the_run_as_lines_to_paste(here: Path, toy: str) -> None:
    matched = toy.replace("arms:\n", "arms:\n  more: {stages: [school], match: {arm: looked, by: flops}}\n")
    matched = matched.replace("[[looked, plain]]", "[[looked, plain], [looked, more]]")
    (here / "toy.yaml").write_text(matched)
    checked, planned = call("check", "scenario", "toy.yaml").stderr, call("run", "toy.yaml", "--dry-run").stderr
    ran = call("run", "toy.yaml", "--no-report", "--jobs", "1")
    assert checked == planned and ran.stderr.count(checked) == 1
    assert "more is matched and scored at its end only" in checked and "      - [looked, looked-sham]\n" in checked
    assert "lacks control pairs" not in ran.stdout and "matched and scored" not in ran.stdout
    lines = [line for line in checked.splitlines() if line.startswith("  ") and not line.strip().startswith("7 seeds")]
    pasted = yaml.safe_load("\n".join(lines[: lines.index("  compare:")]))
    assert set(pasted) == {"stages", "arms"} and "looked-sham" in pasted["arms"]


def test_a_dry_run_says_what_the_run_would_refuse(here: Path) -> None:
    before = sorted(here.iterdir())
    dry, wet = call("run", "toy.yaml", "--out", ".", "--dry-run"), call("run", "toy.yaml", "--out", ".")
    assert dry.exit_code == wet.exit_code == 2
    assert "jobs/school-" in dry.stdout and dry.stderr.splitlines()[-1] == wet.stderr.splitlines()[-1]
    assert ". is not empty and no run folder of devlearn's (it holds toy.yaml)" in dry.stderr
    assert call("run", "toy.yaml", "--dry-run").exit_code == 0
    assert sorted(here.iterdir()) == before, "nothing is written"


def test_names_of_a_plan_stay_in_one_piece_where_no_terminal_is_narrow(here: Path, toy: str) -> None:
    name = "a" * 60
    (here / "long.yaml").write_text(toy.replace("look:", f"{name}:").replace("[look,", f"[{name},"))
    said = call("run", "long.yaml", "--dry-run").stdout
    rows = [line.split() for line in said.splitlines() if line.startswith("jobs/")]
    assert len(rows) == 4 and all(row[0].startswith("jobs/") and "/seeds-" in row[0] for row in rows)


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_registers_nothing(here: Path, name: str) -> None:
    refused = call("register", "toy.yaml", "--by", name)
    assert refused.exit_code == 2 and "say who registers it, or leave --by out" in " ".join(refused.output.split())
    assert not (here / "toy.registration.json").exists()
    assert call("register", "toy.yaml").exit_code == 0


def test_an_old_key_is_told_of_once_however_often_it_stands_there(here: Path, toy: str) -> None:
    stage = "{kind: trial.ppo, env: CartPole-v1, copies: 2, env_steps: 100}"
    text = toy.replace("  school:", f"  one: {stage}\n  two: {stage}\n  three: {stage}\n  school:")
    (here / "old.yaml").write_text(text)
    said = call("check", "scenario", "old.yaml")
    told = [line for line in said.output.splitlines() if "'copies' is called 'num_envs'" in line]
    assert len(told) == 1 and told[0].startswith("old.yaml:9:44: ") and told[0].endswith("(and in 2 more places)")
