"""Work that nobody waits for, in a process split off from this one."""

import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType


class Aside:
    """Does work in processes split off from this one, as many as there are further cores; on leaving it waits for all.

    Only Linux can split a process without harm, and only one without further threads; elsewhere the work is done at
    once. What a child could not do is done again here, so that its error is seen.
    """

    def __init__(self) -> None:
        self.children: dict[int, Callable[[], object]] = {}

    def __enter__(self) -> "Aside":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        while self.children:
            self._wait(again=error is None)

    def do(self, work: Callable[[], object]) -> None:
        """Have ``work`` done by the end: nothing that it changes is seen here, but for files."""
        room = _further_cores()
        if not room:
            work()
            return
        while len(self.children) >= room:
            self._wait()
        child = os.fork()
        if not child:
            _do_and_end(work)
        self.children[child] = work

    def _wait(self, again: bool = True) -> None:
        """Wait for the child that was begun first."""
        child = next(iter(self.children))
        _, status = os.waitpid(child, 0)
        work = self.children.pop(child)
        if status and again:
            work()


def _further_cores() -> int:
    if sys.platform != "linux" or threading.active_count() > 1:
        return 0
    return len(os.sched_getaffinity(0)) - 1


def _do_and_end(work: Callable[[], object]) -> None:
    """A child's whole life: no handler of this process runs at its end, and nothing that waits to be printed is."""
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)
