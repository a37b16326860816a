"""The flight recorder: what is read of a process that is there no more, and who has waited too long."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from devlearn.records import flight


@dataclass(frozen=True)
class Env:
    name: str
    timeout: float = 2.0

    def __str__(self) -> str:
        return self.name


def test_the_last_call_is_read_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "flight.bin"
    assert flight.read(path) is None
    with flight.recording(path):
        recorder = flight.recorder()
        recorder.enter(Env("maze"), flight.STEP, 3, 1, 5, 77)
        found = flight.read(path)
        assert found is not None
        assert (str(found), found.called) == ("maze: seed 3, copy 1, episode 5, step 77", "step()")
        recorder.leave()
        found = flight.read(path)
        assert found is not None and found.call == flight.IDLE


def test_a_call_inside_of_another_stands_for_it_and_then_the_other_goes_on(tmp_path: Path) -> None:
    path, outer = tmp_path / "flight.bin", Env("outer")
    with flight.recording(path):
        flight.recorder().enter(outer, flight.RESET, 0, 0, 0, 0)
        with flight.recorder().call(Env("inner"), flight.MAKE):
            assert str(flight.read(path)) == "inner"
        with flight.recorder().call(outer, flight.STEP, (7, 2)):
            assert str(flight.read(path)) == "outer: a trial with seed 7, step 2"
        found = flight.read(path)
    assert found is not None and (str(found), found.called) == ("outer: seed 0, copy 0, episode 0, step 0", "reset()")


def test_patience_ends_with_one_call_and_not_with_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, now = tmp_path / "flight.bin", 0.0
    monkeypatch.setattr(flight.time, "monotonic", lambda: now)
    with flight.recording(path):
        patience, recorder = flight.Patience(path), flight.recorder()
        for _ in range(20):  # ten seconds of calls
            recorder.enter(Env("quick"), flight.STEP, 0, 0, 0, 0)
            now += 0.5
            assert patience.exhausted() is None
        waited = []
        for _ in range(6):
            now += 0.5
            waited.append(patience.exhausted() is not None)
        assert waited == [False] * 4 + [True] * 2  # more than its two seconds
        recorder.leave()
        now += 100
        assert patience.exhausted() is None


def test_a_machine_that_slept_has_not_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, now = tmp_path / "flight.bin", 0.0
    monkeypatch.setattr(flight.time, "monotonic", lambda: now)
    with flight.recording(path):
        patience = flight.Patience(path)
        flight.recorder().enter(Env("slow", 3.0), flight.STEP, 0, 0, 0, 0)
        assert patience.exhausted() is None
        now += 3600
        assert patience.exhausted() is None
        now += 2
        assert patience.exhausted() is not None
