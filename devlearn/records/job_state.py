"""What a supervisor knows of a job: its description, its state and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from devlearn.records.layout import JobFolder, RunFolder
from devlearn.records.schema import EvidenceError, JobSpec, Progress
from devlearn.records.versions import RECORDS

Status = Literal["waiting", "running", "done", "failed", "not run"]


@dataclass(frozen=True)
class JobInfo:
    """One branch of the tree of arms for one block of seeds. Folders are relative to the run.

    ``parent`` is the job whose learners it goes on with, ``givers`` are those whose learners its stages take.
    """

    folder: str
    branch: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    parent: str | None
    stages: tuple[str, ...]
    seconds: float = 1.0  # a rough estimate, for what to start first and how to weigh progress
    givers: tuple[str, ...] = ()
    continues: bool = False  # with the optimiser moments of its parent

    @property
    def before(self) -> tuple[str, ...]:
        """The jobs that have to be done before it begins."""
        return (*([] if self.parent is None else [self.parent]), *self.givers)

    @property
    def title(self) -> str:
        """For people: the arms and the seeds."""
        return f"{', '.join(self.arms)} (seeds {span(self.seeds)})"


@dataclass(frozen=True)
class View:
    """How far a job is: ``index`` of the stage it is in, the share of that stage and of the whole job, in 0..1."""

    job: JobInfo
    status: Status
    index: int = 0
    fraction: float = 0.0
    overall: float = 0.0
    updates: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    diverged: int = 0
    env_processes: int = 1

    def share(self, stage: int) -> float:
        """The share of this job's ``stage``-th stage that has been lived."""
        if self.status == "done" or self.index > stage:
            return 1.0
        return self.fraction if self.index == stage else 0.0


def span(seeds: Sequence[int]) -> str:
    """``0-7`` for consecutive seeds, ``3,7,9`` for others, ``0-7,9`` for both; in the order that they have."""
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in consecutive(seeds))


def consecutive(seeds: Sequence[int]) -> list[list[int]]:
    """Seeds in their order, parted where one does not follow on the one before."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return runs


def read_spec(job: JobFolder, resume: bool = False) -> JobSpec | None:
    """A job's description, or None where there is none.

    Raises:
        EvidenceError: it, or the records beside it, are of a version that can't be read; with ``resume``, gone on with.
    """
    spec = JobSpec.read(job.spec, resume)
    if spec is not None and (why := RECORDS.refusal(spec.records, resume)):
        raise EvidenceError(f"{job.root}: {why}")
    return spec


def load_job(run: Path, entry: Mapping[str, Any]) -> JobInfo:
    """The job of one entry of ``resolved.json``'s ``jobs``, completed from its ``job.json``.

    Raises:
        FileNotFoundError: the folder has no job.json.
    """
    job = RunFolder(run).job(entry["folder"])
    spec = read_spec(job)
    if spec is None:
        raise FileNotFoundError(f"{job.spec} is missing")
    return job_info(entry["folder"], spec)


def job_info(folder: str, spec: JobSpec) -> JobInfo:
    """The job of ``folder`` (relative to the run) with its description."""
    stages = tuple(stage.name for stage in spec.stages)
    givers = tuple(dict.fromkeys(giver.folder for giver in spec.givers))
    own = (folder, spec.branch, spec.arms, spec.seeds, spec.parent, stages)
    return JobInfo(*own, spec.seconds, givers, spec.continues)


def view(run: Path, job: JobInfo, status: Status) -> View:
    """What the job's own progress.json says; of a damaged one, nothing: it is rewritten about once a second."""
    if status == "done":
        return View(job, status, len(job.stages), 1.0, 1.0)
    try:
        found = Progress.read(RunFolder(run).job(job.folder).progress)
    except (EvidenceError, OSError):
        found = None
    if found is None:
        return View(job, status)
    far = (found.index, found.fraction, found.overall, found.updates)
    return View(job, status, *far, found.metrics, found.diverged, found.env_processes)
