"""The command line and the Python face, from a scenario file to a verdict, with toy budgets."""

import csv
import inspect
import json
import os
import runpy
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
from click.testing import CliRunner, Result

import devlearn
from devlearn.cli import main
from devlearn.execute import locked, read_json

SCENARIO = """
devlearn: 1
scenario: toy
seeds: 4
block: 2
brain: {kind: mlp, width: [16, 8]}
stages:
  look: {kind: pretrain.denoise, updates: 4, batch: 8}
  school: {kind: supervise, labels: 20, updates: 6, batch: 8}
arms:
  plain: [school]
  looked: [look, school]
probes:
  digits: {kind: accuracy, data: mnist.test, every: 3}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain]]}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder outside the project, with ``toy.yaml`` in it, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "toy.yaml").write_text(SCENARIO)
    return tmp_path


def call(*arguments: str) -> Result:
    """A command in this process; anything but a clean exit keeps its traceback."""
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def fresh(*arguments: str, code: str = "from devlearn.cli import main; main()") -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own."""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)


# ---- what there is ----

WITHOUT = """
import sys
from devlearn.cli import main
try:
    main()
finally:
    heavy = {"torch", "torchvision", "numpy", "scipy", "matplotlib", "gymnasium", "pydantic", "rich"} & set(sys.modules)
    print("HEAVY", sorted(heavy), file=sys.stderr)
"""


def test_help_imports_nothing_heavy_and_names_every_command() -> None:
    found = fresh("--help", code=WITHOUT)
    assert found.returncode == 0 and "HEAVY []" in found.stderr
    commands = [line.split()[0] for line in found.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert commands == ["check", "compare", "export", "genome", "list", "new", "report", "resume", "run", "schema"]


def test_a_dry_run_prints_the_plan_without_torchvision_and_writes_nothing(here: Path) -> None:
    found = fresh("run", "toy.yaml", "--dry-run", code=WITHOUT)
    assert found.returncode == 0, found.stderr
    assert "torchvision" not in found.stderr.partition("HEAVY")[2]
    for text in (
        "looked",
        "look: pretrain.denoise, 4 updates",
        "20 labels",
        "jobs/look+school",
        "seeds-2-3",
        "roughly",
    ):
        assert text in found.stdout
    assert [path.name for path in here.iterdir()] == ["toy.yaml"]


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("stages", ["innate.shuffle", "supervise", "trial.ppo"]),
        ("priors", ["innate.waves"]),
        ("brains", ["conv", "mlp"]),
        ("envs", ["devlearn/DigitReach-v0", "CartPole-v1"]),
        ("probes", ["accuracy", "objective", "return"]),
        ("scenarios", ["first_steps", "cartpole"]),
    ],
)
def test_list(what: str, names: list[str]) -> None:
    listed = [line.split()[0] for line in call("list", what).stdout.splitlines() if line]
    assert set(names) <= set(listed)


def test_list_priors_says_what_each_has_to_be_compared_with() -> None:
    lines = call("list", "priors").stdout.splitlines()
    parts = {line.split(",")[0]: number for number, line in enumerate(lines) if line and not line.startswith(" ")}
    waves = next(number for number, line in enumerate(lines) if line.startswith("innate.waves"))
    assert lines[waves + 1].split() == ["needs:", "shuffle,", "sham,", "compute"]
    shuffle = next(number for number, line in enumerate(lines) if line.startswith("innate.shuffle"))
    assert lines[shuffle + 1].split() == ["control:", "shuffle"]
    assert parts["priors"] < waves < parts["stages that make a control"] < shuffle < parts["controls"]
    assert any(line.startswith("sham") and "rules out:" in line for line in lines)


def test_missing_controls_are_warned_of_in_lines_that_can_be_copied() -> None:
    result = call("check", "scenario", "hot_start")
    lines = [line.rstrip() for line in result.stderr.splitlines()]
    assert result.exit_code == 0
    assert lines[0].startswith("warning: genome lacks control pairs for genome: ") and lines[0].endswith(";")
    assert lines[1].startswith("         add to ") and max(map(len, lines)) <= 120


def test_schema_is_a_json_schema() -> None:
    assert "stages" in json.dumps(json.loads(call("schema").stdout)["properties"])


# ---- bad input ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "toy.yaml", "--set", "stages.scool.updates=3"], "did you mean 'school'?"),
        (["run", "toy.yaml", "--set", "stages.school.updates=0"], "updates must be greater than 0"),
        (["run", "toy.yaml", "--seeds", "few"], "how many (16) or which (3,7)"),
        (["check", "scenario", "first_step"], "did you mean 'first_steps'?"),
        (["check", "stage", "supervize"], "did you mean 'supervise'?"),
        (["check", "env", "CartPoll-v1"], "did you mean 'CartPole-v1'?"),
        (["check", "stage", "trial.ppo"], "env: Field required"),
        (["resume", "."], "holds no run"),
        (["compare", "."], "is no run folder"),
        (["report", "."], "is no run folder"),
        (["export", "."], "holds no run"),
        (["worker", "."], "is no job"),
        (["new", "env", "9lives"], "can't be a name"),
        (["new", "scenario", "toy"], "toy.yaml already here"),
    ],
)
def test_bad_input_is_exit_code_2_with_a_message(here: Path, arguments: list[str], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.output and "Traceback" not in result.output
    assert not (here / "runs").exists()


def test_every_mistake_of_a_scenario_at_once_with_its_place(here: Path) -> None:
    (here / "toy.yaml").write_text(
        SCENARIO.replace("labels: 20", "lables: 20").replace("[look, school]", "[lok, school]")
    )
    result = call("check", "scenario", "toy.yaml")
    assert result.exit_code == 2
    assert "toy.yaml:9:" in result.output and "did you mean 'labels'?" in result.output
    assert "toy.yaml:12:" in result.output and "did you mean 'look'?" in result.output


def test_a_module_that_fails_to_import_is_the_users_mistake(here: Path) -> None:
    (here / "sick_env.py").write_text("1 / 0")
    (here / "toy.yaml").write_text(
        SCENARIO.replace("pretrain.denoise, updates: 4, batch: 8", "trial.ppo, env: 'sick_env:Sick-v0', env_steps: 64")
    )
    result = call("check", "scenario", "toy.yaml")
    assert result.exit_code == 2 and "sick_env" in result.output and "ZeroDivisionError" in result.output


# ---- running ----


def test_from_a_scenario_to_a_verdict_and_on(here: Path) -> None:
    first = call("run", "toy.yaml", "--seeds", "2", "--jobs", "2")
    assert first.exit_code == 0, first.output
    assert "looked" in first.stdout and "undecided" in first.stdout and "runs/toy/report.html" in first.stdout
    assert "2 jobs, 2 workers" in first.stderr
    run = here / "runs" / "toy"
    kept = {"scenario.yaml", "resolved.json", "manifest.json", "comparison.json", "report.html", "jobs"}
    assert kept <= {path.name for path in run.iterdir()}
    assert (run / "scenario.yaml").read_text() == SCENARIO
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
def run(tmp_path_factory: pytest.TempPathFactory) -> "devlearn.Run":
    """A finished run of the toy scenario, lived through the Python face."""
    folder = tmp_path_factory.mktemp("face")
    (folder / "toy.yaml").write_text(SCENARIO)
    return devlearn.run(
        folder / "toy.yaml", seeds=[3, 7], out=folder / "run", set={"stages.look.updates": 3}, progress=False
    )


def test_declared_levels_are_answered_in_words_and_on_record(here: Path) -> None:
    declared = SCENARIO.replace("compare: {probe: digits,", "compare: {probe: digits, levels: [0.5],")
    (here / "levels.yaml").write_text(declared)
    result = call("run", "levels.yaml", "--jobs", "1", "--no-report")
    assert result.exit_code == 0, result.output
    assert "0 of 4 learners of plain reached 50 %" in result.output
    assert "exploratory" not in result.output
    levels = json.loads((here / "runs/toy/analyses.json").read_text())["points"][0]["levels"]
    assert levels["plain"]["0.5"]["reached"] == 0 and levels["plain"]["0.5"]["n"] == 4
    assert "0 of 4 learners of plain reached 50 %" in call("compare", "runs/toy").output


def test_the_python_face(run: "devlearn.Run") -> None:
    learner = run.learner("looked", seed=7)
    assert learner(torch.zeros(5, 28, 28, dtype=torch.uint8), "image_28x28", "digits").shape == (5, 10)
    stored = json.loads((run.folder / "comparison.json").read_text())
    assert json.loads(json.dumps(run.compare())) == stored
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


def test_a_failing_environment_names_itself_and_the_rest_is_kept(here: Path) -> None:
    (here / "brittle_env.py").write_text(BRITTLE.replace("LIMIT", "5"))
    play = "trial.ppo, env: 'brittle_env:Brittle-v0', env_steps: 64, copies: 2, rollout: 8"
    (here / "toy.yaml").write_text(SCENARIO.replace("pretrain.denoise, updates: 4, batch: 8", play))
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
    mended = call("resume", "runs/toy", "--no-report")
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
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    _until(lambda: list(here.glob("runs/toy/jobs/*/*/progress.json")))
    os.killpg(process.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches workers and fork server too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; devlearn resume runs/toy goes on" in errors and "Traceback" not in errors
    states = [read_json(path) for path in here.glob("runs/toy/jobs/*/*/state.json")]
    assert states and all(state is not None and state["status"] == "running" for state in states)


def test_sigterm_is_an_interruption_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devlearn.living.live", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    result = call("resume", ".")
    assert result.exit_code == 130 and "devlearn resume . goes on" in result.output
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# ---- plugging in ----


def test_a_new_environment_goes_from_a_skeleton_to_a_verdict(here: Path) -> None:
    made = call("new", "env", "SpotLight")
    assert made.exit_code == 0 and "devlearn check env spot_light_env:SpotLight-v0" in made.stdout
    checked = call("check", "env", "spot_light_env:SpotLight-v0")
    assert checked.exit_code == 0 and "keeps all" in checked.stdout
    small = ["--set", "stages.play.env_steps=2048", "--set", "probes.skill.episodes=2"]
    found = call("run", "spot_light.yaml", "--seeds", "2", "--no-report", *small)
    assert found.exit_code == 0 and "played" in found.stdout
    assert call("new", "env", "SpotLight").exit_code == 2


TORN = """
from torch import nn
class Torn(nn.Module):
    def __init__(self, needs):
        super().__init__()
        self.layer = nn.Linear(784, 10)
    def forward(self, x, sense, head):
        return self.layer(x)
"""


def test_check_says_what_is_broken(here: Path) -> None:
    (here / "torn_brain.py").write_text(TORN)
    result = call("check", "brain", "torn_brain:Torn")
    assert result.exit_code == 1 and "FAIL" in result.stdout and "laws broken" in result.stdout


def test_every_skeleton_passes_its_own_test(here: Path) -> None:
    ran = []
    for kind in ("env", "stage", "brain", "scenario"):
        assert call("new", kind, f"my-{kind}").exit_code == 0
        assert call("check", "scenario", f"my_{kind}.yaml").exit_code == 0
    for path in sorted(here.glob("test_*.py")):
        for name, test in runpy.run_path(str(path)).items():
            if name.startswith("test_"):
                test(**({"tmp_path": here / "out"} if "tmp_path" in inspect.signature(test).parameters else {}))
                ran.append(name)
    assert len(ran) == 4
