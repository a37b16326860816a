"""One thread for every test, and the quick set: what it leaves out is marked ``full`` and counted at the end.

Small tensor programs on shared cores are fastest and reproducible on one thread.
"""

import gc
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.quick import left_to_the_whole

torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background, where a KeyboardInterrupt is nobody's
    signal.signal(signal.SIGINT, signal.default_int_handler)
LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_collection_finish() -> None:
    """Every job looks for garbage before it begins: not in torch and thousands of tests, a tenth of a second each."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """A folder that no other test's folder lies beside: a run remembers its neighbours."""
    own = tmp_path / "own"
    own.mkdir()
    return own


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in list(left_to_the_whole(items)):
        item.add_marker("full")


def pytest_deselected(items: list[pytest.Item]) -> None:
    config = items[0].config
    marks = [mark for item in items for mark in ("slow", "full") if item.get_closest_marker(mark)]
    config.stash.setdefault(LEFT_OUT, Counter()).update(marks)
    if hasattr(config, "workeroutput"):  # a process of xdist, whose words only reach its parent this way
        config.workeroutput["left_out"] = dict(config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every process collects all tests, so the last one's count is the count."""
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, Counter())
    if left_out.total():
        what = f"{left_out['full']} further cases, kills and browsers (full), {left_out['slow']} long studies (slow)"
        terminalreporter.write_line(f"left out: {what}; run them with: make test-all")
