"""Which folders and files are ours: nothing else is ever written over.

A run folder is known by its file ``.devlearn``, an export folder by the same file, which there lists what was written,
and its folder of figures by one that has their digests too.
Run folders that are older than the mark are known by what their resolved.json or steps.json holds.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from devlearn.records.atomic import read_json, write_json
from devlearn.records.layout import QUEUE, RunFolder
from devlearn.records.text import EvidenceError

MARK = ".devlearn"
URL = re.compile(r"[a-z][a-z0-9+.-]+:/")  # a path makes one slash of two
NO_URL = (
    "a run folder is locked, appended to and mapped into memory, which object stores can't do; choose a folder with "
    "--out, on a file system that all nodes share, and copy it where you like when it is done"
)
RESOLVED = {"format", "scenario", "digest", "seeds", "points", "jobs"}  # keys of an older folder's resolved.json
MOST_NEAR = 5  # run folders in a message
STEPS = {"format", "scenario", "seeds", "how"}  # of its steps.json, before the trials of tune are finished


class NotOurs(ValueError):
    """Something of somebody else's stands where we would write; the message says what and how to mend it."""


def is_run(folder: Path) -> bool:
    """Whether ``folder`` is one of our run folders, of whatever age."""
    if _mark(folder).get("holds") == "run":
        return True
    return _has(RunFolder(folder).resolved, RESOLVED) or _has(RunFolder(folder).steps, STEPS)


def no_run(folder: Path) -> str:
    """What is said of a folder that is no run's, or not whole, with the runs in it and beside it."""
    if is_run(folder):
        plan, mend = RunFolder(folder).resolved, f"run its scenario again with --out {folder}, which writes it anew"
        return f"{plan} is gone; {mend}, and keeps what was trained"
    places = dict.fromkeys([folder, folder.parent if folder.name else folder, Path("runs")])
    runs = [path for place in places for path in sorted(place.glob("*/")) if is_run(path)]
    near = [str(path) for path in {run.resolve(): run for run in reversed(runs)}.values()][::-1]
    found = f"run folders near it: {', '.join(near[:MOST_NEAR])}{' and others' * (len(near) > MOST_NEAR)}"
    mend = found if near else "`devlearn run SCENARIO` makes one, in runs/SCENARIO or where --out says"
    return f"{folder} is no run folder of devlearn's: it holds no run (no manifest.json that a run wrote); {mend}"


def check_own(folder: Path) -> None:
    """See that a run folder, which may be a stranger's, holds nothing but files and folders.

    What is written where a link stands lands somewhere else, a pipe is waited for, a device has no end.

    Raises:
        EvidenceError: it holds one of these; nothing of ours is written through it or read from it then.
    """
    run = RunFolder(folder)
    places = (run.root, run.figures, run.export, run.genomes, run.tune.root)
    found = chain(*(_odd(place) for place in places), *(_odd(one.jobs, deep=True) for one in (run, run.tune)))
    if (odd := next(found, None)) is not None:
        why = "is a link, and what is written there would land elsewhere" if odd.is_symlink() else "is no file"
        raise EvidenceError(f"{odd}: {why}; a run folder holds files and folders alone: delete it")


def _odd(folder: Path, deep: bool = False) -> Iterator[Path]:
    """What is neither a file nor a folder in a folder, and in those in it; a cluster's queue is left out."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # told by whoever needs it
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if deep and entry.name != QUEUE:
                yield from _odd(Path(entry.path), deep)
        elif not entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def claim_run(folder: Path) -> None:
    """Make ``folder`` and mark it as a run's, unless it is one already.

    Raises:
        NotOurs: it can't be made, or holds files and is no run folder of ours; nothing is written then.
    """
    check_claimable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unfit(folder, error) from error
    if _mark(folder).get("holds") != "run":
        _write_mark(folder, {"holds": "run"})


def check_claimable(folder: Path) -> None:
    """See that ``folder`` is a run's, empty, or not there yet. Writes nothing.

    Raises:
        NotOurs: it holds files and is no run folder of ours, or can't be looked into.
    """
    if URL.match(str(folder)) and not folder.exists():
        raise NotOurs(f"{folder} is a URL: {NO_URL}")
    try:
        strangers = sorted(path.name for path in folder.iterdir() if not _is_lock(path))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _unfit(folder, error) from error
    if strangers and not is_run(folder):
        held = ", ".join(strangers[:3]) + (f" and {len(strangers) - 3} more" if len(strangers) > 3 else "")
        raise NotOurs(
            f"{folder} is not empty and no run folder of devlearn's (it holds {held}), and nothing was written; "
            "choose another with --out"
        )


def _unfit(folder: Path, error: Exception) -> NotOurs:
    why = error.strerror if isinstance(error, OSError) else error
    return NotOurs(f"{folder} can't be made a run folder: {why}; choose another with --out")


def make_folder(folder: Path) -> None:
    """Make ``folder``, and its parents, and see that files can be written into it.

    Raises:
        NotOurs: it can't be made, or takes no files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NotOurs(f"{folder} can't be written into: {why}; choose another folder with --out") from error


def check_free(folder: Path, names: Iterable[str]) -> None:
    """See that none of ``names`` in ``folder`` is a file or folder that we did not write there.

    Raises:
        NotOurs: one is; nothing is written then.
    """
    ours = set(_mark(folder).get("files", ()))
    taken = [name for name in names if name not in ours and (folder / name).exists()]
    if taken:
        raise NotOurs(
            f"{', '.join(taken)} in {folder} would be overwritten, and devlearn did not write it there; "
            "choose another folder with --out"
        )


def note_written(folder: Path, names: Iterable[str]) -> None:
    """Mark ``names`` in ``folder`` as ours, so that they may be written again."""
    before = _mark(folder)
    _write_mark(folder, {**before, "files": sorted({*before.get("files", ()), *names})})


def sweep(folder: Path, written: Iterable[str]) -> None:
    """Remove what an earlier sweep knew as ours in ``folder`` and was not ``written`` now; then ours is what was.

    A file that somebody has changed since is theirs, and stays.
    """
    kept = set(written)
    before = _mark(folder).get("digests", {})
    for name, digest in before.items():
        path = folder / name
        if name not in kept and path.parent == folder and path.is_file() and _digest(path) == digest:
            path.unlink()
    if kept or before:
        _write_mark(folder, {"digests": {name: _digest(folder / name) for name in sorted(kept)}})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_lock(path: Path) -> bool:
    """Whether it is what a run leaves that was stopped before it wrote anything: an empty file, or a process."""
    if path.name != ".lock" or not path.is_file():
        return False
    content = path.read_bytes()
    return not content or content.isdigit()


def _write_mark(folder: Path, content: Mapping[str, Any]) -> None:
    try:
        write_json(folder / MARK, {"devlearn": 1, **content})
    except OSError as error:
        raise NotOurs(f"{folder} can't be written to: {error.strerror}; choose another with --out") from error


def _mark(folder: Path) -> dict[str, Any]:
    """The content of the folder's mark; nothing where there is none, or one that isn't ours."""
    found = _read(folder / MARK)
    return found if found.get("devlearn") == 1 else {}


def _has(path: Path, keys: set[str]) -> bool:
    return keys <= _read(path).keys()


def _read(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``; an empty one where there is none: whatever else stands there is not ours."""
    try:
        return read_json(path) or {}
    except (OSError, EvidenceError):
        return {}
