"""A run folder made smaller: what no answer needs is removed, the records never.

A run's end states are most of its bytes. Evidence and report read records only; learners at a job's end are needed by
jobs that go on from them, and by whoever wants the networks. What was removed and is needed after all (an arm is added
that begins with the same stages) is trained anew, to the same records.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from devlearn.records.atomic import locked, write_json
from devlearn.records.checksum import beside
from devlearn.records.layout import JobFolder, RunFolder
from devlearn.records.ownership import check_own, is_run, no_run
from devlearn.records.schema import JobState
from devlearn.runs.folder import FolderMismatch, read_resolved
from devlearn.runs.prepare import PATIENCE

Kind = Literal["moments", "between", "queue", "learners"]
WORDS: Mapping[Kind, str] = {
    "moments": "optimiser moments that nobody goes on with",
    "between": "learners that other jobs went on from",
    "queue": "files of a cluster's queue",
    "learners": "learners at the end of their arms",
}


@dataclass(frozen=True)
class Spare:
    """What can go, in which job's folder, and how many bytes that is."""

    kind: Kind
    job: JobFolder
    bytes: int


@dataclass(frozen=True)
class Thinned:
    """What of a run folder went (or would), by kind in bytes, and how many bytes were there before."""

    gone: Mapping[Kind, int]
    before: int


def thin(folder: Path, learners: bool = False, pretend: bool = False) -> Thinned:
    """Remove from a run folder what no answer needs.

    Args:
        learners: the arms' learners too; without them no network can be handed over any more.
        pretend: only say what would go.

    Raises:
        FolderMismatch: it is no run folder.
        FolderLocked: it is being trained.
        ValueError: an end state is damaged.
    """
    if not is_run(folder):
        raise FolderMismatch(no_run(folder))
    check_own(folder)
    with locked(folder, str(folder), PATIENCE):
        before = _size(folder)
        gone: Counter[Kind] = Counter()
        for spare in _spare(folder, learners):
            gone[spare.kind] += spare.bytes
            if not pretend:
                _remove(spare)
        return Thinned(gone, before)


def _spare(folder: Path, learners: bool) -> Iterator[Spare]:
    """What can go, trials of ``tune`` included: nobody goes on from these."""
    for run in (RunFolder(folder), RunFolder(folder).tune):
        plan = read_resolved(run.root) if run.root.is_dir() else None
        if plan is not None:
            yield from _of_jobs(run, plan, learners, trials=run.root != folder)


def _of_jobs(run: RunFolder, plan: Mapping[str, Any], learners: bool, trials: bool) -> Iterator[Spare]:
    entries = plan["jobs"]
    states = {entry["folder"]: JobState.read(run.job(entry["folder"]).state) for entry in entries}
    bare = {name: state.without_moments for name, state in states.items() if state and state.status == "done"}
    awaited = {
        name for entry in entries if entry["folder"] not in bare for name in (entry["parent"], *entry.get("givers", ()))
    }
    last = {arm["path"][-1] for point in plan["points"] for arm in point["arms"].values()}
    for entry in entries:
        name, job = entry["folder"], run.job(entry["folder"])
        if name not in bare or name in awaited:
            continue
        if job.queue.is_dir():
            yield Spare("queue", job, _size(job.queue))
        if not job.end.exists():
            continue
        ends = entry["branch"] in last and not trials
        if not ends or learners:
            yield Spare("learners" if ends else "between", job, job.end.stat().st_size)
        elif not bare[name] and (moments := _moments(job)):
            yield Spare("moments", job, moments)


def _moments(job: JobFolder) -> int:
    """Bytes of the optimiser moments in an end state."""
    import torch

    from devlearn.runs.engine import checkpoint

    def count(value: Any) -> int:
        if isinstance(value, Mapping):
            return sum(map(count, value.values()))
        return value.nbytes if isinstance(value, torch.Tensor) else 0

    return count(checkpoint.load_artifact(job.end)["inherited"])


def _remove(spare: Spare) -> None:
    job = spare.job
    if spare.kind == "queue":
        for path in job.queue.iterdir():
            path.unlink()
        job.queue.rmdir()
    elif spare.kind == "moments":
        from devlearn.runs.engine import checkpoint

        checkpoint.save_artifact(job.end, {**checkpoint.load_artifact(job.end), "inherited": None})
        state = JobState.read(job.state)
        assert state is not None
        write_json(job.state, state.model_copy(update={"without_moments": True}).content())
    else:
        job.end.unlink()
        beside(job.end).unlink(missing_ok=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
