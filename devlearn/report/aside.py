"""Work that nobody waits for, in a process split off from this one."""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

BATCH = 6  # pieces of work that one process does: to split off each costs as much as a small figure


class Aside:
    """Does work in processes split off from this one, as many as there are further cores; on leaving it waits for all.

    Only Linux can split a process without harm, and only one without further threads; elsewhere the work is done at
    once. What a child could not do is done again here, so that its error is seen.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []
        self.children: dict[int, list[Callable[[], object]]] = {}

    def __enter__(self) -> "Aside":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self._split()
        while self.children:
            self._wait(again=error is None)

    def do(self, work: Callable[[], object]) -> None:
        """Have ``work`` done by the end: nothing that it changes is seen here, but for files."""
        self.waiting.append(work)
        if len(self.waiting) >= BATCH:
            self._split()

    def _split(self) -> None:
        """Have a process of its own do what waits."""
        works, self.waiting, room = self.waiting, [], _further_cores()
        while room and len(self.children) >= room:
            self._wait()
        child = os.fork() if room and works else None
        if child is None:
            _do(works)
        elif child:
            self.children[child] = works
        else:
            _do_and_end(works)

    def _wait(self, again: bool = True) -> None:
        """Wait for the child that was begun first."""
        child = next(iter(self.children))
        _, status = os.waitpid(child, 0)
        works = self.children.pop(child)
        if status and again:
            _do(works)


def _further_cores() -> int:
    if sys.platform != "linux" or threading.active_count() > 1:
        return 0
    return len(os.sched_getaffinity(0)) - 1


def _do(works: Iterable[Callable[[], object]]) -> None:
    for work in works:
        work()


def _do_and_end(works: Iterable[Callable[[], object]]) -> None:
    """A child's whole life: no handler of this process runs at its end, and nothing that waits to be printed is."""
    status = 1
    try:
        _do(works)
        status = 0
    finally:
        os._exit(status)
