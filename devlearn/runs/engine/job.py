"""A job: one branch of the tree of lives for one block of seeds, as its folder describes it."""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Probe
from devlearn.records.job_state import read_spec
from devlearn.records.layout import JobFolder
from devlearn.records.schema import JobSpec, NeedEntry, SelectEntry, VisitEntry
from devlearn.registry import get
from devlearn.runs.plan.describe import describe
from devlearn.runs.plan.needs_entry import needs_from
from devlearn.scenario import Of
from devlearn.stages.stage import Stage
from devlearn.streams import BIRTH, PINNED

REPLANNED = "it was planned otherwise: run the scenario into another folder, or bring the environment back"


@dataclass(frozen=True)
class StageVisit:
    """One stage of a branch: its stream's ``name``, ``visit``, place in the life (``index``) and an arm's ``total``.

    ``select``: each learner's best checkpoint of the visit is measured too.
    """

    name: str
    visit: int
    index: int
    stage: Stage
    total: tuple[str, float] | None
    select: bool = False


@dataclass(frozen=True)
class Job:
    """What ``job.json`` says. ``folder`` is where it lives."""

    folder: Path
    spec: JobSpec

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """The job of a folder.

        Raises:
            FileNotFoundError: there is no job.json.
            EvidenceError: the job, or the records beside it, are of another version of the format.
        """
        spec = read_spec(JobFolder(folder), resume=True)
        if spec is None:
            raise FileNotFoundError(f"{JobFolder(folder).spec} is missing")
        sys.path += [entry for entry in spec.path if entry not in sys.path]
        return cls(folder, spec)

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.spec.seeds

    @property
    def device(self) -> torch.device:
        return torch.device(self.spec.device)

    @property
    def parent(self) -> Path | None:
        """The folder of the job whose end this one begins at."""
        parent = self.spec.parent
        return None if parent is None else JobFolder(self.folder).run.job(parent).root

    @property
    def givers(self) -> dict[Of, Path]:
        """The folders of the jobs at whose end are the learners of other arms that stages take."""
        run = JobFolder(self.folder).run
        return {
            Of.model_validate({"arm": entry.arm, "stage": entry.stage, "what": entry.what}): run.job(entry.folder).root
            for entry in self.spec.givers
        }

    @property
    def pin(self) -> frozenset[str]:
        """The names of streams that are the same for all learners."""
        return frozenset(self.spec.pin)

    @property
    def select(self) -> SelectEntry | None:
        """What picks the best checkpoints; None where nothing does."""
        return self.spec.select

    @cached_property
    def visits(self) -> tuple[StageVisit, ...]:
        """The stages that this job lives, in order."""
        return tuple(
            StageVisit(entry.name, entry.visit, entry.index, _stage(entry), entry.total, entry.select)
            for entry in self.spec.stages
        )

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """All stages of the scenario, by name: their needs make the brain."""
        return {entry.name: _stage(entry) for entry in self.spec.needs_stages}

    @cached_property
    def probes(self) -> dict[str, Probe]:
        return {name: get("probes", entry.kind)(**entry.own) for name, entry in self.spec.probes.items()}

    @cached_property
    def needs(self) -> Needs:
        """What is asked of the brain, by the plan's word: environments that only other jobs open are not made here."""
        if self.spec.needs is not None:
            return needs_from(self.spec.needs)
        needs = Needs()  # an older folder does not say
        parts: tuple[Stage | Probe, ...] = (*self.stages.values(), *self.probes.values())
        for part in parts:
            needs |= part.needs()
        return needs

    @cached_property
    def builder(self) -> Any:
        """Builds one learner's network."""
        return brain_builder(self.spec.brain, self.needs)

    def check_spaces(self) -> None:
        """See that the environments that this job opens show and take what they did when the run was planned.

        Raises:
            ValueError: one does not.
        """
        parts: dict[str, Stage | Probe] = {f"stage {visit.name!r}": visit.stage for visit in self.visits}
        parts |= {f"probe {name!r}": probe for name, probe in self.probes.items()}
        for name, part in parts.items():
            if not (opened := part.environments()):
                continue
            try:
                same = describe(self.needs | part.needs()) == describe(self.needs)
            except ValueError as error:
                raise ValueError(f"{name}: {opened[0]}: {error}; {REPLANNED}") from error
            if not same:
                raise ValueError(f"{name}: {opened[0]} shows or takes something else now; {REPLANNED}")

    def cohort(self) -> Cohort:
        """The newborn learners of this job."""
        born = (PINNED,) * len(self.seeds) if BIRTH in self.pin else None
        return Cohort(self.builder, self.seeds, self.device, born=born, compiled=self.spec.compiled)


def _stage(entry: VisitEntry | NeedEntry) -> Stage:
    stage: Stage = get("stages", entry.kind)(**entry.keys)
    return stage
