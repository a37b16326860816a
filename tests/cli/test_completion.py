"""What a shell is told when it completes a command."""

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
