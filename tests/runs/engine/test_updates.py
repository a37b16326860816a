"""However updates are run, lives that were cut off and gone on with by another process end with the same records."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devlearn.learners.cohort import Cohort
from devlearn.learners.compiled import why_not
from devlearn.runs.engine import live
from tests.runs.engine.jobs import digest, killed_after, write_job

PLAY = {"kind": "trial.ppo", "env": "CartPole-v1", "num_envs": 2, "rollout": 16, "epochs": 2, "env_steps": 384}
PROBES = {"skill": {"kind": "return", "env": "CartPole-v1", "episodes": 2, "every": 8}}


def worked(folder: Path) -> None:
    """The job is trained, or gone on with, by a worker of its own."""
    done = subprocess.run([sys.executable, "-m", "devlearn", "worker", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(bool(why_not()), reason="nothing can be compiled here")
def test_a_compiled_life_that_was_cut_ends_with_the_same_records(tmp_path: Path) -> None:
    whole, cut, plain = (
        write_job(tmp_path / name, "branch", {"play": PLAY}, PROBES, compiled=name != "plain")
        for name in ("whole", "cut", "plain")
    )
    worked(whole)
    killed_after(cut, 3, segment=2)
    worked(cut)
    live(plain)
    assert digest(cut) == digest(whole) != digest(plain)


def test_a_life_of_convolutions_on_large_and_small_minibatches_that_was_cut_ends_with_the_same_records(
    tmp_path: Path,
) -> None:
    """Small minibatches are mapped, large ones looped: in this life and in what goes on with it alike."""
    school = {"kind": "supervise", "data": "mnist.train", "updates": 6}
    stages = {"much": {**school, "batch": 64}, "little": {**school, "batch": 4}, "more": {**school, "batch": 64}}
    seeds, brain = (0, 1, 2, 3), {"kind": "conv", "channels": [4], "width": [8]}
    whole, cut = (write_job(tmp_path / name, "branch", stages, {}, seeds, brain=brain) for name in ("whole", "cut"))
    with pytest.MonkeyPatch.context() as patch:
        mapped = counted(patch)
        live(whole)
    assert 6 <= mapped() <= 8  # each update of `little`, and what is asked beforehand
    killed_after(cut, 4, segment=2)
    worked(cut)
    assert digest(cut) == digest(whole)


def counted(patch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many calls are mapped from now on."""
    mapped, count = Cohort._mapped, 0

    def counting(*args: Any) -> Any:
        nonlocal count
        count += 1
        return mapped(*args)

    patch.setattr(Cohort, "_mapped", counting)
    return lambda: count
