"""Work in processes split off: all of it is done, at last, and its errors are seen."""

import os
import threading
import time
from pathlib import Path

import pytest

from devlearn.report import aside
from devlearn.report.aside import Aside


def note(path: Path) -> None:
    time.sleep(0.05)
    path.write_text(str(os.getpid()))


@pytest.mark.parametrize("cores", [0, 1, 3])
def test_all_is_done_on_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(aside, "_further_cores", lambda: cores)
    monkeypatch.setattr(aside, "BATCH", 2)
    paths = [tmp_path / str(number) for number in range(5)]
    with Aside() as work:
        for path in paths:
            work.do(lambda path=path: note(path))
            assert len(work.children) <= cores
    found = {int(path.read_text()) for path in paths}
    assert found == {os.getpid()} if cores == 0 else len(found) == 3 and os.getpid() not in found
    assert not work.children


def test_an_error_is_seen_and_what_a_child_alone_could_not_do_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "_further_cores", lambda: 2)
    here = os.getpid()
    with Aside() as work:
        work.do(lambda: os.kill(os.getpid(), 9) if os.getpid() != here else note(tmp_path / "done"))
    assert (tmp_path / "done").read_text() == str(here)
    with pytest.raises(ZeroDivisionError), Aside() as work:
        work.do(lambda: 1 / 0)


def test_an_error_outside_leaves_no_child_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "_further_cores", lambda: 2)
    monkeypatch.setattr(aside, "BATCH", 1)
    with pytest.raises(KeyError), Aside() as work:
        work.do(lambda: time.sleep(0.1))
        raise KeyError("outside")
    assert not work.children


def test_a_process_with_threads_is_not_split() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert aside._further_cores() == 0
    stop.set()
    thread.join()
