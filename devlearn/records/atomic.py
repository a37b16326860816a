"""Files that several processes read while one writes: whole or not at all, and UTF-8 whatever the locale."""

import fcntl
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

from devlearn.records.text import EvidenceError, as_json, writable

PART = ".part"
CHANGED = "it was changed, or cut off when a disk was full"


class FolderLocked(RuntimeError):
    """Another process holds the folder."""


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[IO[bytes]]:
    """A binary file that becomes ``path`` when the block ends without an error: readers see the old file or the new.

    ``durable``: it is on the disk before it replaces the old one, so that it outlives a loss of power too.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{PART}")  # nobody else's
    try:
        with part.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename == str(part):
            error.filename = str(path)  # what somebody is told was to be written
        if part.exists():
            part.unlink()
        raise


def remove_parts(folder: Path) -> None:
    """Remove what killed writers left; for a folder that nobody else writes to."""
    for part in folder.glob(f".*{PART}"):
        part.unlink()


def put_aside(path: Path) -> Path:
    """Give a damaged file, or what stands in its place, another name beside it; nothing is lost. The new path."""
    names = (path.with_name(f"{path.name}.damaged{number or ''}") for number in count())
    aside = next(name for name in names if not os.path.lexists(name))
    return path.rename(aside)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8; what is none is escaped."""
    write_bytes(path, writable(text).encode())


def write_json(path: Path, value: Any, indent: int | None = 1, allow_nan: bool = True) -> None:
    """Write plain values as JSON, whole."""
    write_text(path, as_json(value, indent, allow_nan) + "\n")


def read_file(path: Path) -> bytes:
    """The bytes of a file. A pipe would be waited for, and a device has no end: neither is opened.

    Raises:
        EvidenceError: something else than a file or a folder stands there. And what opening a file raises.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise EvidenceError(f"{path}: a pipe, a socket or a device stands in its place; move it away")
    return path.read_bytes()


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in ``path``, or None where there is no such file.

    Raises:
        EvidenceError: the file holds something else.
    """
    found = read_any_json(path)
    if found is not None and not isinstance(found[0], dict):
        raise EvidenceError(f"{path}: no JSON object; {CHANGED}")
    return None if found is None else found[0]


def read_any_json(path: Path) -> tuple[Any] | None:
    """The one value in ``path``, which may be null, or None where there is no such file.

    Raises:
        EvidenceError: the file is no JSON.
    """
    try:
        content = read_file(path)
        return (json.loads(content),)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:  # no UTF-8, or no JSON
        raise EvidenceError(f"{path}: no JSON ({error}); {CHANGED}") from error


@contextmanager
def locked(folder: Path, what: str, patience: float = 0.0) -> Iterator[None]:
    """Hold ``folder``/.lock; the system lets go of it when this process ends, however it ends.

    Raises:
        FolderLocked: another process still holds it after ``patience`` seconds. ``what`` is the sentence's beginning.
    """
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, what, time.monotonic() + patience)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, what: str, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode() or "unknown"
            if time.monotonic() >= deadline or holder == str(os.getpid()):  # this process will not be gone
                raise FolderLocked(f"{what} is in use by another devlearn (process {holder})") from None
            time.sleep(0.05)
