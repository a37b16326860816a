"""What a job takes over from jobs before it: the learners that it goes on with, and those of other arms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.records.layout import JobFolder
from devlearn.records.versions import CHECKPOINT
from devlearn.runs.engine import checkpoint
from devlearn.runs.engine.job import Job
from devlearn.scenario import Of
from devlearn.scenario.artifacts import taken
from devlearn.stages.context import Given, GivenLearners, GivenOrder, GivenStream
from devlearn.stages.stage import Stage


def end_of(folder: Path, job: Job) -> dict[str, Any]:
    """How the learners of the job in ``folder`` ended, for a ``job`` of the same seeds.

    Raises:
        FileNotFoundError: it has not ended.
        ValueError: it is damaged, of another version, or of other seeds.
    """
    end = checkpoint.load_artifact(JobFolder(folder).end, job.device)
    if why := CHECKPOINT.refusal(end["format"], resume=True):
        raise ValueError(f"{folder}: {why}")
    if end["seeds"] != list(job.seeds):
        raise ValueError(f"{folder} holds the seeds {end['seeds']}, not {list(job.seeds)}")
    return end


@dataclass(frozen=True)
class Artifacts:
    """What a stage takes from other arms. ``lost``: by what it takes, whose giver had diverged, (N,) bool."""

    given: Mapping[Of, Given]
    lost: Mapping[Of, Tensor]

    @classmethod
    def of(cls, job: Job, stage: Stage, cohort: Cohort) -> "Artifacts":
        """Read from where the job's description says. Raises what ``end_of`` raises.

        Who takes from a learner that diverged is held, and stands in for it: nothing non-finite gets anywhere.
        """
        given: dict[Of, Given] = {}
        lost = {}
        for _, of in taken(stage):
            end = end_of(job.givers[of], job)
            lost[of] = end["diverged"].cpu()
            if of.what == "order":
                given[of] = GivenOrder(end["gives"]["lessons"], end["gives"]["counts"], end["ledger"])
                continue
            if of.what == "stream":
                gives = end["gives"]
                given[of] = GivenStream(gives["actions"], gives["marks"], int(gives["visit"][0]), end["ledger"])
                continue
            rows = lost[of].nonzero()[:, 0].to(cohort.device)
            brain, own = end["brain"], cohort.take(rows)
            for name, tensor in brain.items():
                tensor[rows] = own[name]
            given[of] = GivenLearners(brain, end["ledger"])
        return cls(given, lost)
