"""What comes after training is imported beside its last jobs, and never left half imported."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devlearn.runs import train

SLOW = "import time\ntime.sleep(0.3)\nDONE = True\n"


def views(status: str) -> Any:
    return [SimpleNamespace(status=status)]


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module that takes a while, and that is imported beside the last jobs."""
    name = f"slow_{request.node.name}"
    (tmp_path / f"{name}.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(train, "WARM", (name,))
    return name


def watched(watch: Any) -> None:
    watch(views("waiting"))
    assert watch.thread is None
    watch(views("running"))
    watch(views("running"))


EXECUTOR: Any = SimpleNamespace(free_slots=lambda: 1)


def test_what_is_being_imported_is_waited_for(slow: str) -> None:
    with train._Warmer(EXECUTOR) as watch:
        watched(watch)
    assert sys.modules[slow].DONE


def test_it_is_waited_for_after_an_error_too(slow: str) -> None:
    with pytest.raises(ZeroDivisionError), train._Warmer(EXECUTOR) as watch:
        watched(watch)
        raise ZeroDivisionError
    assert sys.modules[slow].DONE
