"""The engine: a cohort lives its stages, and everything that happens to it is on record."""

import time
from collections.abc import Callable
from typing import Any

from devlearn.records.layout import JobFolder
from devlearn.records.text import without_allocator
from devlearn.records.versions import CHECKPOINT
from devlearn.records.writer import Recorder, digests, offsets, truncate
from devlearn.runs.engine import checkpoint
from devlearn.runs.engine.artifacts import end_of
from devlearn.runs.engine.best_checkpoints import BestCheckpoints
from devlearn.runs.engine.job import Job, StageVisit
from devlearn.runs.engine.learners_state import LearnersState
from devlearn.runs.engine.probing import ProbeFailed, measure
from devlearn.runs.engine.progress_file import Progress
from devlearn.runs.engine.visit_runner import VisitRunner
from devlearn.runs.engine.visit_state import VisitState
from devlearn.tasks.envs.failures import failures


class JobFailed(RuntimeError):
    """A stage or an environment raised; the message names the stage, the arms and the seeds."""


class JobRunner:
    """One job being lived. ``run`` begins or resumes it; it is complete when ``artifacts/end.pt`` exists.

    Args:
        job: what to live.
        segment: yields between two closings of a stage's generator (and checkpoints); by default it goes by the
            clock. Results do not depend on it.
    """

    def __init__(self, job: Job, segment: int | None = None) -> None:
        self.job, self.segment = job, segment
        self.folder = JobFolder(job.folder)
        self.learners = LearnersState(job.cohort())
        self.position = 0  # in job.visits
        self.state: VisitState | None = None  # of the visit at this position; None until it is entered
        self.progress = Progress(job)
        self.began = time.monotonic()

    def run(self) -> None:
        """Begin or resume; visit every stage; leave behind who the learners have become.

        Raises:
            JobFailed: a stage or an environment raised.
            ValueError: the folder belongs to another version or job, its records were changed, or an environment was.
        """
        self.job.check_spaces()
        if not self._resume():
            self._begin()
        for visit in self.job.visits[self.position :]:
            self._visit(visit)
            self.position, self.state = self.position + 1, None
            if not self._continued():
                self.learners.inherited = None
            self._checkpoint()
        end = {"seeds": list(self.job.seeds), **self._identity(), **self.learners.to_dict()}
        checkpoint.save_artifact(self.folder.end, end)
        for spare in checkpoint.kept(self.folder.checkpoints):
            spare.unlink()
        self.progress.done()

    def _visit(self, visit: StageVisit) -> None:
        """Enter a stage, or go on in it; live until everybody has moved on; leave it."""
        job, learners, entered = self.job, self.learners, self.state is not None
        if self.state is None:
            best = None
            if visit.select and job.select is not None:
                best = BestCheckpoints(learners.cohort, job.select)
            self.state = VisitState.before(learners.diverged, best)
        folder = self.folder.visit(visit.index, visit.name, visit.visit).root
        with Recorder(folder, job.seeds, visit.name, visit.visit, visit.stage.columns()) as recorder:
            runner = VisitRunner(job, visit, learners, self.state, recorder, self.progress, self._seconds)
            try:
                runner.go_on() if entered else runner.enter()
                while self.state.living.any():
                    runner.live(self._due(self.state))
                    recorder.flush()
                    self._checkpoint()
                runner.leave()
            except failures() as error:
                update = 0 if self.state is None else self.state.latest
                where = f"stage {visit.name!r} ({visit.stage.kind}), update {update}"
                raise JobFailed(self._complaint(where, error)) from error

    def _continued(self) -> bool:
        """Whether the optimiser moments of the stage that is over are needed by the next, here or in another job."""
        rest = self.job.visits[self.position :]
        return rest[0].stage.continues if rest else not self.job.spec.without_moments

    def _due(self, state: VisitState) -> Callable[[int], bool]:
        """When the next checkpoint is due, asked after every yield with how many there were."""
        if self.segment is not None:
            last = state.yields + self.segment
            return lambda yields: yields >= last
        deadline = time.monotonic() + checkpoint.interval()
        return lambda yields: time.monotonic() > deadline

    def _complaint(self, where: str, error: BaseException) -> str:
        arms, seeds = ", ".join(self.job.spec.arms), ", ".join(map(str, self.job.seeds))
        kind = "" if isinstance(error, ProbeFailed) else f"{type(error).__name__}: "
        return f"{where}, of {arms}, seeds {seeds}: {kind}{without_allocator(str(error))}"

    # ---- beginning, and going on after a kill -------------------------------------------------------------------

    def _begin(self) -> None:
        """Be born, or take over the learners of the branch before."""
        truncate(self.folder.records, {})
        if (parent := self.job.parent) is None:
            newborn = VisitState.before(self.learners.diverged, None)
            with Recorder(self.folder.birth.root, self.job.seeds, "birth", 0) as recorder:
                try:
                    measure(self.job, self.learners.cohort, recorder, newborn.updates, "birth")
                except ProbeFailed as error:
                    raise JobFailed(self._complaint("at birth", error)) from error
            return
        self.learners.load(end_of(parent, self.job))

    def _resume(self) -> bool:
        """Go back to the last checkpoint, and the records with it; False where there is none."""
        content = checkpoint.load_last(self.folder.checkpoints, self.job.device, self._unfit)
        if content is None:
            return False
        truncate(self.folder.records, content["offsets"])
        self.learners.load(content)
        self.position = content["position"]
        self.state = VisitState.from_dict(content, self.learners.cohort, self.job.select)
        self.began -= content["seconds"]
        return True

    def _unfit(self, content: dict[str, Any]) -> str:
        """Why the job can't go on from a checkpoint, as the records on disk are not what they were then.

        Raises:
            ValueError: the checkpoint is of another version or job.
        """
        if why := CHECKPOINT.refusal(content.get("format"), resume=True):
            raise ValueError(f"{self.job.folder}: {why}")
        if content["digest"] != self.job.spec.digest:
            raise ValueError(f"{self.job.folder}: the checkpoint belongs to another job; delete the folder")
        found = digests(self.folder.records, content["offsets"])
        known = content.get("records", found)  # one that older devlearns wrote does not say
        changed = [name for name in content["offsets"] if name not in found or found[name] != known.get(name)]
        return f"does not fit {self.folder.records / changed[0]}, which is not what it was then" if changed else ""

    def _checkpoint(self) -> None:
        """All that ``_resume`` needs; the records up to here are on the disk."""
        sizes = offsets(self.folder.records)
        content = {
            **self._identity(),
            **self.learners.to_dict(),
            "position": self.position,
            **({"state": None} if self.state is None else self.state.to_dict()),
            "seconds": self._seconds(),
            "offsets": sizes,
            "records": digests(self.folder.records, sizes),
        }
        checkpoint.save_next(self.folder.checkpoints, content)

    def _identity(self) -> dict[str, object]:
        return {"format": CHECKPOINT.written, "digest": self.job.spec.digest}

    def _seconds(self) -> float:
        """Wall-clock seconds that the job has taken, those before a kill included."""
        return time.monotonic() - self.began
