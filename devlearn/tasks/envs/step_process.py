"""A process that steps some of the copies of an environment, and this end of it."""

import ctypes
import faulthandler
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import IO, Any, ClassVar

from devlearn.records import flight
from devlearn.tasks.envs.board import Layout, memory_file, shared_board
from devlearn.tasks.envs.copies import Copies, CopyFailed
from devlearn.tasks.envs.failures import describe, failures, place
from devlearn.tasks.envs.own_process import CanNotBeTried, register, registered_here
from devlearn.tasks.envs.registration import WorldError
from devlearn.tasks.envs.spec import EnvSpec

BEGIN = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from devlearn.tasks.envs import step_process
step_process.main()
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PR_SET_PDEATHSIG = 1  # of Linux's prctl


class StepProcess:
    """A process of its own that steps ``copies`` (a slice) of a world, and dies with this one.

    It is asked one thing at a time, and does it while others do theirs. One that was released waits for the next world.

    Attributes:
        spec: what it steps.
        masked: whether its copies say which actions are allowed; None before one of them was reset.
    """

    spec: EnvSpec
    _idle: ClassVar[list["StepProcess"]] = []
    _all: ClassVar[set["StepProcess"]] = set()

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        self._trace: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  what faulthandler writes of its crash
        self._recorder, self._asked = flight.recorder(), False
        self._all.add(self)
        self.copies = slice(0)
        self.masked: bool | None = None
        with memory_file() as file, theirs:
            self._flight = flight.shared(file.fileno())
            given = (theirs.fileno(), file.fileno(), self._trace.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BEGIN],
                stdin=subprocess.PIPE,
                pass_fds=given,
                env={**os.environ, **ONE_THREAD},
            )
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):  # one that ends at once is seen when it is asked
                self._process.stdin.write(pickle.dumps(sys.path) + pickle.dumps(given))
                self._process.stdin.flush()  # and stays open: its end is how the process knows of ours

    @classmethod
    def of(cls, spec: EnvSpec, reuse: bool, whom: Sequence[tuple[int, int]], copies: slice) -> "StepProcess":
        """One that makes its copies of ``spec`` now.

        Raises:
            CanNotBeTried: the environment exists in this process only.
        """
        try:
            order = pickle.dumps((registered_here([spec]), spec, reuse, list(whom[copies])))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise CanNotBeTried(str(error)) from error
        one = cls._idle.pop() if cls._idle else cls()
        one.spec, one.copies, one.masked, one._recorder = spec, copies, None, flight.recorder()
        one.ask("open", order)
        return one

    def show_on(self, file: int, layout: Layout) -> None:
        """Wait until its copies are made, and give them their part of the board in ``file``.

        Raises:
            CanNotBeTried: the environment can't be imported there.
            WorldError: it can't be made there.
        """
        self.answer()
        self.ask("board", (layout, self.copies))
        send_handle(self._pipe, file, self._process.pid)
        self.answer()

    def ask(self, what: str, content: Any = None) -> None:
        """Begin to do ``what`` ``Copies`` do."""
        self._asked = True
        with suppress(BrokenPipeError):  # one that has ended is named when it is waited for
            self._pipe.send((what, content))

    def answer(self) -> None:
        """Wait until it is done. Whoever waits for this process is told what that one is in.

        Raises:
            CopyFailed: one of its copies failed; numbered as in all of the world.
            WorldError: it has ended inside one of them.
        """
        relayed = False
        while not self._pipe.poll(flight.TICK):
            self._recorder.relay(bytes(self._flight))
            relayed = True
        if relayed:
            self._recorder.leave()
        try:
            kind, *content = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            raise self._ended() from None
        self._asked = False
        if kind == "done":
            (self.masked,) = content
        elif kind == "failed":
            raise CopyFailed(self.copies.start + content[0], content[1])
        else:
            raise (CanNotBeTried if kind == "unknown" else WorldError)(*content)

    def _ended(self) -> WorldError:
        """How it has ended, and inside which call."""
        found, code = flight.read_from(bytes(self._flight)), self._process.wait()
        trace = os.pread(self._trace.fileno(), 2**18, 0).decode("utf-8", "replace")
        print(trace, end="", file=sys.stderr)
        at = f": {line}" if (line := flight.crashed_in(trace)) else ""
        if found.call == flight.IDLE:
            return WorldError(f"{self.spec}: a process that steps its copies ended ({flight.ended(code)}){at}")
        return WorldError(f"{found}: its process ended inside {found.called} ({flight.ended(code)}){at}")

    def release(self) -> None:
        """Close its copies. It waits for the next world, unless it has ended, or is still in something."""
        if not self._asked:
            self.ask("close")
            try:
                self.answer()
            except WorldError:
                self._asked = True
        if self._asked:
            self._end()
        else:
            self._idle.append(self)

    def _end(self) -> None:
        self._all.discard(self)
        self._process.kill()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._pipe.close()
        self._trace.close()

    @classmethod
    def busy(cls) -> int:
        """How many step copies now."""
        return len(cls._all) - len(cls._idle)

    @classmethod
    def end_idle(cls) -> None:
        """End those that wait."""
        while cls._idle:
            cls._idle.pop()._end()


# ---- the other end -----------------------------------------------------------------------------------------------


def main() -> None:
    """Where the process begins: what it is asked for comes through a pipe, and so do its answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; whoever asks decides
    number, memory, trace = pickle.load(sys.stdin.buffer)
    _die_with_owner(os.dup(sys.stdin.fileno()))
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    faulthandler.enable(trace)
    with flight.recording(flight.shared(memory)):
        _serve(Connection(number))


def _die_with_owner(life: int) -> None:
    """End when the process at the other end of ``life`` has ended, however that was."""
    if sys.platform == "linux":  # also where an environment keeps Python's lock
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        os.read(life, 1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _serve(pipe: Connection) -> None:
    """Do what is asked for, one thing after another, until nobody asks any more."""
    copies: Copies | None = None
    while True:
        try:
            what, content = pipe.recv()
        except EOFError:
            return
        if what == "open":
            copies, answer = _opened(content)
            pipe.send(answer)
            continue
        assert copies is not None
        try:
            if what == "board":
                file = recv_handle(pipe)
                layout, own = content
                copies.show_on(shared_board(file, layout).part(own))
                os.close(file)
            elif what == "close":
                copies.close()
            else:
                copies.do(what, content)
            pipe.send(("done", copies.masked))
        except CopyFailed as failure:
            traceback.print_exception(failure)
            at = "" if failure.__cause__ is None else place(failure.__cause__)
            pipe.send(("failed", failure.copy, f"{failure.what}{at}"))


def _opened(order: bytes) -> tuple[Copies | None, tuple[Any, ...]]:
    """The copies that are asked for, and the answer."""
    try:
        known, spec, reuse, whom = pickle.loads(order)
    except Exception as error:  # of whatever module it would have to import
        return None, ("unknown", describe(error))
    register(known)
    try:
        return Copies(spec, reuse, whom), ("done", None)
    except failures() as error:
        return None, ("raised", str(error))
