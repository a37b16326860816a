"""The flight recorder: what a process was doing inside an environment, for whoever finds it dead or waits for it.

Environments are other people's programs. They may exit, crash in a library of theirs, be killed for their memory or
never return, and then nobody is left to tell. So every call into one is written down before it is made, in a file that
is mapped into memory: that costs some hundred nanoseconds, and what is written outlives the process.
"""

import mmap
import os
import re
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

IDLE, IMPORT, MAKE, RESET, STEP, RENDER, CLOSE = range(7)
CALLS = ("", "import", "make()", "reset()", "step()", "render()", "close()")
STEP_TIMEOUT = 60.0  # seconds that one call may take, where nothing else is said
CALL = struct.Struct("<2qQ5qd")  # count, call, seed, copy, episode, step, of whom these four are, relayed, timeout
NOBODY, LEARNER, TRIAL = range(3)
WORDS = 1024  # bytes of the environment's name, after the call
SIZE = CALL.size + WORDS
TICK = 0.5  # seconds between two looks of who waits
PACK, NO_CALL = CALL.pack_into, (IDLE, 0, 0, 0, 0, 0, 0, 0.0)
INNERMOST = re.compile(r'^Current thread .*\n  File "(.*)", line (\d+) in (.*)', re.MULTILINE)

Memory = bytearray | mmap.mmap | memoryview


class Named(Protocol):
    """An environment: its ``str()`` is its name, and one call into it may take ``timeout`` seconds."""

    @property
    def timeout(self) -> float: ...


@dataclass(frozen=True)
class Flight:
    """One call into an environment: the ``count``-th, and which (``IDLE``: none is under way).

    ``place`` says of whom: the learner's seed, the copy, its episode and the step; empty where there is none yet.
    ``relayed``: it is a call of another process, which this one waits for.
    """

    count: int
    call: int
    env: str
    place: str
    timeout: float
    relayed: bool = False

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.env, self.place)))

    @property
    def called(self) -> str:
        """What was called, in words."""
        return f"importing {self.env.rpartition(':')[0]}" if self.call == IMPORT else CALLS[self.call]


class FlightRecorder:
    """Writes calls into ``memory`` of ``SIZE`` bytes, which others may read too, or else into its own."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.count = 0
        self._env: Named | None = None
        self._memory: Memory = bytearray(SIZE) if memory is None else memory
        self._relayed = b""

    def enter(self, env: "Named", call: int, seed: int, copy: int, episode: int, step: int) -> None:
        """A call into ``env`` begins, of a copy of a learner's. It may take ``env.timeout`` seconds."""
        if self._env is not env:
            self._name(env)
        self.count += 1
        PACK(self._memory, 0, self.count, call, seed, copy, episode, step, LEARNER, 0, env.timeout)

    def leave(self) -> None:
        """The last call has returned."""
        PACK(self._memory, 0, self.count, *NO_CALL)

    def relay(self, content: bytes) -> None:
        """Another process that is waited for has this on record: whoever waits for this one is told the same."""
        if content != self._relayed:
            self._relayed, self.count = content, self.count + 1
        _, *call, _, timeout = CALL.unpack_from(content)
        PACK(self._memory, 0, self.count, *call, 1, timeout)
        self._memory[CALL.size :], self._env = content[CALL.size : SIZE], None

    @contextmanager
    def call(self, env: "Named", call: int, trial: tuple[int, int] | None = None) -> Iterator[None]:
        """A call of no learner in particular. One inside of another stands for it; then the other goes on.

        ``trial`` are the seed and the step of an episode that is only tried.
        """
        before, outer = bytes(self._memory[: CALL.size]), self._env
        if outer is not env:
            self._name(env)
        self.count += 1
        seed, step = trial or (0, 0)
        PACK(self._memory, 0, self.count, call, seed, 0, 0, step, TRIAL if trial else NOBODY, 0, env.timeout)
        try:
            yield
        finally:
            if outer is not None and outer is not env:
                self._name(outer)
            self._memory[: CALL.size] = before
            self.count += 1
            struct.pack_into("<q", self._memory, 0, self.count)  # whoever waits sees that something has happened

    def _name(self, env: "Named") -> None:
        self._env = env
        self._memory[CALL.size :] = str(env).encode("utf-8", "replace")[: WORDS - 1].ljust(WORDS, b"\0")


_recorder: ContextVar[FlightRecorder] = ContextVar("recorder")
_nobody = FlightRecorder()


def recorder() -> FlightRecorder:
    """Where calls are written down here and now; into memory alone where nobody has asked for more."""
    return _recorder.get(_nobody)


@contextmanager
def recording(to: Path | Memory) -> Iterator[None]:
    """Calls inside are written down in a file, or in memory of ``SIZE`` bytes."""
    if isinstance(to, Path):
        with to.open("w+b") as file:
            to = shared(file.fileno())
    token = _recorder.set(FlightRecorder(to))
    try:
        yield
    finally:
        _recorder.reset(token)


def read(path: Path) -> Flight | None:
    """The last call of a process, or None where none is on record."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return None if len(content) < SIZE else read_from(content)


def read_from(content: bytes) -> Flight:
    """The last call of the process that has these ``SIZE`` bytes on record."""
    count, call, seed, copy, episode, step, whose, relayed, timeout = CALL.unpack_from(content)
    places = ("", f"seed {seed}, copy {copy}, episode {episode}, step {step}", f"a trial with seed {seed}, step {step}")
    name = content[CALL.size : SIZE].rstrip(b"\0").decode("utf-8", "replace")
    return Flight(count, call, name, places[whose], timeout, bool(relayed))


def shared(file: int) -> mmap.mmap:
    """Memory for ``recording``, in an open file that other processes may map too."""
    if os.fstat(file).st_size < SIZE:
        os.ftruncate(file, SIZE)
    return mmap.mmap(file, SIZE)


def ended(code: int) -> str:
    """What an exit status says, or minus the signal that killed a process."""
    if code >= 0:
        return f"exit status {code}"
    memory = ", which is what the system does where memory runs out" * (code == -signal.SIGKILL)
    return f"killed by {signal.Signals(-code).name}{memory}"


def crashed_in(text: str) -> str:
    """The innermost Python line of the last crash that faulthandler wrote of; empty where it knew none."""
    found = INNERMOST.search(text[max(text.rfind("Fatal Python error:"), 0) :])
    return f"in {found[3]} ({found[1]}:{found[2]})" if found else ""


class Patience:
    """Waits for a process: how long the call that it is in has been under way.

    Time is counted by whoever waits, look by look and never more than a few ticks at once, so that a machine that
    slept, or processes that were stopped and continued together, are not taken for hanging.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count, self._waited, self._looked = -1, 0.0, time.monotonic()

    def exhausted(self, more: float = 0.0) -> Flight | None:
        """The call that has taken longer than it may (and ``more`` seconds on top), if there is one."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, 4 * TICK), now
        found = read(self.path)
        if found is None or found.call == IDLE or found.count != self._count:
            self._count, self._waited = -1 if found is None else found.count, 0.0
            return None
        self._waited += passed
        return found if self._waited > found.timeout + more else None
