"""What the fork server has ready for its workers."""

import subprocess
import sys

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
