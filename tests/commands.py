"""The command line, from a test."""

import signal
import subprocess
import sys
from typing import Any

from click.testing import CliRunner, Result

from devlearn.cli import main
from devlearn.cli.group import ENDING


def call(*arguments: Any) -> Result:
    """A command in this process; anything but a clean exit keeps its traceback."""
    heard = {one: signal.getsignal(one) for one in ENDING}
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    for one, handler in heard.items():  # a command that was interrupted ends deaf, and its process with it
        signal.signal(one, handler)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def said(*arguments: Any, code: int = 0) -> str:
    """All that a command in this process prints; it ends with ``code``."""
    result = call(*arguments)
    assert result.exit_code == code, result.output
    return result.output


def fresh(*arguments: str, code: str = "from devlearn.cli import main; main()") -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own."""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)


def hears_ctrl_c() -> None:
    """As in a terminal: tests that were started in the background begin deaf to it, and so would their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
