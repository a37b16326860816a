"""Training: the jobs of a written run folder, then whatever its scenario plans after them."""

import importlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from devlearn.records.atomic import locked
from devlearn.records.job_state import View, span
from devlearn.runs.evaluate import Evaluated, evaluate
from devlearn.runs.executors.base import Executor
from devlearn.runs.executors.supervisor import Outcome, Supervisor
from devlearn.runs.folder import Order, Step, plan_for, read_resolved, write_step
from devlearn.runs.forewarnings import Forewarning
from devlearn.runs.prepare import PATIENCE, Written

WARM = (
    "devlearn.evidence",
    "scipy.special",
    "devlearn.report.page",
)  # needed after the last job


@dataclass(frozen=True)
class Face:
    """Whom a run talks to. ``say`` takes a line on what a step came to, ``warn`` the warnings of a plan, all at once
    and before anything is trained, ``show`` the results and the warnings that were given before.
    """

    say: Callable[[str], None] = lambda line: None
    warn: Callable[[Sequence[Forewarning]], None] = lambda warnings: None
    show: Callable[[Evaluated, Sequence[Forewarning]], None] = lambda results, warned: None
    progress: bool = False  # bars or lines on stderr while jobs are trained


def train(written: Written, executor: Executor, face: Face = Face(), env_workers: int | None = None) -> Outcome:
    """Train every job of a run folder that is not done yet, and whatever its scenario plans after them.

    ``env_workers`` is what the supervisor takes.

    Raises:
        FolderLocked: another process trains it.
        ExecutorFailed: the executor itself raised; what is done is kept.
        KeyboardInterrupt: after the workers were stopped.
    """
    with locked(written.folder, str(written.folder), PATIENCE):
        if written.order is None:
            return _supervise(written.first, executor, face, env_workers)
        return _in_steps(written, written.order, executor, face, env_workers)


def _in_steps(written: Written, order: Order, executor: Executor, face: Face, env_workers: int | None) -> Outcome:
    """First the trials of ``tune``, then the seeds, look by look until every pair is decided."""
    from devlearn.runs import interim

    folder, own, tuning, step = written.folder, order.scenario, None, written.first
    if own.tune is not None:
        outcome = _trials(step, written, order, executor, face, env_workers)
        if outcome.failed:
            return outcome
        from devlearn.runs.tuning import settle  # numpy, as evidence

        own, tuning = settle(step.folder, own)
        for line in interim.chosen(tuning):
            face.say(line)
    start = own.stops.index(interim.next_stop(own, read_resolved(folder)))
    for number, count in enumerate(own.stops[start:], start + 1):
        if step.folder != folder or number > start + 1:  # `written` holds the first step
            planned = plan_for(folder, own.first(count), order, written.accept_changes, tuning)
            step = write_step(folder, planned, order)
        what = f", look {number} of {len(own.stops)}" if len(own.stops) > 1 else ""
        outcome = _supervise(step, executor, face, env_workers, what)
        if outcome.failed or count not in interim.looks(own):
            break
        line, ends = interim.look(evaluate(folder).found.comparisons, own, count)
        face.say(line)
        if ends:
            break
    return outcome


def _trials(
    step: Step, written: Written, order: Order, executor: Executor, face: Face, env_workers: int | None
) -> Outcome:
    """The trials that are written, then those that a sampler proposes by what they came to."""
    from devlearn.runs.tuning import following, numbered

    with locked(step.folder, str(step.folder), PATIENCE):
        while True:
            outcome = _supervise(step, executor, face, env_workers, f", {numbered(step.resolved, order.scenario)}")
            if outcome.failed or (more := following(step.folder, order.scenario)) is None:
                return outcome
            step = write_step(step.folder, plan_for(step.folder, more, order, written.accept_changes), order)


def _supervise(step: Step, executor: Executor, face: Face, env_workers: int | None, what: str = "") -> Outcome:
    """Train the jobs of one written folder."""
    if not face.progress:
        with _Warmer(executor) as watch:
            return Supervisor(step.folder, step.jobs, executor, watch, env_workers).supervise()
    from devlearn.runs.progress.bars import watcher

    with watcher(title(step, what, executor.workers)) as bars, _Warmer(executor, bars) as watch:
        return Supervisor(step.folder, step.jobs, executor, watch, env_workers).supervise()


class _Warmer:
    """Watches jobs, and while the last ones are trained imports what comes after them, on a core that is free.

    On leaving it waits for that: a process that ends while a thread imports a C++ library may be aborted.
    """

    def __init__(self, executor: Executor, watch: Callable[[Sequence[View]], None] = lambda views: None) -> None:
        self.executor, self.watch = executor, watch
        self.thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.thread is not None:
            self.thread.join()

    def __call__(self, views: Sequence[View]) -> None:
        self.watch(views)
        running = any(view.status == "running" for view in views)
        if self.thread is None and running and self.executor.free_slots() > 0:
            self.thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in WARM], daemon=True)
            self.thread.start()


def title(step: Step, what: str, workers: int) -> str:
    """One line about a run: its scenario, arms, seeds, jobs and workers."""
    from devlearn.evidence.text.formats import plural

    resolved = step.resolved
    arms, points = len(resolved["points"][0]["arms"]), len(resolved["points"])
    parts = [plural(arms, "arm"), *([f"{points} points"] if points > 1 else []), f"seeds {span(resolved['seeds'])}"]
    return (
        f"{resolved['scenario']}{what}: {', '.join([*parts, plural(len(step.jobs), 'job'), plural(workers, 'worker')])}"
    )
