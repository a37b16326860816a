"""Environments of others: what they may do to a run, what is said of it, and that a check says the same."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scratch_envs

import devlearn
from devlearn.records.layout import RunFolder
from devlearn.runs import pipeline
from devlearn.runs.run import RunFailed
from devlearn.scenario import ScenarioError
from devlearn.tasks.envs import EnvSpec
from devlearn.tasks.envs.check import check_env_apart
from devlearn.tasks.envs.finding import Finding
from tests.cut import Over, long_enough

SCENARIO = """
devlearn: 1
scenario: foreign
seeds: 2
brain: {{kind: mlp, width: [8]}}
stages:
  play: {{kind: trial.ppo, env: "scratch_envs:scratch/Fine-v0", env_steps: 64, num_envs: 2, rollout: 16,
         minibatches: 2, step_timeout: {timeout:g}}}
arms:
{arms}
probes:
  skill: {{kind: return, env: "scratch_envs:scratch/Fine-v0", episodes: 3, worst: 0}}
compare: {{probe: skill, at: end, smallest_effect: 0.1, pairs: [[{pair}]]}}
"""
INSIDE = "seed 0, copy 0, episode 0, step"  # of the learner whose environment is the first to be called
TOLD = {  # what a run says of an environment that makes a job fail
    "HangsInStep": (f"{INSIDE} 3: step() has not returned after 5 seconds, in bad (", "step_timeout"),
    "HoldsTheLock": (f"{INSIDE} 3: step() has not returned after 5 seconds",),
    "HangsInReset": (f"{INSIDE} 0: reset() has not returned after 5 seconds",),
    "Exits": (f"{INSIDE} 3: its process ended inside step() (exit status 3)",),
    "SysExits": (f"{INSIDE} 3: step(", "raised SystemExit: no licence"),
    "Interrupts": ("stage 'play' (trial.ppo), update 0", f"{INSIDE} 3: step(", "KeyboardInterrupt: a key of its own"),
    "EndsGenerators": (f"{INSIDE} 3: step(", "raised GeneratorExit: no more levels"),
    "EndsInReset": (f"{INSIDE} 0: reset(", "raised OutOfLevels: none is left"),
    "Crashes": (f"{INSIDE} 3: its process ended inside step() (killed by SIGSEGV): in string_at (",),
    "OutOfMemory": (f"{INSIDE} 3: step(", "raised MemoryError: no room for the map"),
    "WrongShape": (f"{INSIDE} 0: reset(", "shape (3,) instead of (2,)"),
    "NaNReward": (f"{INSIDE} 1: the reward is not finite",),
    "FourResults": (f"{INSIDE} 1: step(", "not enough values to unpack"),
}
GOES_ON = ("Fine", "Unseeded", "GlobalGenerator", "Prints", "ClassSpaces", "JustOutside", "FarOutside", "NeverEnds")
REFUSED = {  # what is said where nothing is trained
    "HangsInMake": "make() has not returned after 2 seconds",
    "EndsInMake": "its process ended (exit status 5) inside make()",
    "NeedsKeyword": "it needs size; write env_kwargs: {size: ..}",
    "FailsInMake": "FileNotFoundError: no map.txt (",
    "Sequences": "observations of Sequence have no fixed size",
}
WARNED = ("Unseeded", "GlobalGenerator", "FarOutside", "NeverEnds")  # of what goes on, what a check has a word about


def write(folder: Path, *envs: str, timeout: float = 5) -> Path:
    """A scenario with an arm for each environment, and the module that registers them beside it."""
    shutil.copy(scratch_envs.__file__, folder)
    arms = [f'  {env}: [{{use: play, set: {{env: "scratch_envs:scratch/{env}-v0"}}}}]' for env in envs]
    text = SCENARIO.format(arms="\n".join(arms), pair=", ".join(envs[:2]), timeout=timeout)
    path = folder / "foreign.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[str], dict[str, Any]]:
    """Of one run with an arm for each environment: the errors of those that failed, those done, the comparison."""
    folder = tmp_path_factory.mktemp("foreign")
    with pytest.raises(RunFailed) as caught:
        devlearn.run(write(folder, *GOES_ON, *TOLD), out=folder / "run", progress=False, report=False)
    outcome = caught.value.outcome
    errors = {arm: failure.error for failure in outcome.failed for arm in failure.job.arms}
    answer = json.loads(RunFolder(folder / "run").comparison.read_text(encoding="utf-8"))
    return errors, [arm for job in outcome.done for arm in job.arms], answer


def test_an_environment_that_breaks_its_job_is_named_and_the_others_finish(found: tuple[Any, ...]) -> None:
    errors, done, _ = found
    assert sorted(done) == sorted(GOES_ON) and sorted(errors) == sorted(TOLD)
    for env, parts in TOLD.items():
        assert f"scratch/{env}-v0: " in errors[env]
        for part in parts:
            assert part in errors[env]


def test_a_seed_that_decides_nothing_is_told_and_leaves_nothing_paired(found: tuple[Any, ...]) -> None:
    _, _, answer = found
    (pair,) = answer["comparisons"]
    assert (pair["test"], pair["undetermined"]) == ("Welch, unpaired", ["scratch_envs:scratch/Unseeded-v0"])
    told = [warning for warning in answer["warnings"] if "does not decide what it shows" in warning]
    assert len(told) == 2 and any("GlobalGenerator-v0" in one for one in told)
    assert not any("seeds in common" in warning for warning in answer["warnings"])


BESIDE = "seed 1, copy 0, episode 0, step 3"  # of the first copy that another process steps
TOLD_BESIDE = {
    "RaisesBeside": ("step(", "raised KeyError: 'no such tile' (", "scratch_envs.py:"),
    "ExitsBeside": ("its process ended inside step() (exit status 3)",),
    "CrashesBeside": ("its process ended inside step() (killed by SIGSEGV): in string_at (",),
    "HangsBeside": ("step() has not returned after 3 seconds, so its process was ended",),
    "HoldsTheLockBeside": ("step() has not returned after 3 seconds, so its process was ended",),
}


def records(run: Path, env: str) -> dict[str, bytes]:
    """The record files of the arm of an environment, those with wall-clock seconds excepted."""
    (job,) = (folder for folder in run.glob("jobs/*/*") if f"/{env}-v0" in lived(folder))
    files = [path for path in (job / "records").rglob("*") if path.is_file() and path.name != "seconds.csv"]
    return {path.relative_to(job).as_posix(): path.read_bytes() for path in files}


def test_in_several_processes_records_are_the_same_and_failures_are_told_as_well(tmp_path: Path) -> None:
    path, alone, several = write(tmp_path, "Fine", *TOLD_BESIDE, timeout=3), tmp_path / "alone", tmp_path / "several"
    with pytest.raises(RunFailed) as caught:
        devlearn.run(path, out=several, progress=False, report=False, env_workers=2)
    errors = {arm: failure.error for failure in caught.value.outcome.failed for arm in failure.job.arms}
    assert errors.keys() == TOLD_BESIDE.keys()
    for env, parts in TOLD_BESIDE.items():
        assert f"scratch/{env}-v0: {BESIDE}: " in errors[env]
        for part in parts:
            assert part in errors[env]
    path = write(tmp_path, "Fine", "ClassSpaces", timeout=3)
    devlearn.run(path, out=alone, progress=False, report=False, env_workers=1)
    assert records(alone, "Fine") == records(several, "Fine") and len(records(alone, "Fine")) > 3


@pytest.mark.parametrize("env", REFUSED)
def test_what_can_not_be_made_is_refused_at_its_line(env: str, tmp_path: Path) -> None:
    path = write(tmp_path, "Fine", env, timeout=2)
    with pytest.raises(ScenarioError) as caught:
        pipeline.plan(pipeline.load(path))
    assert REFUSED[env] in str(caught.value) and f"scratch/{env}-v0: " in str(caught.value)
    line = next(i for i, text in enumerate(path.read_text().split("\n"), 1) if text.startswith(f"  {env}:"))
    assert caught.value.problems[0].line == line


def checked(env: str) -> list[Finding]:
    return check_env_apart(EnvSpec(f"scratch_envs:scratch/{env}-v0"), 8, lambda what: None)


@pytest.mark.parametrize("env", [*GOES_ON, *TOLD, *REFUSED])
def test_a_check_refuses_what_a_run_refuses_and_nothing_else(env: str) -> None:
    findings = checked(env)
    broken = [finding for finding in findings if not finding.ok]
    assert any(not finding.runs for finding in broken) == (env not in GOES_ON), broken
    assert bool(broken) == (env not in GOES_ON or env in WARNED), broken
    if env == "Prints":
        assert "MB" in next(one.message for one in findings if one.name == "output")


def start(scenario: Path, run: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "devlearn", "run", str(scenario), "--out", str(run), "--no-report"]
    environment = {**os.environ, "DEVLEARN_CHECKPOINT_SECONDS": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    with (run.parent / "out").open("wb") as out, (run.parent / "err").open("wb") as err:
        return subprocess.Popen(command, env=environment, stdout=out, stderr=err)


def until(happened: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    while not happened():
        if process.poll() is not None:
            assert process.returncode == 0
            raise Over
        time.sleep(0.02)


def lived(job: Path) -> str:
    """The environment of a job's stage."""
    return str(json.loads((job / "job.json").read_text(encoding="utf-8"))["stages"][0]["keys"]["env"])


def test_a_life_that_can_not_be_replayed_goes_on_after_a_kill_and_says_so(tmp_path: Path) -> None:
    long_enough(tmp_path, kill_half_way)


def kill_half_way(folder: Path, times: int) -> None:
    path, run = write(folder, "Fine", "Unseeded"), folder / "run"
    path.write_text(path.read_text().replace("env_steps: 64", f"env_steps: {960 * times}"), encoding="utf-8")
    process = start(path, run)

    def half_way() -> bool:
        return any("Unseeded" in lived(job.parents[1]) for job in run.glob("jobs/*/*/checkpoints/00000003.pt"))

    until(half_way, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert start(path, run).wait() == 0, (folder / "err").read_text()
    assert "does not decide what it shows" in (folder / "err").read_text()
    answer = json.loads(RunFolder(run).comparison.read_text(encoding="utf-8"))
    assert any("Unseeded: the run was resumed" in warning for warning in answer["warnings"])
    assert answer["arms"]["Unseeded"]["ledger"]["env_steps"] == 960 * times
    output = (folder / "out").read_text()
    assert "Unpaired, as the seed of" in " ".join(output.split()) and "unpaired" in output
