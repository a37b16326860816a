"""What a shell is told when it completes a command."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from devlearn.cli import main


def completed(*words: str) -> list[str]:
    """What may stand for the last of ``words``; what the shell itself is to complete is ``<dir>`` or ``<file>``."""
    found = ShellComplete(main, {}, "devlearn", "_DEVLEARN_COMPLETE").get_completions([*words[:-1]], words[-1])
    return [item.value if item.type == "plain" else f"<{item.type}>" for item in found]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["run", "first_s"], ["first_steps"]),
        (["run", "innate/wav"], ["innate/waves"]),
        (["run", "wav"], ["innate/waves"]),
        (["register", "to"], ["toy.yaml"]),
        (["run", "folder/"], ["folder/mine.yml"]),
        (["run", "nothing-like-it"], ["<file>"]),
        (["check", "to"], ["toy.yaml"]),
        (["check", "sta"], ["stage"]),
        (["check", "stage", "trial.pp"], ["trial.ppo"]),
        (["check", "data", "mnist3"], ["mnist32"]),
        (["list", "prot"], ["protections"]),
        (["list", "probes", "accu"], ["accuracy"]),
        (["list", "envs", "CartPole-v1"], ["CartPole-v1"]),
        (["export", "runs/it", "--to", "par"], ["parquet"]),
        (["export", "runs/it", "--to", "on"], ["onnx"]),
        (["report", "r"], ["runs/it"]),
        (["run", "toy.yaml", "--executor", "sl"], ["slurm"]),
        (["replicate", "first_steps_s"], ["first_steps_second"]),
        (["resume", "i"], ["runs/it"]),
        (["compare", "runs/it", "folder/"], ["folder/other"]),
        (["report", "nothing"], ["<dir>"]),
    ],
)
def test_a_shell_completes(here: Path, words: list[str], names: list[str]) -> None:
    for run in ("runs/it", "folder/other"):
        (here / run / "jobs").mkdir(parents=True)
    (here / "folder/mine.yml").touch()
    (here / "folder/notes.txt").touch()
    assert completed(*words) == names


BASH = """
source <(devlearn completion bash)
complete -p devlearn >&2
COMP_WORDS=(devlearn run first_s) COMP_CWORD=2
_devlearn_completion devlearn first_s run
echo "${COMPREPLY[@]}"
"""


def bash_is_new_enough() -> bool:
    """Completion takes bash 4.4, which some systems do not have."""
    bash = shutil.which("bash")
    told = bash and subprocess.run(
        [bash, "-c", "echo $((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))"], capture_output=True
    )
    return bool(told) and int(told.stdout) >= 404


@pytest.mark.skipif(not bash_is_new_enough(), reason="needs bash 4.4 or newer")
def test_a_real_bash_completes(here: Path) -> None:
    (here / "devlearn").write_text(f"#!{sys.executable}\nfrom devlearn.cli import main\n\nmain()\n")
    (here / "devlearn").chmod(0o755)
    done = subprocess.run(["bash", "-c", f'PATH="$PWD:$PATH"\n{BASH}'], capture_output=True, text=True, check=True)
    assert "_devlearn_completion devlearn" in done.stderr and done.stdout == "first_steps\n"
