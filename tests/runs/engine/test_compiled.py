"""Lives whose updates are compiled: cut off and gone on with by another process they end with the same records."""

import subprocess
import sys
from pathlib import Path

import pytest

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
