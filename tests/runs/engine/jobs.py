"""Small jobs, written as the plan writes them."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.atomic import write_json
from devlearn.records.layout import JobFolder, RunFolder, job_name
from devlearn.records.schema import GiverEntry, JobSpec, NeedEntry, ProbeEntry, SelectEntry, VisitEntry
from devlearn.records.versions import JOB, RECORDS
from devlearn.runs.engine import JobFailed, checkpoint
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.job_runner import JobRunner
from devlearn.runs.engine.visit_runner import VisitRunner

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
    givers: Sequence[dict[str, str]] = (),
    compiled: bool = False,
) -> Path:
    """A job folder. ``stages`` are {name: keys with kind}; ``others`` are stages of the scenario's other arms.

    ``givers`` are {arm, stage, what, folder} of what stages take from other arms.

    ``select`` ({probe, metric, better}) keeps the best checkpoints of the last stage.
    """
    folder = RunFolder(run).job(job_name(branch, "block")).root
    folder.mkdir(parents=True)
    visits = [_visit(name, keys, first + i) for i, (name, keys) in enumerate(stages.items())]
    if select is not None:
        visits[-1] = visits[-1].model_copy(update={"select": True})
    needs = [*visits, *(_visit(name, keys, 0) for name, keys in (others or {}).items())]
    spec = JobSpec(
        format=JOB.written,
        records=RECORDS.written,
        scenario="test",
        arms=("arm",),
        branch=branch,
        seeds=seeds,
        parent=parent,
        givers=tuple(GiverEntry.of(giver) for giver in givers),
        brain=BRAIN if brain is None else brain,
        needs_stages=tuple(NeedEntry(name=visit.name, kind=visit.kind, keys=visit.keys) for visit in needs),
        stages=tuple(visits),
        probes={name: ProbeEntry.of(keys) for name, keys in ({"digits": DIGITS} if probes is None else probes).items()},
        pin=tuple(pin),
        select=None if select is None else SelectEntry.of(select),
        digest=branch,
        compiled=compiled,
    )
    write_json(JobFolder(folder).spec, spec.content())
    return folder


def _visit(name: str, keys: dict[str, Any], index: int) -> VisitEntry:
    own = {key: value for key, value in keys.items() if key not in ("kind", "total")}
    return VisitEntry.of({"name": name, "kind": keys["kind"], "index": index, "keys": own, "total": keys.get("total")})


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

    with (folder / "records" / table).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Stop(Exception):
    """Stands for a kill in the middle of a life."""


def killed_after(folder: Path, checkpoints: int, segment: int) -> None:
    """Live a job until its n-th checkpoint, then stop dead; what follows the checkpoint is left on the disk."""
    save, after = checkpoint.save_next, VisitRunner._after_yield
    count = 0

    def counted(*args: Any) -> None:
        nonlocal count
        save(*args)
        count += 1

    def stopping(*args: Any) -> bool:
        somebody = after(*args)
        if count >= checkpoints:
            raise Stop
        return somebody

    with pytest.MonkeyPatch.context() as patch, pytest.raises(JobFailed, match="Stop"):
        patch.setattr(checkpoint, "save_next", counted)
        patch.setattr(VisitRunner, "_after_yield", stopping)
        JobRunner(Job.read(folder), segment).run()
