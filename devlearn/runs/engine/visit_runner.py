"""One visit to a stage, yield by yield.

The engine has control between two yields of a stage. Budgets, gates, holding, recording, probing and stopping exist
here once, for all stages and all arms.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import cast

import torch
from torch import Tensor

from devlearn.learners.brains.needs import born_with, filled
from devlearn.records.schema import RESTARTED, UNDETERMINED, UNDETERMINED_PROBE, UNSCORED
from devlearn.records.writer import Recorder
from devlearn.runs.engine import gates
from devlearn.runs.engine.artifacts import Artifacts
from devlearn.runs.engine.best_checkpoints import BestCheckpoints
from devlearn.runs.engine.budgets import used_up
from devlearn.runs.engine.held_rows import HeldRows
from devlearn.runs.engine.job import Job, StageVisit
from devlearn.runs.engine.learners_state import LearnersState
from devlearn.runs.engine.probing import measure, measure_quick
from devlearn.runs.engine.progress_file import Progress
from devlearn.runs.engine.visit_state import Status, VisitState
from devlearn.runs.plan.cost_model import ONCE, PER_YIELD, ChangeWindow, CostModel
from devlearn.runs.plan.labels import choosing_labels
from devlearn.stages.context import Context
from devlearn.stages.protections.protection import HEADS, Protecting, cost_of
from devlearn.stages.stage import Metrics
from devlearn.tasks.envs import undetermined

TRAIN_EVERY = 10  # updates between rows of train.csv
EVENTS = {
    Status.BUDGET: "budget",
    Status.PASSED: "passed",
    Status.DIVERGED: "diverged",
    Status.UNSCORED: UNSCORED,
}


def looks_every(device: torch.device) -> int:
    """Yields after which non-finite weights are looked for: to ask is to wait for a device that is not the CPU.

    A learner that diverged in between stays non-finite, and is held and on record from the next look on.
    """
    return 1 if device.type == "cpu" else 16


class VisitRunner:
    """The learners of a job in one visit to a stage: they enter, live until each has moved on, and leave.

    Args:
        job: whose probes measure.
        visit: the stage, and its place in the life.
        learners: who live it.
        state: where they are in it; ``enter`` begins one that has not begun.
        recorder: of this visit.
        progress: tells who watches.
        seconds: the wall-clock seconds of the job so far.
    """

    def __init__(
        self,
        job: Job,
        visit: StageVisit,
        learners: LearnersState,
        state: VisitState,
        recorder: Recorder,
        progress: Progress,
        seconds: Callable[[], float],
    ) -> None:
        self.job, self.visit, self.learners, self.state = job, visit, learners, state
        self.recorder, self.progress, self.seconds = recorder, progress, seconds
        with torch.device("meta"):
            brain: torch.nn.Module = job.builder()
        protect = visit.stage.protect
        self.kept = {} if protect is None else learners.kept.setdefault(protect.kind, {})
        earlier = tuple(self.kept.get(HEADS, ()))
        with born_with(brain, filled(learners.cohort.buffers)):
            self.costs = CostModel(visit.stage, lambda stage: cost_of(stage, brain, earlier))
        self.planned = self.costs.planned_yields
        self.told = any(window.cost.feedback_events for window in self.costs.windows)
        self.artifacts = Artifacts.of(job, visit.stage, learners.cohort)
        self.context = Context(
            job.seeds,
            visit.name,
            visit.visit,
            job.device,
            self.planned,
            learners.inherited,
            self.artifacts.given,
            kept=learners.kept,
            pin=job.pin,
        )
        if self.told:
            learners.ledger.listen()
        if protect is not None:
            learners.ledger.count_kept()
        self.protecting = Protecting(learners.cohort, visit.stage, self.context, self.kept)
        self.held = self._hold()

    def enter(self) -> None:
        """Begin the stage, and charge what is paid once."""
        state, recorder = self.state, self.recorder
        if self.visit.stage.protect is not None:
            self.visit.stage.protect.begin(self.protecting)
            self.held.restore()
        state.stage = self.visit.stage.begin(self.learners.cohort, self.context)
        self.held = self._hold()
        self._buy()
        recorder.event(state.updates, "began", "", state.living)
        for event, detail in self._undetermined():
            recorder.event(state.updates, event, detail, torch.ones_like(state.living))
        recorder.event(state.updates, "held", "diverged in an earlier stage", ~state.living)
        recorder.train(state.updates, self.learners.ledger.columns, {}, state.living)
        for of, lost in self.artifacts.lost.items():
            self._move_on(state.living & lost, Status.UNSCORED, f"{of} had diverged")
        recorder.seconds(0, self.seconds())

    def go_on(self) -> None:
        """Say on record what can't go on as if the process had not ended in the middle of the visit."""
        for event, env in self._undetermined():
            if event == UNDETERMINED:
                self.recorder.event(self.state.updates, RESTARTED, env, self.state.living)

    def _undetermined(self) -> Iterator[tuple[str, str]]:
        """Events that tell of the environments whose seed does not decide what they show: the stage's, the probes'."""
        for name in dict.fromkeys(str(spec) for spec in self.visit.stage.environments() if undetermined(spec)):
            yield UNDETERMINED, name
        for name, probe in self.job.probes.items():
            for spec in dict.fromkeys(str(spec) for spec in probe.environments() if undetermined(spec)):
                yield UNDETERMINED_PROBE, f"{name}: {spec}"

    def _buy(self) -> None:
        """Charge those who live with the labels of the stage, and with those that its gate and ``select`` read."""
        stage, once, ledger, living = self.visit.stage, self.costs.once, self.learners.ledger, self.state.living
        if once.source is None:
            ledger.charge(once, ONCE, living)
        else:
            ledger.charge(once, ("labels_validation",), living)
            ledger.buy(once, once.source.data, stage.labels_bought(once.source, self.context), living)
        select = self.job.select.probe if self.visit.select and self.job.select is not None else None
        for split, rows in choosing_labels(self.job.probes, stage.until, select):
            ledger.look(split, torch.from_numpy(rows), living)

    def live(self, due: Callable[[int], bool]) -> None:
        """Live until everybody has moved on, or until ``due`` after some number of yields: then the stage is closed.

        A stage that is closed and opened again goes on as if it had not been, so when that happens changes no result.
        """
        closed, protect, cohort = False, self.visit.stage.protect, self.learners.cohort
        cohort.guard = None if protect is None else protect.guard(self.protecting)
        while not closed and self.state.living.any():
            closed = self._live_in(self.costs.at(self.state.latest, self.state.yields), due)
        cohort.guard = None

    def _live_in(self, window: ChangeWindow, due: Callable[[int], bool]) -> bool:
        """Live on in one window of ``change``; whether it was ``due`` that ended it."""
        segment = window.stage.segment(self.learners.cohort, self.state.stage, self.context)
        with closing(cast("Generator[Metrics, None, None]", segment)):
            for metrics in segment:
                somebody = self._after_yield(window, metrics)
                closed = due(self.state.yields)
                if closed or not somebody or self.state.latest == window.end:
                    return closed
        raise RuntimeError(f"the segment ended by itself after {self.state.yields} of {self.planned} yields")

    def _after_yield(self, window: ChangeWindow, metrics: Mapping[str, Tensor]) -> bool:
        """Charge a yield, hold who moves on after it, measure what is due, and put it on record.

        Whether somebody lives on.
        """
        state, learners, recorder, cost = self.state, self.learners, self.recorder, window.cost
        lived, before = state.living, state.latest
        after = before + cost.updates
        # First of all: whatever looks at the cohort from here on finds those who have moved on as they were then.
        self.held.restore()
        if learners.cohort.updates != cost.updates:
            took = learners.cohort.updates
            raise RuntimeError(f"a yield took {took} updates but the stage declares {cost.updates}")
        learners.cohort.updates = 0
        state.yields += 1
        state.updates += lived * cost.updates
        learners.ledger.charge(cost, PER_YIELD, lived)
        if self.told:
            learners.ledger.hear(window.stage.told(state.stage) or vars(cost), lived)
        for event, detail, rows in window.stage.happened(state.stage):
            recorder.event(state.updates, event, detail, rows & lived)

        # Who has diverged has not lived its budget, so that comes before. Who has used it up can pass no gate, and is
        # measured once more by ``leave``, on all of the data, so that comes before the probes.
        spent = used_up(self.visit.total, state.yields, self.planned, learners.ledger)
        probes = [name for name, probe in self.job.probes.items() if _passed(probe.every, before, after)]
        look = probes or spent.any() or state.yields % looks_every(self.job.device) == 0
        finite = learners.cohort.finite().cpu() if look else torch.ones_like(lived)
        self._move_on(lived & ~finite, Status.DIVERGED, "non-finite weights")
        self._move_on(lived & finite & spent, Status.BUDGET, "")
        living = lived & finite & ~spent

        if probes and living.any():
            # All who lived this yield are on record, those whom it made diverge too: evidence sees when.
            values = measure(self.job, learners.cohort, recorder, state.updates, "every", lived, probes)
            if state.best is not None:
                state.best.see(learners.cohort, values, state.updates, living)
            self._open_gate(values, living)
        living = state.living
        if probes or _passed(TRAIN_EVERY, before, after) or not torch.equal(living, lived):
            recorder.train(state.updates, learners.ledger.columns, metrics, lived)
            recorder.seconds(after, self.seconds())
        self.progress.tell(self.visit, state.yields, self.planned, after, metrics, learners.diverged)
        return bool(living.any())

    def _open_gate(self, values: Mapping[str, Mapping[str, Tensor]], living: Tensor) -> None:
        """Let those of the living (N,) bool move on that pass the gate, if its probe was measured now."""
        gate = self.visit.stage.until
        if gate is None:
            return
        passing = gates.passing(gate, values, self.job.probes, self.state.updates)
        if passing is not None:
            self._move_on(living & passing, Status.PASSED, gates.described(gate))

    def _move_on(self, who: Tensor, why: Status, detail: str) -> None:
        """Hold learners (N,) bool as they are now, from here to the stage's end."""
        if not who.any():
            return
        self.state.status[who] = int(why)
        if self.visit.stage.protect is not None and why in (Status.BUDGET, Status.PASSED):
            self.learners.ledger.keep(self.costs.once, who)
        self.learners.diverged |= (self.state.status == Status.DIVERGED) | (self.state.status == Status.UNSCORED)
        self.recorder.event(self.state.updates, EVENTS[why], detail, who)
        self.held = self._hold()

    def _hold(self) -> HeldRows:
        return HeldRows(self.learners.cohort, (self.state.stage.get("moments", {}), self.kept), ~self.state.living)

    def leave(self) -> None:
        """Measure everybody at the stage's end, and leave its moments behind."""
        measure(self.job, self.learners.cohort, self.recorder, self.state.updates, "end")
        if self.state.best is not None:
            self._measure_best(self.state.best)
        self._protect()
        self.learners.inherited = self.state.stage.get("moments")
        self.learners.gives = self.visit.stage.gives(self.state.stage)

    def _protect(self) -> None:
        """Let a protection keep what it keeps of a stage that is over."""
        stage = self.visit.stage
        if stage.protect is None:
            return
        with torch.enable_grad():
            stage.protect.end(self.protecting)
        rehearsed = stage.rehearsed()
        self.kept[HEADS] = [*self.kept.get(HEADS, ()), rehearsed.task.read_out if rehearsed else ""]

    def _measure_best(self, best: BestCheckpoints) -> None:
        """Measure every learner as it was at its best, and put its last weights back.

        The end is one more moment, seen as the others are: on the same part of the data.
        """
        cohort, updates, probe = self.learners.cohort, self.state.updates, best.select.probe
        values = {probe: measure_quick(self.job, cohort, probe)}
        best.see(cohort, values, updates, self.state.status != Status.DIVERGED)
        best.fill(cohort, updates)
        last = cohort.state()
        cohort.load(best.weights)
        measure(self.job, cohort, self.recorder, best.update, "best")
        cohort.load(last)


def _passed(every: int | None, before: int, after: int) -> bool:
    """Whether a multiple of ``every`` lies in (before, after]: yields of several updates may step over it."""
    return every is not None and before // every < after // every
