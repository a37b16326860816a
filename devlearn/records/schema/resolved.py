"""resolved.json: a scenario with everything filled in. All that evidence and report know of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from devlearn.records.schema.base import Better, EvidenceError, FileModel, FileName, JobName, Json, Keys, Number
from devlearn.records.text import printable, shortened
from devlearn.records.versions import PLAN

_SUSPECT = re.compile(rb"(?i)\\u(00[01789]|20[26])|[\x7f\xc2\xe2]")  # where a control character may be


class MetricEntry(FileModel):
    """A metric of a probe."""

    omitted = frozenset({"unit", "proxy_of", "chance", "optimum"})

    better: Better = Field(description="higher or lower")
    worst: Number | None = Field(
        default=None, description="what a diverged learner counts with; null: it has no value then"
    )
    unit: str | None = Field(default=None, description="what it is counted in; left out in older folders")
    proxy_of: str | None = Field(default=None, description="the metric that it stands in for, where it is a proxy")
    chance: Number | None = Field(default=None, description="what guessing gives, where that is known")
    optimum: Number | None = Field(default=None, description="what the best agent gets, where that is known")


class ProbeEntry(FileModel):
    """A probe: what it measures. Its own keys stand between ``every`` and ``metrics``."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="its kind")
    every: int | None = Field(
        default=None, description="updates between two measurements on the way; null: only at the ends"
    )
    metrics: dict[str, MetricEntry] = Field(default={}, description="its metrics by name, the first one by default")

    @property
    def own(self) -> Keys:
        """The probe's keys, as its scenario may write them."""
        every = {"every": self.every} if "every" in self.model_fields_set else {}
        return {**every, **(self.model_extra or {})}

    @model_serializer(mode="wrap")
    def _metrics_last(self, handler: SerializerFunctionWrapHandler) -> Json:
        found: Json = handler(self)
        metrics = found.pop("metrics")
        return {**found, "metrics": metrics}


class MatchEntry(FileModel):
    """What an arm is matched to."""

    arm: str = Field(description="the arm that it equals")
    by: str | tuple[str, ...] = Field(description="the unit, or units, in which it does")


class ControlEntry(FileModel):
    """A control that an arm's priors ask for and no declared pair gives, with what to add to the scenario, as YAML."""

    omitted = frozenset({"arm", "stage"})

    control: str = Field(description="what is not controlled for: shuffle, sham, compute, data or fresh_head")
    stages: tuple[str, ...] = Field(description="the stages that ask for it")
    pair: str = Field(description="the pair to add")
    arm: str = Field(default="", description="the arm to add, where there is no such arm yet")
    stage: str = Field(default="", description="the stage to add, where there is no such stage yet")


class TrialEntry(FileModel):
    """One trial of `tune`."""

    set: Keys = Field(description="what it set, by dotted path")
    mean: Number = Field(description="the probe's mean at the end")


class TuningEntry(FileModel):
    """How an arm's values were chosen."""

    chosen: Keys = Field(description="what was set for the arm, by dotted path")
    seeds: tuple[int, ...] = Field(description="the trials' seeds")
    probe: str = Field(description="the probe that chose")
    trials: tuple[TrialEntry, ...] = Field(description="every trial")
    ledger: dict[str, Number] = Field(description="what all trials consumed, by unit")


class VisitEntry(FileModel):
    """One visit to a stage, as a job lives it."""

    omitted = frozenset({"total", "select"})

    name: FileName = Field(description="the name that keys its streams")
    visit: int = Field(default=0, description="which visit to it (0 is the first)")
    kind: str = Field(description="the stage's kind")
    index: int = Field(default=0, description="its index in the life")
    keys: Keys = Field(default={}, description="all keys of the stage, defaults included")
    total: tuple[str, Number] | None = Field(
        default=None, description="[unit, size]: what the whole arm consumes, on its last stage"
    )
    select: bool = Field(default=False, description="whether each learner's best checkpoint is kept and measured")


class StageEntry(VisitEntry):
    """One stage of an arm, in the order of life."""

    omitted = frozenset({*VisitEntry.omitted, "role", "kin", "trained", "left"})

    role: str | None = Field(
        default=None, description="what the stage is in a life: innate, pretrain, trial, supervise, ..."
    )
    budget: tuple[str, Number] | None = Field(default=None, description="[unit, size], or null where it acts once")
    branch: str = Field(default="", description="the branch of the tree of lives that it stands in")
    kin: dict[int, tuple[str, ...]] = Field(
        default={}, description="by seed, the names of those whom the learner has something from by this stage"
    )
    trained: tuple[str, ...] = Field(
        default=(), description="the data splits that it, and whoever it passes on, trained on"
    )
    left: tuple[str, ...] = Field(default=(), description="weights that it might be thought to make, and does not")


class ArmEntry(FileModel):
    """One arm."""

    omitted = frozenset({"draws", "match", "lineages", "uncontrolled", "tuning"})

    path: tuple[str, ...] = Field(description="the branches that it lives, in order")
    stages: tuple[StageEntry, ...] = Field(description="its stages, in the order of life")
    draws: tuple[str, ...] | None = Field(default=None, description="the names of all streams that it draws from")
    match: MatchEntry | None = Field(default=None, description="the arm that it equals, and in which units")
    lineages: dict[int, str] = Field(
        default={}, description="by seed, what learners share that was learned; others are lineages of their own"
    )
    uncontrolled: tuple[ControlEntry, ...] = Field(default=(), description="controls that no declared pair gives")
    tuning: TuningEntry | None = Field(default=None, description="how its values were chosen by `tune`")


class CompareFit(FileModel):
    """The power law that is asked for."""

    over: str = Field(description="what the points differ in")
    from_: Number | None = Field(default=None, alias="from", description="the smallest value fitted")
    to: Number | None = Field(default=None, description="the largest value fitted")
    published: Number | None = Field(default=None, description="a published exponent")


class CompareFails(FileModel):
    """What counts as a failure."""

    below: Number | None = Field(default=None, description="a value below this is one")
    above: Number | None = Field(default=None, description="a value above this is one")
    accept: Number | None = Field(default=None, description="the failure rate that is accepted")


class CompareMatrix(FileModel):
    """The skills of a life."""

    skills: dict[str, str] = Field(description="by stage, the probe, or PROBE.METRIC, that measures what it teaches")
    experts: dict[str, str] = Field(default={}, description="by stage, the arm that learns its skill alone")
    scores: Literal["raw", "normalised"] = Field(default="raw", description="what its metrics are taken of")


class CompareEntry(FileModel):
    """The question that the scenario declares."""

    omitted = frozenset({"of", "fails", "worst", "matrix"})

    probe: str = Field(description="the compared probe; matrix where a metric of the matrix is compared")
    metric: str | None = Field(default=None, description="its metric")
    better: Better | None = Field(default=None, description="higher or lower")
    at: str | int = Field(default="end", description="end, area, birth, best, or an update of the last stage")
    smallest_effect: Number | None = Field(default=None, description="differences below this do not matter")
    of_: Literal["median", "iqm"] | None = Field(
        default=None, alias="of", description="what is compared of the differences, where it is not their mean"
    )
    fails: CompareFails | None = Field(default=None, description="what counts as a failure, and how many are accepted")
    pairs: tuple[tuple[str, str], ...] = Field(default=(), description="[arm, the arm it is compared with]")
    looks: tuple[int, ...] | None = Field(default=None, description="the planned numbers of seeds")
    levels: tuple[Number, ...] = Field(default=(), description="the levels whose times are compared")
    select: str | None = Field(default=None, description="the probe that picks the best checkpoints")
    fit: CompareFit | None = Field(default=None, description="the power law over the points of `vary`")
    worst: Number | None = Field(default=None, description="what a diverged learner counts with in a matrix's metric")
    matrix: CompareMatrix | None = Field(default=None, description="the skills of a life, where they are declared")


class PointEntry(FileModel):
    """One point of `vary`; `seeds`, `brain` and `probes` stand here only where it changes them."""

    omitted = frozenset({"seeds", "brain", "probes"})

    point: Keys = Field(description="what `vary` sets, by dotted path; empty without `vary`")
    seeds: tuple[int, ...] | None = Field(default=None, description="this point's seeds")
    brain: Keys | None = Field(default=None, description="this point's brain")
    probes: dict[FileName, ProbeEntry] | None = Field(default=None, description="this point's probes")
    parameters: int | None = Field(default=None, description="one learner's weights")
    arms: dict[FileName, ArmEntry] = Field(description="every arm, by name")


class JobEntry(FileModel):
    """One branch of the tree of lives for one block of seeds."""

    omitted = frozenset({"givers"})

    folder: JobName = Field(description="its folder in the run's")
    branch: str = Field(description="the branch")
    seeds: tuple[int, ...] = Field(description="its block of seeds")
    parent: JobName | None = Field(
        default=None, description="the folder of the job whose learners it goes on with; null at birth"
    )
    givers: tuple[JobName, ...] = Field(
        default=(), description="the folders of the jobs of other arms whose learners its stages take"
    )


class Resolved(FileModel):
    """A scenario with everything filled in."""

    omitted = frozenset({"searched", "pin_seed", "seen"})
    version = PLAN

    format: int = Field(description="the version of this file's format")
    scenario: str = Field(description="the scenario's name")
    digest: str = Field(description="identity of the question (everything but the seeds)")
    about: str = Field(default="", description="what the scenario says of itself")
    searched: str = Field(default="", description="how its settings were found other than by `tune`, as it says")
    seeds: tuple[int, ...] = Field(description="the learners of every arm")
    brain: Keys = Field(description="the brain, with all keys")
    probes: dict[FileName, ProbeEntry] = Field(description="every probe, by name, with all keys")
    compare: CompareEntry | None = Field(default=None, description="the question; null where the scenario asks none")
    pin: tuple[str, ...] = Field(default=(), description="the streams that are the same for all seeds")
    pin_seed: int | None = Field(default=None, description="the one seed that draws them")
    points: tuple[PointEntry, ...] = Field(description="one entry for each point of `vary`")
    jobs: tuple[JobEntry, ...] = Field(description="every job, parents before children")
    seen: tuple[int, ...] = Field(
        default=(), description="numbers of seeds at which a verdict was seen before more were added"
    )

    @classmethod
    def read(cls, path: Path, resume: bool = False) -> Self | None:
        """As of every file; one that would move a reader's terminal is none of ours.

        Raises:
            EvidenceError: as of every file, and where a text holds control characters.
        """
        found = super().read(path, resume)
        suspect = found is not None and _SUSPECT.search(path.read_bytes())
        texts = _texts(found.content()) if found is not None and suspect else ()
        unfit = next((text for text in texts if printable(text) != text), None)
        if unfit is not None:
            raise EvidenceError(f"{path}: {shortened(ascii(unfit))} holds control characters; {cls.mend}")
        return found

    def brain_at(self, point: int) -> Keys:
        """The brain at a point of ``vary``."""
        own = self.points[point].brain
        return self.brain if own is None else own

    def probes_at(self, point: int) -> dict[str, ProbeEntry]:
        """The probes at a point of ``vary``, with all keys."""
        return self.probes if (own := self.points[point].probes) is None else own

    def seeds_at(self, point: int) -> tuple[int, ...]:
        """The seeds at a point of ``vary``."""
        return self.points[point].seeds or self.seeds


def _texts(value: object) -> Iterator[str]:
    """Every text in plain values, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, own in value.items():
            yield from _texts(key)
            yield from _texts(own)
    elif isinstance(value, list | tuple):
        for own in value:
            yield from _texts(own)
