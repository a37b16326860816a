"""What a job's records were when it was done: files that were changed, or taken away, afterwards are known by it.

It shows what was edited by hand or damaged, to whoever leaves state.json as it is; it is no signature.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devlearn.records.layout import PICTURES, JobFolder
from devlearn.records.schema import JobState


@dataclass(frozen=True)
class Altered:
    """A record file that is not what it was when its job was done. ``file`` is its path in the job's folder."""

    file: str
    how: Literal["changed", "gone", "added"]


def sealed(job: JobFolder) -> dict[str, str]:
    """{path below records/: sha256} of a job that is done. Pictures count for nothing: they may be thrown away."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in _files(job)}


def altered(job: JobFolder, state: JobState) -> Iterator[Altered]:
    """What of a done job's records is not as it was; nothing where its state, an older one, doesn't say."""
    if state.status != "done" or not state.records:
        return
    now = sealed(job)
    for name in sorted(now.keys() | state.records.keys()):
        if name not in now:
            yield Altered(f"records/{name}", "gone")
        elif name not in state.records:
            yield Altered(f"records/{name}", "added")
        elif now[name] != state.records[name]:
            yield Altered(f"records/{name}", "changed")


def _files(job: JobFolder) -> Iterator[tuple[str, Path]]:
    for path in sorted(job.records.rglob("*")):
        if path.is_file() and path.suffix in (".csv", ".npz") and not path.name.endswith(PICTURES):
            yield path.relative_to(job.records).as_posix(), path
