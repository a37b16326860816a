"""Trying environments in a process of its own, which may hang, exit or crash without taking us along."""

import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import gymnasium

from devlearn.records import flight
from devlearn.records.bounded import bounded
from devlearn.tasks.envs.finding import Tell
from devlearn.tasks.envs.spec import EnvSpec

BEGIN = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from devlearn.tasks.envs import own_process
own_process.main()
"""
TICK = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Cut:
    """How a process ended that came to no answer: the call into an environment that it was in, if any, and its end.

    ``hung``: it was ended because that call took too long. ``over``: because it was too late for another reason.
    """

    found: flight.Flight | None
    how: str
    hung: bool = False
    over: bool = False

    def __str__(self) -> str:
        if self.found is None:
            return f"its process {self.how}"
        who = f"{self.found.called}{f' ({self.found.place})' if self.found.place else ''}"
        return f"{who} {self.how}" if self.hung or self.over else f"its process {self.how} inside {who}"


@dataclass(frozen=True)
class Answer:
    """What a process came to: a ``value``, or None where it was ``cut``; and the bytes that it ``printed``."""

    value: Any
    cut: Cut | None
    printed: int


class CanNotBeTried(RuntimeError):
    """What is to be tried exists in this process only: it can't be sent to another, or imported there."""


def in_own_process(
    function: Callable[..., Any], args: Sequence[Any], specs: Sequence[EnvSpec], seconds: float, tell: Tell
) -> Answer:
    """``function(*args, tell=tell)`` in a process of its own. It is ended when a call into an environment hangs.

    Args:
        function: importable; what it tells is passed on to ``tell``.
        args: can be pickled.
        specs: environments that may be registered here without a module that could be imported there.
        seconds: that it may take in all.

    Raises:
        CanNotBeTried: one of these can't be sent to another process.
    """
    try:
        order = pickle.dumps((function, tuple(args), registered_here(specs)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise CanNotBeTried(str(error)) from error
    ours, theirs = Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder, ours:
        printed, path = Path(folder) / "printed", Path(folder) / "flight.bin"
        with printed.open("ab") as file, theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", BEGIN],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                pass_fds=(theirs.fileno(),),
            )
            assert process.stdin is not None
            with suppress(BrokenPipeError), process.stdin as stdin:  # one that ends at once is seen below
                stdin.write(pickle.dumps(sys.path) + pickle.dumps((theirs.fileno(), str(path))) + order)
        try:
            with bounded(printed) as left_out:
                value, cut = _heard(process, ours, path, seconds, tell)
        finally:
            process.kill()
            process.wait()
        if cut is not None and not cut.hung and not cut.over:
            cut = Cut(cut.found, f"{cut.how}{_last_line(printed)}")
        return Answer(value, cut, printed.stat().st_size + left_out.bytes)


def _heard(
    process: "subprocess.Popen[bytes]", ours: Connection, path: Path, seconds: float, tell: Tell
) -> tuple[Any, Cut | None]:
    """The answer of a process, or how it ended without one."""
    patience, deadline = flight.Patience(path), time.monotonic() + seconds
    while True:
        if ours.poll(TICK):
            try:
                kind, content = ours.recv()
            except EOFError:
                return None, Cut(_inside(path), f"ended ({_end(process.wait())})")
            if kind == "unknown":
                raise CanNotBeTried(content)
            if kind == "done":
                return content, None
            tell(content)
        elif found := patience.exhausted():
            return None, Cut(found, f"has not returned after {found.timeout:g} seconds", hung=True)
        elif time.monotonic() > deadline:
            return None, Cut(_inside(path), f"had not returned when {seconds:g} seconds were over", over=True)


def _inside(path: Path) -> flight.Flight | None:
    found = flight.read(path)
    return None if found is None or found.call == flight.IDLE else found


def _end(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _last_line(printed: Path) -> str:
    """The last line that a process printed, where it ended with an exception of its own."""
    lines = printed.read_bytes()[-2000:].decode("utf-8", "replace").strip().split("\n")
    return f": {lines[-1]}" if "Error" in lines[-1] or "Exception" in lines[-1] else ""


def main() -> None:
    """Where the process begins: what it is asked for comes through stdin, and its answer goes into a pipe."""
    number, path = pickle.load(sys.stdin.buffer)
    answers = Connection(number, readable=False)
    try:
        function, args, known = pickle.load(sys.stdin.buffer)
    except Exception as error:  # of whatever module it would have to import
        answers.send(("unknown", f"{type(error).__name__}: {error}"))
        return
    register(known)
    with flight.recording(Path(path)):
        answers.send(("done", function(*args, tell=lambda what: answers.send(("told", what)))))


def registered_here(specs: Sequence[EnvSpec]) -> dict[str, Any]:
    """What Gymnasium has of environments that may be registered here without a module that could be imported."""
    plain = {spec.id for spec in specs if ":" not in spec.id}
    return {id: gymnasium.registry[id] for id in plain & {*gymnasium.registry}}


def register(known: Mapping[str, Any]) -> None:
    """Register what ``registered_here`` gave in another process, where it isn't."""
    for id, spec in known.items():
        gymnasium.registry.setdefault(id, spec)
