"""SIGKILL again and again, worker and supervisor; the records end byte-identical to those of a run left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from devlearn.runs.engine import checkpoint
from tests.cut import Over, long_enough
from tests.runs.engine.jobs import digest

SCENARIO = """
devlearn: 1
scenario: killed
seeds: 2
brain: {{kind: mlp, width: [64, 32], activation: tanh}}
stages:
  look:  {{kind: pretrain.denoise, updates: {updates}}}
  reach: {{kind: trial.ppo, env: devlearn/DigitReach-v0, env_steps: {reach}, num_envs: 4, rollout: 32}}
  swing: {{kind: trial.ppo, env: Acrobot-v1, env_steps: {swing}, num_envs: 4, rollout: 32}}
  walk:
    {{kind: trial.ppo, env: BipedalWalker-v3, env_steps: {walk}, num_envs: 2, rollout: 32,
      normalise_observations: true}}
arms:
  grown: [look, reach, swing, walk]
probes:
  rebuild: {{kind: objective, stage: look, every: 100}}
"""
ENVIRONMENT = {**os.environ, "DEVLEARN_CHECKPOINT_SECONDS": "0.1", "OMP_NUM_THREADS": "1"}


def start(run: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "devlearn",
        "run",
        str(run.parent / "killed.yaml"),
        "--out",
        str(run),
        "--no-report",
    ]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def job_of(run: Path, stage: str = "") -> Path:
    return next(path.parent for path in run.glob(f"jobs/{stage}*/*/job.json"))


def overall(job: Path) -> float:
    path = job / "progress.json"
    return json.loads(path.read_text())["overall"] if path.exists() else 0.0


def in_a_stage(job: Path) -> bool:
    """Whether the newest checkpoint lies in the middle of a stage."""
    content = checkpoint.load_last(job / "checkpoints")
    return content is not None and content["state"] is not None and content["yields"] > 0


def worker_of(job: Path) -> int:
    """The process that holds the job's folder, or held it last; 0 where there is none yet."""
    path = job / ".lock"
    return int(path.read_text() or 0) if path.exists() else 0


def kill_at(
    run: Path,
    share: float,
    supervisor: subprocess.Popen[bytes],
    whom: str,
    dead: set[int],
    *,
    middle: bool,
    stage: str = "",
) -> None:
    """Kill when the job, that of ``stage``, is ``share`` of its way, or, with ``middle``, at a checkpoint inside a
    stage from there.

    Waits for a checkpoint, and for a worker that is none of the ``dead`` ones; adds the one that dies now.

    Raises:
        Over: The run ended before that.
    """
    while (
        not list(run.glob(f"jobs/{stage}*/*/checkpoints/*.pt"))
        or overall(job_of(run, stage)) < share
        or worker_of(job_of(run, stage)) in dead
        or (middle and not in_a_stage(job_of(run, stage)))
    ):
        if supervisor.poll() is not None:
            assert supervisor.returncode == 0
            raise Over
        time.sleep(0.02)
    worker = worker_of(job_of(run, stage))
    os.kill(supervisor.pid if whom == "supervisor" else worker, signal.SIGKILL)
    dead.add(worker)


def finished(run: Path) -> bool:
    return (job_of(run) / "artifacts" / "end.pt").exists()


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_again_and_again_and_not_a_byte_differs(tmp_path: Path, kills: int) -> None:
    share = kills / 20  # long enough for so many
    budgets = {"updates": 700, "reach": 14_000, "swing": 10_000, "walk": 4_500}

    def text(times: int) -> str:
        return SCENARIO.format(**{name: int(times * share * budget) for name, budget in budgets.items()})

    long_enough(tmp_path, lambda folder, times: kill_and_compare(folder, text(times), kills))


STREAM = """
devlearn: 1
scenario: worlds
seeds: 2
brain: {kind: mlp, width: [64, 32]}
stream:
  kind: envs
  envs: [devlearn/DigitReach-v0, {env: devlearn/DigitReach-v0, env_kwargs: {reach: 14}}, CartPole-v1]
  experts: false
  stage: {env_steps: STEPS, num_envs: 4, rollout: 32}
  probe: {episodes: 2, every: 8}
arms:
  life: [stream]
compare: {metric: average, matrix: {}}
"""


def test_a_stream_of_environments_is_killed_and_not_a_byte_differs(tmp_path: Path) -> None:
    long_enough(tmp_path, lambda folder, times: kill_and_compare(folder, STREAM.replace("STEPS", str(1500 * times)), 2))


def kill_and_compare(folder: Path, text: str, kills: int) -> None:
    """A run of one job whose worker, or supervisor, is killed so often, beside one that is left alone."""
    (folder / "killed.yaml").write_text(text)
    whole, cut = folder / "whole", folder / "cut"
    assert start(whole).wait() == 0
    moments = np.sort(np.random.default_rng(0).uniform(0.0, 0.97, kills))
    supervisor, dead = start(cut), {0}
    for number, moment in enumerate(moments):
        if supervisor.poll() is not None:  # the last one was killed, or gave up on a job whose worker died so often
            supervisor = start(cut)
        whom = "supervisor" if number % 3 == 2 else "worker"
        kill_at(cut, moment, supervisor, whom, dead, middle=number % 4 != 3)  # every fourth at whatever moment it is
        if whom == "supervisor":
            assert supervisor.wait() == -signal.SIGKILL
        else:
            time.sleep(0.3)
    if supervisor.poll() is None:
        supervisor.wait()
    assert finished(cut) or start(cut).wait() == 0
    assert digest(job_of(cut)) == digest(job_of(whole))


YOKED = """
devlearn: 1
scenario: yoked
seeds: 2
block: 2
brain: {kind: mlp, width: [64, 32], activation: tanh}
stages:
  act: &act
    kind: trial.ppo
    env: devlearn/ThreeStories-v0
    env_kwargs: {k: 3, acts: choose}
    env_steps: STEPS
    num_envs: 4
    rollout: 32
  led: {<<: *act, of: {arm: active, stage: act, what: stream}}
arms:
  active: [act]
  led: [led]
probes:
  named: {kind: return, env: devlearn/ThreeStories-v0, episodes: 4, every: 32, worst: 0}
"""


def test_who_is_yoked_and_killed_goes_on_where_the_other_was(tmp_path: Path) -> None:
    long_enough(tmp_path, kill_the_yoked)


def kill_the_yoked(folder: Path, times: int) -> None:
    (folder / "killed.yaml").write_text(YOKED.replace("STEPS", str(6144 * times)))
    whole, cut = folder / "whole", folder / "cut"
    assert start(whole).wait() == 0
    supervisor, dead = start(cut), {0}
    for share, stage, whom in ((0.3, "act", "worker"), (0.3, "led", "worker"), (0.7, "led", "supervisor")):
        kill_at(cut, share, supervisor, whom, dead, middle=True, stage=stage)
    assert supervisor.wait() == -signal.SIGKILL
    if (job_of(cut, "led") / "artifacts" / "end.pt").exists():
        raise Over
    assert start(cut).wait() == 0
    for stage in ("act", "led"):
        assert digest(job_of(cut, stage)) == digest(job_of(whole, stage))
