"""A job's own files: job.json, state.json, cores.json, progress.json."""

from typing import Literal

from pydantic import Field

from devlearn.records.schema.base import FileModel, FileName, JobName, Keys, Number
from devlearn.records.schema.needs import NeedsEntry
from devlearn.records.schema.resolved import ProbeEntry, VisitEntry
from devlearn.records.versions import JOB

JobStatus = Literal["running", "done", "failed"]


class NeedEntry(FileModel):
    """A stage whose needs shape the brain."""

    name: str = Field(description="its name")
    kind: str = Field(description="its kind")
    keys: Keys = Field(description="all its keys")


class GiverEntry(FileModel):
    """Learners of another arm that a stage of a job takes."""

    arm: str = Field(description="the arm that gives")
    stage: str = Field(description="the stage at whose end it gives")
    what: str = Field(description="what it gives: learner, order or stream")
    folder: JobName = Field(description="the folder of the job that ends there, for the same seeds")


class SelectEntry(FileModel):
    """What picks each learner's best checkpoint."""

    probe: str = Field(description="the probe")
    metric: str = Field(description="its metric")
    better: str = Field(description="higher or lower")


class JobSpec(FileModel):
    """job.json: all that a worker needs to live one branch for one block of seeds."""

    omitted = frozenset({"givers", "needs", "continues", "without_moments", "compiled"})
    version = JOB

    format: int = Field(description="the version of this file's format")
    records: int = Field(default=1, description="the version of the format of the records beside it")
    scenario: str = Field(description="the scenario's name")
    arms: tuple[str, ...] = Field(description="the arms that live this branch")
    branch: str = Field(description="the branch")
    seeds: tuple[int, ...] = Field(description="the block of seeds")
    parent: JobName | None = Field(description="the folder of the job whose learners it goes on with; null at birth")
    givers: tuple[GiverEntry, ...] = Field(default=(), description="what its stages take from other arms, and where")
    brain: Keys = Field(description="the brain, with all keys")
    needs_stages: tuple[NeedEntry, ...] = Field(description="all stages of the scenario: their needs make the brain")
    needs: NeedsEntry | None = Field(default=None, description="what these and the probes ask of the brain")
    stages: tuple[VisitEntry, ...] = Field(description="what is lived, in order")
    probes: dict[FileName, ProbeEntry] = Field(description="every probe, by name, with all keys")
    device: str = Field(default="cpu", description="where tensors are")
    compiled: bool = Field(default=False, description="updates are compiled")
    path: tuple[str, ...] = Field(default=(), description="folders on the worker's module path")
    digest: str = Field(description="identity of the branch: everything but the seeds")
    pin: tuple[str, ...] = Field(default=(), description="the streams that are the same for all seeds")
    select: SelectEntry | None = Field(
        default=None, description="what picks the best checkpoints, where something does"
    )
    seconds: Number = Field(default=1.0, description="a rough estimate of its work, in core-seconds")
    continues: bool = Field(default=False, description="it goes on with the optimiser moments of its parent")
    without_moments: bool = Field(default=False, description="nobody goes on with its own: they aren't kept at its end")


class JobState(FileModel):
    """state.json: what became of the job, by its last worker's word, and who has seen what it came to."""

    omitted = frozenset({"records", "compared", "without_moments"})
    mend = "`devlearn resume` of its run puts it aside and goes on"

    status: JobStatus = Field(description="running, done or failed")
    error: str | None = Field(default=None, description="why it failed, in words")
    attempt: int = Field(default=1, description="which attempt this is, from 1")
    records: dict[str, str] = Field(
        default={}, description="the sha256 of every record file when the job was done, pictures apart"
    )
    compared: tuple[int, ...] = Field(
        default=(),
        description="the numbers of the run's seeds at which an answer was given that rests on this job; 0: before any "
        "arm had them all",
    )
    without_moments: bool = Field(default=False, description="artifacts/end.pt holds no optimiser moments")


class Cores(FileModel):
    """cores.json: in how many processes a job's worker may step environments, by its supervisor's word.

    Records do not depend on it.
    """

    env_processes: int = Field(default=1, description="processes, the worker's own among them")
    forced: bool = Field(default=False, description="whatever a step costs; otherwise only where it is worth it")


class Progress(FileModel):
    """progress.json: how far a running job is, rewritten about once a second."""

    stage: str = Field(description="the stage that is lived")
    index: int = Field(description="its place among the job's stages, from 0")
    stages: int = Field(description="the job's stages")
    fraction: Number = Field(description="the share of this stage that has been lived, 0 to 1")
    overall: Number = Field(description="the share of the job")
    updates: int = Field(description="updates of this visit")
    metrics: dict[str, Number] = Field(description="the stage's metrics, means over the learners that are not NaN")
    diverged: int = Field(description="learners that have turned non-finite")
    env_processes: int = Field(default=1, description="processes that step its environments")
