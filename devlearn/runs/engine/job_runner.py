"""The engine: a cohort lives its stages, and everything that happens to it is on record.

The engine has control between two yields of a stage. Budgets, gates, holding, recording, probing, checkpoints and
stopping exist here once, for all stages and all arms.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from devlearn.records.layout import JobFolder
from devlearn.records.versions import CHECKPOINT
from devlearn.records.writer import Recorder, offsets, truncate
from devlearn.runs.engine import checkpoint
from devlearn.runs.engine.best_checkpoints import BestCheckpoints
from devlearn.runs.engine.held_rows import HeldRows
from devlearn.runs.engine.job import Job, StageVisit
from devlearn.runs.engine.ledger import Ledger
from devlearn.runs.engine.probing import glance, measure, opens
from devlearn.runs.engine.progress_file import Progress
from devlearn.runs.plan.cost_model import ChangeWindow, CostModel
from devlearn.stages.context import Context

TRAIN_EVERY = 10  # updates between rows of train.csv
LIVES, BUDGET, PASSED, DIVERGED = 0, 1, 2, 3
EVENTS = {BUDGET: "budget", PASSED: "passed", DIVERGED: "diverged"}


class JobFailed(RuntimeError):
    """A stage or an environment raised; the message names the stage, the arms and the seeds."""


def checkpoint_seconds() -> float:
    """Seconds between checkpoints: DEVLEARN_CHECKPOINT_SECONDS, 20 by default. It changes no result."""
    return float(os.environ.get("DEVLEARN_CHECKPOINT_SECONDS", "20"))


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
        self.records = self.folder.records
        self.cohort = job.cohort()
        self.ledger = Ledger(self.cohort.n)
        self.diverged = torch.zeros(self.cohort.n, dtype=torch.bool)
        self.inherited: dict[str, Any] | None = None
        self.position = 0  # in job.calls
        self.state: dict[str, Any] | None = None  # of the stage being lived; None between stages
        self.yields = 0
        self.updates = torch.zeros(self.cohort.n, dtype=torch.int64)  # of this visit
        self.status = torch.zeros(self.cohort.n, dtype=torch.int64)
        self.best: BestCheckpoints | None = None  # of this visit, where checkpoints are selected
        self.spent = 0.0  # wall-clock seconds before this process
        self.started = time.monotonic()
        self.progress = Progress(job)

    # ---- beginning and end --------------------------------------------------------------------------------------

    def run(self) -> None:
        if not self._resume():
            self._begin()
        while self.position < len(self.job.calls):
            self._visit(self.job.calls[self.position])
        content = {"seeds": list(self.job.seeds), **self._lasting()}
        checkpoint.save_artifact(self.folder.end, content)
        for spare in self.folder.checkpoints.glob("*.pt"):
            spare.unlink()
        self.progress.done()

    def _begin(self) -> None:
        """Be born, or take over the learners of the branch before."""
        truncate(self.records, {})
        if (parent := self.job.parent) is None:
            with Recorder(self.folder.birth.root, self.job.seeds, "birth", 0) as recorder:
                measure(self.job, self.cohort, recorder, self.updates, "birth")
            return
        end = checkpoint.load_artifact(JobFolder(parent).end, self.job.device)
        if end["seeds"] != list(self.job.seeds):
            raise ValueError(f"{parent} holds the seeds {end['seeds']}, not {list(self.job.seeds)}")
        self._take_over(end)

    def _lasting(self) -> dict[str, Any]:
        """What outlives a stage."""
        return {
            "format": CHECKPOINT.written,
            "digest": self.job.spec.digest,
            "brain": self.cohort.state(),
            "ledger": self.ledger.state(),
            "inherited": self.inherited,
            "diverged": self.diverged,
        }

    def _take_over(self, content: Mapping[str, Any]) -> None:
        self.cohort.load(content["brain"])
        self.ledger.load(content["ledger"])
        self.inherited, self.diverged = content["inherited"], content["diverged"].cpu()

    def _resume(self) -> bool:
        content = checkpoint.load_last(self.folder.checkpoints, self.job.device)
        if content is None:
            return False
        if why := CHECKPOINT.refusal(content["format"], resume=True):
            raise ValueError(f"{self.job.folder}: {why}")
        if content["digest"] != self.job.spec.digest:
            raise ValueError(f"{self.job.folder}: the checkpoint belongs to another job; delete the folder")
        truncate(self.records, content["offsets"])
        self._take_over(content)
        self.position, self.state, self.yields = content["position"], content["state"], content["yields"]
        self.updates, self.status, self.spent = content["updates"].cpu(), content["status"].cpu(), content["seconds"]
        self.best = BestCheckpoints.load(self.cohort, content["best"]) if content["best"] is not None else None
        return True

    def _checkpoint(self, recorder: Recorder | None = None) -> None:
        if recorder is not None:
            recorder.flush()
        content = {
            **self._lasting(),
            "position": self.position,
            "state": self.state,
            "yields": self.yields,
            "updates": self.updates,
            "status": self.status,
            "best": None if self.best is None else self.best.state(),
            "seconds": self._seconds(),
            "offsets": offsets(self.records),
        }
        checkpoint.save_next(self.folder.checkpoints, content)

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.started

    # ---- one visit to a stage -----------------------------------------------------------------------------------

    def _visit(self, call: StageVisit) -> None:
        stage, brain = call.stage, self._meta()
        self.rates = rates = CostModel(stage, lambda stage: stage.cost(brain))
        context = Context(
            self.job.seeds, call.name, call.visit, self.job.device, rates.planned, self.inherited, pin=self.job.pin
        )
        folder = self.records / call.folder
        with Recorder(folder, self.job.seeds, call.name, call.visit, stage.metrics) as recorder:
            try:
                if self.state is None:
                    self._enter(call, context, recorder)
                self.held = self._hold()
                while (self.status == LIVES).any():
                    self._segments(call, context, recorder)
                    self._checkpoint(recorder)
            except Exception as error:
                raise JobFailed(self._complaint(call, error)) from error
            self._leave(call, recorder)
        self._checkpoint()

    def _complaint(self, call: StageVisit, error: Exception) -> str:
        arms, seeds = ", ".join(self.job.spec.arms), ", ".join(map(str, self.job.seeds))
        where = f"stage {call.name!r} ({call.stage.kind}), update {int(self.updates.max())}, of {arms}, seeds {seeds}"
        return f"{where}: {type(error).__name__}: {error}"

    def _meta(self) -> torch.nn.Module:
        with torch.device("meta"):
            brain: torch.nn.Module = self.job.builder()
        return brain

    def _enter(self, call: StageVisit, context: Context, recorder: Recorder) -> None:
        self.yields = 0
        self.updates = torch.zeros_like(self.updates)
        self.status = torch.where(self.diverged, DIVERGED, LIVES)
        self.state = call.stage.begin(self.cohort, context)
        self.best = BestCheckpoints(self.cohort) if call.select else None
        living = self.status == LIVES
        self.ledger.buy(self.rates.bought, living)
        recorder.event(self.updates, "began", "", living)
        recorder.event(self.updates, "held", "diverged in an earlier stage", ~living)
        recorder.train(self.updates, self.ledger.columns, {}, living)
        recorder.seconds(0, self._seconds())

    @property
    def window(self) -> ChangeWindow:
        """The window of the stage, as ``change`` makes them, that the learners who live on are in."""
        return self.rates.at(int(self.updates.max()))

    def _segments(self, call: StageVisit, context: Context, recorder: Recorder) -> None:
        """Live until the checkpoint is due or everybody has moved on, through as many windows as that takes."""
        deadline, last = time.monotonic() + checkpoint_seconds(), self.yields + (self.segment or 0)
        due = False
        while not due and (self.status == LIVES).any():
            due = self._segment(call, context, recorder, deadline, last)

    def _segment(self, call: StageVisit, context: Context, recorder: Recorder, deadline: float, last: int) -> bool:
        """Live until the window's end, until the checkpoint is due (then True), or until everybody has moved on."""
        assert self.state is not None
        window = self.window
        generator = window.stage.segment(self.cohort, self.state, context)
        try:
            for metrics in generator:
                self._after_yield(call, context, metrics, recorder)
                due = time.monotonic() > deadline if self.segment is None else self.yields >= last
                if due or not (self.status == LIVES).any() or self.window is not window:
                    return due
            if (self.status == LIVES).any():
                raise RuntimeError(f"the segment ended by itself after {self.yields} of {context.planned} yields")
            return True
        finally:
            generator.close()  # type: ignore[attr-defined]

    def _after_yield(
        self, call: StageVisit, context: Context, metrics: Mapping[str, Tensor], recorder: Recorder
    ) -> None:
        living, work, before = self.status == LIVES, self.window.work, int(self.updates.max())
        self.yields += 1
        self.held.restore()
        if self.cohort.updates != work.updates:
            raise RuntimeError(f"a yield took {self.cohort.updates} updates but the stage declares {work.updates}")
        self.cohort.updates = 0
        self.ledger.spend(work, living)
        self.updates += living * work.updates
        self._move_on(call, living & ~self.cohort.finite().cpu(), DIVERGED, "non-finite weights", recorder)
        self._spend_budget(call, context, recorder)
        probes = [
            name for name, probe in self.job.probes.items() if _crossed(before, before + work.updates, probe.every)
        ]
        over = not (self.status == LIVES).any()
        if probes and not over:
            values = measure(self.job, self.cohort, recorder, self.updates, "every", living, probes)
            self._see(values, self.status == LIVES)
            self._gate(call, values, recorder)
        if (
            probes
            or over
            or _crossed(before, before + work.updates, TRAIN_EVERY)
            or (living & (self.status != LIVES)).any()
        ):
            recorder.train(self.updates, self.ledger.columns, metrics, living)
            recorder.seconds(before + work.updates, self._seconds())
        self.progress.tell(self.position, self.yields, context.planned, int(self.updates.max()), metrics, self.diverged)

    def _spend_budget(self, call: StageVisit, context: Context, recorder: Recorder) -> None:
        """Who has used up the declared budget, or what the arm's total leaves."""
        if call.total is None:
            spent = torch.full_like(self.diverged, self.yields >= context.planned)
        else:
            unit, size = call.total
            spent = self.ledger.columns[unit] >= size
        self._move_on(call, (self.status == LIVES) & spent, BUDGET, "", recorder)

    def _gate(self, call: StageVisit, values: Mapping[str, Mapping[str, Tensor]], recorder: Recorder) -> None:
        gate = call.stage.until
        if gate is not None and (found := opens(gate, values, self.job.probes)) is not None:
            level, passed = found
            ready = (self.status == LIVES) & passed & (self.updates >= gate.min_updates)
            self._move_on(call, ready, PASSED, f"{gate.probe} {level}", recorder)

    def _move_on(self, call: StageVisit, who: Tensor, why: int, detail: str, recorder: Recorder) -> None:
        """Hold learners from here to the stage's end."""
        if not who.any():
            return
        self.status[who] = why
        self.diverged |= self.status == DIVERGED
        recorder.event(self.updates, EVENTS[why], detail, who)
        self.held = self._hold()

    def _hold(self) -> HeldRows:
        """Those who have moved on, as they are now."""
        assert self.state is not None
        return HeldRows(self.cohort, self.state.get("moments", {}), self.status != LIVES)

    def _see(self, values: Mapping[str, Mapping[str, Tensor]], who: Tensor) -> None:
        """Keep the weights of those of ``who`` (N,) that are better than at every moment before."""
        select = self.job.select
        if self.best is not None and select is not None and select.probe in values:
            value = values[select.probe][select.metric]
            self.best.see(self.cohort, value, self.updates, who, select.better)

    def _measure_best(self, best: BestCheckpoints, recorder: Recorder) -> None:
        """Measure every learner as it was at its best, and put its last weights back.

        The end is one more moment, seen as the others are: on the same part of the data.
        """
        assert self.job.select is not None
        probe = self.job.select.probe
        self._see({probe: glance(self.job, self.cohort, probe)}, self.status != DIVERGED)
        best.fill(self.cohort, self.updates)
        last = self.cohort.state()
        self.cohort.load(best.weights)
        measure(self.job, self.cohort, recorder, best.update, "best")
        self.cohort.load(last)

    def _leave(self, call: StageVisit, recorder: Recorder) -> None:
        """Measure at the stage's end and let go of its state."""
        assert self.state is not None
        measure(self.job, self.cohort, recorder, self.updates, "end")
        if self.best is not None:
            self._measure_best(self.best, recorder)
        self.inherited = self.state.get("moments")
        self.best = None
        self.position, self.state = self.position + 1, None


def _crossed(before: int, after: int, every: int | None) -> bool:
    return every is not None and before // every < after // every
