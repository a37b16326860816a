"""What an environment raises, in a stage and in a probe: stage, probe, seed and step are named, whatever it is."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scratch_envs  # noqa: F401  (registers)

from devlearn.runs.engine import JobFailed, live
from tests.runs.engine.jobs import write_job

FINE, STAGE = "scratch/Fine-v0", "stage 'play' (trial.ppo), update 0, of arm, seeds 0, 1, 2"
RAISED = {
    "scratch/Interrupts-v0": ", step 3: step(0) raised KeyboardInterrupt: a key of its own",
    "scratch/EndsGenerators-v0": ", step 3: step(0) raised GeneratorExit: no more levels",
    "scratch/EndsInReset-v0": ", step 0: reset(seed=",
    "scratch/SysExits-v0": ", step 3: step(0) raised SystemExit: no licence",
}


def keys(env: str) -> dict[str, Any]:
    return {"kind": "trial.ppo", "env": env, "env_steps": 64, "num_envs": 2, "rollout": 16, "minibatches": 2}


@pytest.fixture
def deaf() -> Iterator[None]:
    """As a worker is."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("env", RAISED)
def test_in_a_stage_the_stage_and_the_step_are_named(env: str, tmp_path: Path, deaf: None) -> None:
    with pytest.raises(JobFailed) as caught:
        live(write_job(tmp_path, "a", {"play": keys(env)}, {}))
    told = str(caught.value).replace("step(1)", "step(0)")
    assert told.startswith(f"{STAGE}: WorldError: {env}: seed 0, copy ") and RAISED[env] in told


@pytest.mark.parametrize("env", RAISED)
def test_in_a_probe_at_birth_the_probe_and_the_step_are_named(env: str, tmp_path: Path, deaf: None) -> None:
    with pytest.raises(JobFailed) as caught:
        live(write_job(tmp_path, "a", {"play": keys(FINE)}, {"skill": {"kind": "return", "env": env, "episodes": 2}}))
    told = str(caught.value).replace("step(1)", "step(0)")
    assert told.startswith(f"at birth, of arm, seeds 0, 1, 2: probe 'skill' (return): WorldError: {env}: seed 0, copy ")
    assert RAISED[env] in told


def test_a_key_that_the_user_presses_is_no_failure_of_an_environment(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        live(write_job(tmp_path, "a", {"play": keys("scratch/Interrupts-v0")}, {}))
