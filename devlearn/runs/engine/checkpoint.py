"""Files of tensors: plain nested dicts, written whole, loaded with ``weights_only=True``."""

import os
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from devlearn.records.atomic import put_aside, remove_parts, replacing, write_text
from devlearn.records.checksum import beside, checksum, intact
from devlearn.records.layout import JobFolder
from devlearn.records.text import EvidenceError

KEPT = 2
_NUMPY = "__numpy__"
_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def _pack(value: Any) -> Any:
    """Numpy arrays as marked tensors, since only tensors and plain values can be loaded safely."""
    if isinstance(value, np.ndarray):
        return {_NUMPY: torch.from_numpy(np.ascontiguousarray(value)).reshape(value.shape)}
    if isinstance(value, dict):
        return {key: _pack(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_pack(entry) for entry in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        return value[_NUMPY].cpu().numpy() if set(value) == {_NUMPY} else {key: _unpack(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_unpack(entry) for entry in value]
    return value


def interval() -> float:
    """Seconds between checkpoints: DEVLEARN_CHECKPOINT_SECONDS, 20 by default. It changes no result."""
    return float(os.environ.get("DEVLEARN_CHECKPOINT_SECONDS", "20"))


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a nested dict of tensors, numpy arrays, numbers, strings and lists (tuples come back as lists).

    Raises FileNotFoundError where the folder around the file's own is gone: a job's is not made anew.
    """
    path.parent.mkdir(exist_ok=True)
    with replacing(path, durable=True) as file:
        write(content, file)


def write(content: dict[str, Any], file: IO[bytes]) -> None:
    """Write tensors and plain values. Raises OSError where the disk is full, of which torch tells by a position."""
    try:
        torch.save(_pack(content), file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What ``save`` wrote, its tensors on a device."""
    content: dict[str, Any] = _unpack(torch.load(path, map_location=device, weights_only=True))
    return content


def kept(folder: Path) -> list[Path]:
    """The checkpoints of a folder, the newest last; what others put beside them is left alone."""
    return sorted(path for path in folder.glob("*.pt") if path.stem.isdecimal())


def save_next(folder: Path, content: dict[str, Any]) -> None:
    """Add a checkpoint to a folder and drop all but the last two."""
    remove_parts(folder)
    existing = kept(folder)
    number = int(existing[-1].stem) + 1 if existing else 0
    save(folder / f"{number:08d}.pt", content)
    for old in kept(folder)[:-KEPT]:
        old.unlink()


def load_last(
    folder: Path, device: torch.device | str = "cpu", unfit: Callable[[dict[str, Any]], str] = lambda content: ""
) -> dict[str, Any] | None:
    """The newest sound checkpoint of a folder, or None where there is none.

    One that is damaged, or that ``unfit`` has something against, is put aside as NAME.pt.damaged, which is told on
    stderr: the job goes on from the one before, or from its beginning, to the same records.
    """
    existing = kept(folder)
    while existing:
        newest = existing.pop()
        content = None if _damaged(newest) else load(newest, device)
        why = "is damaged" if content is None else unfit(content)
        if content is not None and not why:
            return content
        aside = put_aside(newest)
        rest = f"from {existing[-1].name}" if existing else "from its beginning"
        print(f"{newest} {why}: it is kept as {aside.name}, and the job goes on {rest}", file=sys.stderr)
    return None


def _damaged(path: Path) -> bool:
    """Whether a file of tensors, a zip archive with a checksum for each of its parts, is not what was written."""
    if not path.is_file():
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except _NO_ARCHIVE:
        return True


def save_artifact(path: Path, content: dict[str, Any]) -> None:
    """Write what other jobs build upon, with its checksum beside it; it exists once both do. Raises as ``save``."""
    path.parent.mkdir(exist_ok=True)
    remove_parts(path.parent)
    with replacing(path, durable=True) as file:
        write(content, file)
        file.flush()
        write_text(beside(path), checksum(Path(file.name)))


def load_artifact(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Raises EvidenceError where the file is not what was written, FileNotFoundError where there is none."""
    job = JobFolder(path.parents[1])
    mend = f"delete the folder {job.root} and run the scenario again with the same --out, which trains it anew"
    if not path.exists():
        why = f"its job is not finished (`devlearn resume {job.run.root}` goes on), or it was thinned away ({mend})"
        raise FileNotFoundError(f"{path} is missing: {why}")
    if not intact(path):
        raise EvidenceError(f"{path} is damaged (its checksum differs); {mend}")
    return load(path, device)
