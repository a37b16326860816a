"""How processes end: threads that environments leave, folders that they change, signals, a fork server that dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.kills import fork_servers, processes, until, workers
from tests.commands import hears_ctrl_c

ENVS = """
import os, threading, time, ctypes
import gymnasium, numpy as np
from gymnasium import spaces

class Odd(gymnasium.Env):
    def __init__(self, how="plain", render_mode=None):
        self.how = how
        self.observation_space, self.action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
        if how == "threads":
            for _ in range(5):
                threading.Thread(target=time.sleep, args=(3600,)).start()
        if how == "wanders":
            os.chdir("/")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        if self.how == "holds" and os.path.exists("hold"):
            open(f"held-{os.getpid()}", "w").close()
            ctypes.PyDLL(None).sleep(600)
        if self.how == "slow":
            time.sleep(0.01)
        return np.zeros(2, np.float32), float(action), False, self.t >= 20, {}

gymnasium.register("Odd-v0", entry_point=Odd)
"""
SCENARIO = """
devlearn: 1
scenario: odd
seeds: 2
block: 1
brain: {{kind: mlp, width: [8]}}
stages:
  play: {{kind: trial.ppo, env: "odd_envs:Odd-v0", env_kwargs: {{how: {how}}}, env_steps: {steps}, num_envs: 2,
         rollout: 16, minibatches: 2}}
arms: {{a: [play], b: [{{use: play, set: {{lr: 0.01}}}}]}}
probes: {{skill: {{kind: return, env: "odd_envs:Odd-v0", episodes: 2, worst: 0}}}}
compare: {{probe: skill, smallest_effect: 0.1, pairs: [[b, a]]}}
"""


def start(folder: Path, how: str, steps: int) -> "subprocess.Popen[str]":
    (folder / "odd_envs.py").write_text(ENVS)
    (folder / "odd.yaml").write_text(SCENARIO.format(how=how, steps=steps))
    command = [sys.executable, "-m", "devlearn", "run", "odd.yaml", "--out", "run", "--jobs", "2", "--no-report"]
    return subprocess.Popen(
        [*command, "--env-workers", "1"],
        cwd=folder,
        env={**os.environ, "DEVLEARN_CHECKPOINT_SECONDS": "0.3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hears_ctrl_c,
    )


@pytest.mark.parametrize("how", ["threads", "wanders"])
def test_a_run_ends_whatever_its_environments_leave_behind(tmp_path: Path, how: str) -> None:
    process = start(tmp_path, how, steps=64)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert (tmp_path / "run" / "comparison.json").exists()
    gone(process)


def gone(process: "subprocess.Popen[str]") -> None:
    """Nothing that a run started outlives it, its fork server by a moment at most."""
    until(lambda: not processes(process.pid), 10)
    assert not processes(process.pid)


def begun(process: "subprocess.Popen[str]") -> None:
    until(lambda: process.poll() is not None or len(workers(process.pid)) == 2, 90)
    assert process.poll() is None and len(workers(process.pid)) == 2
    time.sleep(1)


@pytest.mark.parametrize(("one", "times"), [(signal.SIGINT, 5), (signal.SIGTERM, 1), (signal.SIGHUP, 1)])
def test_a_signal_ends_a_run_once_with_the_word_how_to_go_on(tmp_path: Path, one: signal.Signals, times: int) -> None:
    process = start(tmp_path, "slow", steps=50_000)
    begun(process)
    for _ in range(times):
        if process.poll() is None:
            os.killpg(process.pid, one)
        time.sleep(0.05)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "devlearn resume run goes on" in errors and "Traceback" not in errors
    gone(process)


def test_a_fork_server_that_dies_is_started_again_and_the_run_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, "slow", steps=200)
    begun(process)
    for server in fork_servers(process.pid):
        os.kill(server, signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Aborted" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends a worker with its fork server on Linux")
def test_a_worker_that_an_environment_holds_ends_with_its_supervisor(tmp_path: Path) -> None:
    process = start(tmp_path, "holds", steps=50_000)
    until(lambda: process.poll() is not None or (tmp_path / "run" / "jobs").exists(), 60)
    (tmp_path / "hold").touch()
    until(lambda: process.poll() is not None or list(tmp_path.glob("held-*")), 90)
    held = [int(path.name.partition("-")[2]) for path in tmp_path.glob("held-*")]
    assert held and process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    gone(process)
