"""A worker of a fork server that has imported ``devlearn.runs.preload`` finds all that a job needs there."""

import subprocess
import sys
from pathlib import Path

from devlearn.runs import pipeline

SCENARIO = """
devlearn: 1
scenario: tiny
seeds: 2
brain: {kind: conv, channels: [2], width: [4]}
stages:
  play: {kind: trial.ppo, env: devlearn/DigitReach-v0, env_steps: 16, num_envs: 2, rollout: 4, minibatches: 1}
  school: {kind: supervise, labels: 10, updates: 2}
arms: {one: [play, school]}
probes:
  digits: {kind: accuracy, data: mnist.valid, quick: 10}
"""


def test_a_job_imports_nothing_of_ours_after_the_preload_and_no_compiler(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    written = pipeline.write(pipeline.load(tmp_path / "tiny.yaml"), tmp_path / "run")
    job = next(spec.parent for spec in written.folder.rglob("job.json"))
    program = (
        "import sys; from pathlib import Path\n"
        "import devlearn.runs.executors.worker as worker, devlearn.runs.preload\n"
        "there = set(sys.modules)\n"
        f"worker.work(Path({str(job)!r}))\n"
        "new = {name for name in set(sys.modules) - there if name.startswith(('devlearn', 'torchvision', 'scipy'))}\n"
        "assert not new, new\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


PROGRAM = """
import os
os.environ["PYTHONSAFEPATH"] = {value!r}
from devlearn.tasks.data import mnist
def read(part):
    raise {error}
mnist.read = read
import devlearn.runs.preload
print(os.environ.get("PYTHONSAFEPATH"))
"""


def preloaded(value: str, error: str) -> str:
    program = PROGRAM.format(value=value, error=error)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_digits_that_are_damaged_stop_nobody_who_needs_none() -> None:
    assert preloaded("devlearn", "OSError('damaged')") == preloaded("devlearn", "EOFError()") == "None"


def test_a_safe_path_that_the_user_asked_for_is_left() -> None:
    assert preloaded("1", "OSError('damaged')") == "1"
