"""Small jobs, written as the plan writes them."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devlearn.runs.engine import JobFailed, checkpoint
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.job_runner import JobRunner

BRAIN = {"kind": "mlp", "width": [16, 12]}
DIGITS = {"kind": "accuracy", "data": "mnist.valid", "every": 4, "quick": 200}


def write_job(
    run: Path,
    branch: str,
    stages: dict[str, dict[str, Any]],
    probes: dict[str, dict[str, Any]] | None = None,
    seeds: tuple[int, ...] = (0, 1, 2),
    parent: str | None = None,
    others: dict[str, dict[str, Any]] | None = None,
    first: int = 0,
    brain: dict[str, Any] | None = None,
    pin: Sequence[str] = (),
    select: dict[str, str] | None = None,
) -> Path:
    """A job folder. ``stages`` are {name: keys with kind}; ``others`` are stages of the scenario's other arms.

    ``select`` ({probe, metric, better}) keeps the best checkpoints of the last stage.
    """
    folder = run / "jobs" / branch / "block"
    folder.mkdir(parents=True)
    calls = [_call(name, keys, first + i) for i, (name, keys) in enumerate(stages.items())]
    if select is not None:
        calls[-1]["select"] = True
    spec = {
        "format": 1,
        "scenario": "test",
        "arms": ["arm"],
        "branch": branch,
        "seeds": list(seeds),
        "parent": parent,
        "brain": BRAIN if brain is None else brain,
        "needs_stages": calls + [_call(name, keys, 0) for name, keys in (others or {}).items()],
        "stages": calls,
        "probes": {"digits": DIGITS} if probes is None else probes,
        "device": "cpu",
        "path": [],
        "pin": list(pin),
        "select": select,
        "digest": branch,
    }
    (folder / "job.json").write_text(json.dumps(spec))
    return folder


def _call(name: str, keys: dict[str, Any], index: int) -> dict[str, Any]:
    own = {key: value for key, value in keys.items() if key not in ("kind", "total")}
    return {"name": name, "visit": 0, "kind": keys["kind"], "index": index, "keys": own, "total": keys.get("total")}


@contextmanager
def changed_checkpoint(folder: Path) -> Iterator[dict[str, Any]]:
    """The content of a job's newest checkpoint, which is written back as the caller leaves it."""
    path = sorted((folder / "checkpoints").glob("*.pt"))[-1]
    content = checkpoint.load(path)
    yield content
    checkpoint.save(path, content)


def digest(folder: Path) -> dict[str, str]:
    """Every record file's checksum, wall-clock seconds left out."""
    records = folder / "records"
    files = [path for path in sorted(records.rglob("*")) if path.is_file() and path.name != "seconds.csv"]
    return {str(path.relative_to(records)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    """The rows of one table of a visit."""
    import csv

    with (folder / "records" / table).open() as file:
        return list(csv.DictReader(file))


class Stop(Exception):
    """Stands for a kill in the middle of a life."""


def killed_after(folder: Path, checkpoints: int, segment: int) -> None:
    """Live a job until its n-th checkpoint, then stop dead; what follows the checkpoint is left on the disk."""
    life, count = JobRunner(Job.read(folder), segment), 0
    save, after = life._checkpoint, life._after_yield

    def counted(*args: Any) -> None:
        nonlocal count
        save(*args)
        count += 1

    def stopping(*args: Any) -> None:
        after(*args)
        if count >= checkpoints:
            raise Stop

    life._checkpoint, life._after_yield = counted, stopping  # type: ignore[method-assign]
    with pytest.raises(JobFailed, match="Stop"):
        life.run()
