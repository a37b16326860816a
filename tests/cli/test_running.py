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

import devlearn
from devlearn.runs.executors import locked, read_json
from tests.commands import call


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


def test_declared_levels_are_answered_in_words_and_on_record(here: Path, toy: str) -> None:
    declared = toy.replace("compare: {probe: digits,", "compare: {probe: digits, levels: [0.5],")
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
    monkeypatch.setattr("devlearn.runs.pipeline.live", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    result = call("resume", ".")
    assert result.exit_code == 130 and "devlearn resume . goes on" in result.output
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
