"""Environments are made where something acts in them; to other jobs the plan hands what they show and take."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.atomic import write_json
from devlearn.records.layout import JobFolder
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.job_runner import JobRunner
from tests.chaos.kills import digest

MADE = "a counted environment was made"
ENVS = f"""
import sys
import gymnasium, numpy as np
from gymnasium import spaces

class Counted(gymnasium.Env):
    def __init__(self, wide=3):
        print({MADE!r}, file=sys.stderr, flush=True)
        low = np.array([-np.inf, -0.1, -1] + [0] * (wide - 3), np.float32)
        self.observation_space, self.action_space = spaces.Box(low, -low), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(self.observation_space.shape, np.float32), {{}}

    def step(self, action):
        self.t += 1
        return np.full(self.observation_space.shape, self.t / 10, np.float32), float(action), False, self.t >= 10, {{}}

gymnasium.register("Counted-v0", entry_point=Counted)
"""
SCENARIO = """
devlearn: 1
scenario: counted
seeds: 2
block: 1
brain: {kind: mlp, width: [8]}
stages:
  play: {kind: trial.ppo, env: "counted_envs:Counted-v0", env_steps: 32, num_envs: 2, rollout: 8, minibatches: 2}
  look: {kind: pretrain.denoise, updates: 3, batch: 4}
  school: {kind: supervise, labels: 20, updates: 3, batch: 4}
arms: {plain: [school], looked: [look, school], played: [play, school]}
probes: {digits: {kind: accuracy, data: mnist.test}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[played, plain], [looked, plain]]}
"""


def devlearn_in(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "devlearn", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counted")
    (folder / "counted_envs.py").write_text(ENVS)
    (folder / "counted.yaml").write_text(SCENARIO)
    found = devlearn_in(folder, "run", "counted.yaml", "--out", "run", "--jobs", "2", "--no-report")
    assert found.returncode == 0, found.stderr
    return folder


def made(run: Path) -> dict[str, int]:
    """How many environments each job has made, by the stages that it lived."""
    found: dict[str, int] = {}
    for log in run.glob("jobs/*/*/log.txt"):
        stages = [stage["name"] for stage in json.loads(log.with_name("job.json").read_text())["stages"]]
        found["-".join(stages)] = found.get("-".join(stages), 0) + log.read_text().count(MADE)
    return found


def test_a_job_makes_an_environment_only_where_it_acts_in_it(ran: Path) -> None:
    counted = made(ran / "run")
    assert counted.pop("play-school") >= 2
    assert counted == {"school": 0, "look-school": 0}


def test_the_records_are_those_of_jobs_that_ask_the_environments_themselves(ran: Path) -> None:
    again = ran / "again"
    shutil.copytree(ran / "run", again)
    for job in sorted((again / "jobs").glob("*/*")):
        spec = json.loads((job / "job.json").read_text())
        assert "counted_envs_Counted_v0" in spec.pop("needs")["senses"]
        shutil.rmtree(job)
        job.mkdir()
        (job / "job.json").write_text(json.dumps(spec))  # as an older devlearn wrote it
    found = devlearn_in(ran, "resume", "again", "--no-report")
    assert found.returncode == 0, found.stderr
    assert min(made(again).values()) >= 1
    one, other = ({k: v for k, v in digest(run).items() if "/records/" in k} for run in (ran / "run", again))
    assert one == other and len(one) > 20
    assert all((ran / "run" / name).read_bytes() == (again / name).read_bytes() for name in ("resolved.json",))


def test_an_environment_that_shows_something_else_than_was_planned_is_refused_by_name(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ran)
    playing = next(path for path in sorted((ran / "run" / "jobs").glob("*/*/job.json")) if "play" in str(path))
    spec = json.loads(playing.read_text())
    for change in (spec, {**spec, "needs": _moved(spec["needs"], -0.2)}):
        own = JobFolder(tmp_path / ("same" if change is spec else "other") / "jobs" / "play" / "block")
        own.root.mkdir(parents=True)
        write_json(own.spec, change)
        runner = JobRunner(Job.read(own.root))
        if change is spec:
            runner.run()
            assert own.end.exists()
            continue
        with pytest.raises(ValueError, match=r"stage 'play': counted_envs:Counted-v0: .* another folder"):
            runner.run()
        assert not own.end.exists()


def _moved(needs: dict[str, Any], low: float) -> dict[str, Any]:
    """Needs of an environment that shows a number from another bound on."""
    changed: dict[str, Any] = json.loads(json.dumps(needs))
    changed["senses"]["counted_envs_Counted_v0"]["space"]["low"][1] = low
    return changed
