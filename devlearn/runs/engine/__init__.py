"""From a job's folder to records: ``live`` begins or resumes a job, ``learner`` takes a grown learner out of one."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from devlearn.learners.cohort import Cohort
from devlearn.records.layout import JobFolder
from devlearn.records.text import EvidenceError
from devlearn.runs.engine import checkpoint
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.job_runner import JobFailed, JobRunner
from devlearn.runs.engine.probing import probing_of

__all__ = ["JobFailed", "grown", "learner", "live", "probing_of", "remains"]


def live(folder: Path, segment: int | None = None) -> None:
    """Live or resume the job that ``folder``/job.json describes. A finished job is left as it is.

    ``segment``: yields between checkpoints; by default they go by the clock. The records do not depend on it.

    Raises:
        JobFailed: a stage or an environment raised.
        ValueError: the folder belongs to another version, or its records were changed.
    """
    torch.set_num_threads(1)
    job = Job.read(Path(folder))
    if not JobFolder(job.folder).end.exists():
        with settled_heap():
            JobRunner(job, segment).run()


@contextmanager
def settled_heap() -> Iterator[None]:
    """Spare what has been imported from garbage collection: with torch's modules a full pass takes 50 ms.

    Where somebody has frozen the heap before, as a fork server's preload does, it stays so.
    """
    frozen = gc.get_freeze_count() > 0
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()


def learner(folder: Path, seed: int) -> nn.Module:
    """The network of one learner at the end of a finished job. Raises what ``remains`` raises."""
    return grown(folder, seed)[1].member(0)


def grown(folder: Path, seed: int) -> tuple[Job, Cohort]:
    """A finished job with one of its seeds alone, and a cohort of that learner. Raises what ``remains`` raises."""
    tensors, _ = remains(folder, seed)
    job = Job.read(Path(folder))
    alone = replace(job, spec=job.spec.model_copy(update={"seeds": (seed,)}))
    cohort = alone.cohort()
    cohort.load({name: tensor.unsqueeze(0) for name, tensor in tensors.items()})
    return alone, cohort


def remains(folder: Path, seed: int) -> tuple[dict[str, Tensor], dict[str, float]]:
    """One learner at the end of a finished job: its tensors by qualified name, and the ledger of its whole life.

    Raises:
        EvidenceError: the job has no such seed, or its artifact is damaged.
        FileNotFoundError: the job is not finished.
    """
    job = Job.read(Path(folder))
    if seed not in job.seeds:
        raise EvidenceError(f"{folder} holds the seeds {', '.join(map(str, job.seeds))}, not {seed}")
    end, row = checkpoint.load_artifact(JobFolder(job.folder).end, job.device), job.seeds.index(seed)
    ledger = {unit: column[row].item() for unit, column in end["ledger"].items()}
    return {name: tensor[row] for name, tensor in end["brain"].items()}, ledger
