"""What others print into a file, and how much of it is kept."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HEAD, TAIL = 2**20, 2**20  # bytes that are kept of the beginning and of the end
MOST = 4 * (HEAD + TAIL)  # bytes from which on a file is cut
TICK = 0.1  # seconds between two looks
LEFT_OUT = b"\n[.. more was printed here: a log keeps its first and its last MB ..]\n"


def cut(path: Path, most: int = MOST) -> int:
    """Leave out the middle of a file of more than ``most`` bytes that others append to; how many bytes were left out.

    They may go on meanwhile, as long as they append (``O_APPEND``): what they write in the instant between the last
    look and the cut is left out too.
    """
    with suppress(FileNotFoundError):
        before = path.stat().st_size
        if before <= most:
            return 0
        with path.open("r+b", buffering=0) as file, path.open("ab", buffering=0) as end:
            file.seek(-TAIL, os.SEEK_END)
            tail = file.read(TAIL)
            file.truncate(HEAD)
            end.write(LEFT_OUT + tail)
            return before - HEAD - len(tail)
    return 0


@dataclass
class LeftOut:
    """How many ``bytes`` were left out so far."""

    bytes: int = 0


@contextmanager
def bounded(path: Path) -> Iterator[LeftOut]:
    """What is appended inside to a file, by whatever process, is cut as often as it grows too large."""
    over, left_out = threading.Event(), LeftOut()

    def watch() -> None:
        while not over.wait(TICK):
            left_out.bytes += cut(path)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield left_out
    finally:
        over.set()
        watching.join()
        left_out.bytes += cut(path)
