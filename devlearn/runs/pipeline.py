"""The one way through: a scenario is loaded, planned, written, trained, evaluated, reported.

``start`` and ``finish`` go it whole, for the command line and for Python alike; each step can be taken alone. A run
that is gone on with (``restart``) takes the same way from where it was stopped.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devlearn import registry
from devlearn.records.atomic import locked, read_json
from devlearn.records.job_state import View, span
from devlearn.records.layout import RunFolder
from devlearn.records.ownership import claim_run, is_run
from devlearn.records.schema import How
from devlearn.runs import provenance
from devlearn.runs.executors.base import Executor, made
from devlearn.runs.executors.local import Local, warming
from devlearn.runs.executors.supervisor import Outcome, Supervisor
from devlearn.runs.folder import (
    FolderMismatch,
    Json,
    Order,
    Step,
    all_done,
    open_step,
    plan_for,
    store,
    stored,
    write_step,
)
from devlearn.runs.forewarnings import Forewarning, forewarnings

if TYPE_CHECKING:
    from devlearn.records.reader import RunRecords
    from devlearn.records.results import Results
    from devlearn.runs.plan import Plan

PATIENCE = 10.0  # seconds for whoever holds the folder to be gone, after it was killed
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
    show: Callable[["Evaluated", Sequence[Forewarning]], None] = lambda results, warned: None
    progress: bool = False  # bars or lines on stderr while jobs are trained


@dataclass(frozen=True)
class Options:
    """How jobs are trained: the name of an ``executor``, its number of ``workers`` (its own choice for None).

    ``accept_changes``: go on with a folder although a plug-in or a version has changed since its jobs began.
    ``report``: write report.html.
    """

    executor: str = "local"
    workers: int | None = None
    accept_changes: bool = False
    report: bool = True

    def made(self) -> Executor:
        """The executor, which may be a plug-in in the current folder.

        Raises:
            NoPlugin: no such executor, with the nearest name; or it can't be imported.
            BadExecutor: what has the name is none, or can't be made.
        """
        provenance.importable(Path.cwd())
        return made(self.executor, registry.get("executors", self.executor), self.workers)


@dataclass(frozen=True)
class Plans:
    """All that a scenario comes to: the trials of ``tune`` (None without it), then the scenario itself.

    Before its trials are trained, the scenario is planned with its values as declared.
    """

    trials: "Plan | None"
    own: "Plan"


@dataclass(frozen=True)
class Written:
    """A run folder, its first step, and what plans those after it (None where there is one step only).

    ``asked`` is what resolved.json would hold if every seed of every look were trained with values as declared.
    """

    folder: Path
    first: Step
    asked: Json
    order: Order | None = None
    accept_changes: bool = False


@dataclass(frozen=True)
class Started:
    """A written run whose training can begin, and the warnings that were given of it."""

    written: Written
    executor: Executor
    report: bool
    warned: tuple[Forewarning, ...]

    @property
    def folder(self) -> Path:
        return self.written.folder


@dataclass(frozen=True)
class Evaluated:
    """The records of a run and what was found in them."""

    run: "RunRecords"
    found: "Results"


@dataclass(frozen=True)
class Finished:
    """A run that was gone through: what became of its jobs, its results, its page.

    ``results`` is None where trials of ``tune`` failed and nothing else began, ``page`` where none was asked for.
    """

    folder: Path
    outcome: Outcome
    results: Evaluated | None
    page: Path | None


# ---- the whole way, in two halves: what can be refused, and what takes its time ----------------------------------


def start(
    name: str | Path,
    out: str | Path | None,
    overrides: Sequence[str],
    device: str,
    command: str,
    options: Options,
    face: Face,
) -> Started:
    """Load, plan and write a scenario (a file, or the name of one of ours), and warn of what its plan lacks.

    The run folder is ``out``, ``runs/<scenario>`` by default.

    Raises:
        ScenarioError: with every mistake of the scenario.
        FolderMismatch: the folder holds another run, or what trains its jobs has changed.
        NotOurs: the folder holds something else.
        FolderLocked: another process trains it.
        NoPlugin: no such executor, or it can't be imported.
        BadExecutor: what has its name is none, or can't be made.
    """
    executor = options.made()
    check_device(device)
    with warming() if isinstance(executor, Local) else nullcontext():
        written = write(load(name, overrides, device, command), out, options.accept_changes)
        return _warned(written, executor, options, face)


def restart(folder: Path, options: Options, face: Face) -> Started:
    """Go on with the run in ``folder``, and try again what failed. Raises what ``start`` raises."""
    executor = options.made()
    return _warned(reopen(folder, options.accept_changes), executor, options, face)


def _warned(written: Written, executor: Executor, options: Options, face: Face) -> Started:
    warned = [*map(_kept, written.first.outdated), *forewarnings(written.asked)]
    face.warn(warned)
    return Started(written, executor, options.report, tuple(warned))


def _kept(change: str) -> Forewarning:
    """A job that is done is read, never trained again: where its program has changed since, somebody has to know."""
    text = f"{change}: what is done is only read, as it was trained then; another folder (--out) trains it anew"
    return Forewarning(text, text)


def finish(started: Started, face: Face) -> Finished:
    """Train, evaluate and report.

    Raises:
        FolderLocked: another process trains it.
        FolderMismatch: what trains its jobs has changed on the way.
        ExecutorFailed: the executor itself raised; what is done is kept.
        KeyboardInterrupt: after the workers were stopped.
    """
    folder = started.written.folder
    outcome = train(started.written, started.executor, face)
    if not RunFolder(folder).resolved.exists():  # trials of tune failed
        return Finished(folder, outcome, None, None)
    results = evaluate(folder)
    face.show(results, started.warned)
    return Finished(folder, outcome, results, report(results) if started.report else None)


# ---- step by step ------------------------------------------------------------------------------------------------


def load(name: str | Path, overrides: Iterable[str] = (), device: str = "cpu", command: str = "") -> Order:
    """A checked scenario, its environments too; its folder and the current one are put on the module path, last.

    Raises:
        ScenarioError: with every mistake.
    """
    from devlearn import scenario
    from devlearn.tasks.data import size
    from devlearn.tasks.envs import check_id

    given, source = tuple(overrides), scenario.find(name)
    path = provenance.importable(Path.cwd(), source.parent)
    checked = scenario.load(source, given, check_id, size)
    for note in checked.notes:
        print(note, file=sys.stderr)
    how = How(command=command, overrides=given, path=tuple(path), device=device)
    return Order(checked, source.read_bytes(), how)


def plan(order: Order) -> Plans:
    """The plans of a scenario that is run for the first time, with all seeds of all looks."""
    from devlearn import scenario
    from devlearn.runs import plan as plans

    checked = order.scenario
    trials = plans.plan(scenario.experiment(checked)) if checked.tune else None
    own = None
    for count in checked.stops:  # the seeds of each look are blocks of their own
        own = plans.plan(checked.first(count), None if own is None else plans.resolved(own))
    assert own is not None
    return Plans(trials, own)


def write(order: Order, out: str | Path | None = None, accept_changes: bool = False) -> Written:
    """Plan a scenario and write what its first step needs; nothing is written over that is another's.

    Raises what ``start`` raises.
    """
    folder = Path("runs") / order.scenario.scenario if out is None else Path(out)
    claim_run(folder)
    with locked(folder, str(folder), PATIENCE):
        return _first(folder, order, accept_changes)


def reopen(folder: Path, accept_changes: bool = False) -> Written:
    """A run folder that is there, to go on with it. Raises what ``start`` raises."""
    if not is_run(folder):
        raise FolderMismatch(f"{folder} is no run folder of devlearn's: it holds no run")
    with locked(folder, str(folder), PATIENCE):
        order = stored(folder)
        if order is not None:
            return _first(folder, order, accept_changes)
        step = open_step(folder, accept_changes)
        return Written(folder, step, step.resolved)


def train(written: Written, executor: Executor, face: Face = Face()) -> Outcome:
    """Train every job of a run folder that is not done yet, and whatever its scenario plans after them.

    Raises:
        FolderLocked: another process trains it.
        ExecutorFailed: the executor itself raised; what is done is kept.
        KeyboardInterrupt: after the workers were stopped.
    """
    with locked(written.folder, str(written.folder), PATIENCE):
        if written.order is None:
            return _supervise(written.first, executor, face)
        return _in_steps(written, written.order, executor, face)


def evaluate(folder: Path) -> Evaluated:
    """Compare a run as its scenario asks, analyse its curves, and keep both in comparison.json and analyses.json.

    Raises:
        EvidenceError: the folder holds no run, or one whose records were changed.
    """
    from devlearn import evidence
    from devlearn.records import reader, results

    run = reader.load(folder)
    found = evidence.evaluate(run)
    results.note_seen(run)
    results.write_comparison(RunFolder(folder), found.comparisons, evidence.render_note)
    results.write_analyses(RunFolder(folder), found.analyses, evidence.render_note)
    return Evaluated(run, found)


def report(results: Evaluated) -> Path:
    """Write report.html and return its path."""
    from devlearn.report import write as write_page

    return write_page(results.run, results.found)


def complaints(outcome: Outcome) -> list[str]:
    """What failed and why, and what was therefore not run: one entry each."""
    failed = [f"failed: {failure.job.title}\n  " + failure.error.replace("\n", "\n  ") for failure in outcome.failed]
    return [*failed, *(f"not run: {job.title}: its parent {job.parent} failed" for job in outcome.not_run)]


def check_device(device: str) -> None:
    """Raises FolderMismatch where torch finds no such device."""
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise FolderMismatch(
            f"--device {device}: torch finds no CUDA device here; leave the option out to run on the CPU"
        )


# ---- the first step -------------------------------------------------------------------------------------------------


def _first(folder: Path, order: Order, accept: bool) -> Written:
    """Write what the first step needs; nothing is written where the folder holds another run."""
    from devlearn import scenario
    from devlearn.runs import interim
    from devlearn.runs import plan as plans

    first = order.scenario
    if first.tune is None and not interim.looks(first):
        step = write_step(folder, plan_for(folder, first, order, accept), order)
        RunFolder(folder).steps.unlink(missing_ok=True)
        return Written(folder, step, step.resolved)
    before = read_json(RunFolder(folder).resolved)
    if before is not None and before["scenario"] != first.scenario:
        raise FolderMismatch(f"{folder} holds scenario {before['scenario']!r}; choose another folder with --out")
    if first.tune is None:
        planned = plan_for(folder, first.first(interim.next_stop(first, before)), order, accept)
        asked = {**planned.resolved, "seeds": list(first.seeds)}
        store(folder, order)
        return Written(folder, write_step(folder, planned, order), asked, order, accept)
    trials = RunFolder(folder).tune.root
    claim_run(trials)
    planned = plan_for(trials, scenario.experiment(first), order, accept)
    asked = plans.resolved(plans.plan(first))  # what can't be asked is refused before the trials are trained
    if before is not None and all_done(trials, planned):
        from devlearn.runs.tuning import settle  # numpy and scipy, as evidence

        own, tuning = settle(trials, first)
        plan_for(folder, own.first(interim.next_stop(own, before)), order, accept, tuning)
    store(folder, order)
    return Written(folder, write_step(trials, planned, order), asked, order, accept)


# ---- training ----------------------------------------------------------------------------------------------------


def _in_steps(written: Written, order: Order, executor: Executor, face: Face) -> Outcome:
    """First the trials of ``tune``, then the seeds, look by look until every pair is decided."""
    from devlearn.runs import interim

    folder, own, tuning, step = written.folder, order.scenario, None, written.first
    if own.tune is not None:
        with locked(step.folder, str(step.folder), PATIENCE):
            outcome = _supervise(step, executor, face, ", trials")
        if outcome.failed:
            return outcome
        from devlearn.runs.tuning import settle  # numpy, as evidence

        own, tuning = settle(step.folder, own)
        for line in interim.chosen(tuning):
            face.say(line)
    start = own.stops.index(interim.next_stop(own, read_json(RunFolder(folder).resolved)))
    for number, count in enumerate(own.stops[start:], start + 1):
        if step.folder != folder or number > start + 1:  # `written` holds the first step
            planned = plan_for(folder, own.first(count), order, written.accept_changes, tuning)
            step = write_step(folder, planned, order)
        what = f", look {number} of {len(own.stops)}" if len(own.stops) > 1 else ""
        outcome = _supervise(step, executor, face, what)
        if outcome.failed or count not in interim.looks(own):
            break
        line, ends = interim.look(evaluate(folder).found.comparisons, own, count)
        face.say(line)
        if ends:
            break
    return outcome


def _supervise(step: Step, executor: Executor, face: Face, what: str = "") -> Outcome:
    """Train the jobs of one written folder."""
    if not face.progress:
        return Supervisor(step.folder, step.jobs, executor, _Warmer(executor)).supervise()
    from devlearn.runs.progress.bars import watcher

    with watcher(title(step, what, executor.workers)) as watch:
        return Supervisor(step.folder, step.jobs, executor, _Warmer(executor, watch)).supervise()


class _Warmer:
    """Watches jobs, and while the last ones are trained imports what comes after them, on a core that is free."""

    def __init__(self, executor: Executor, watch: Callable[[Sequence[View]], None] = lambda views: None) -> None:
        self.executor, self.watch, self.begun = executor, watch, False

    def __call__(self, views: Sequence[View]) -> None:
        self.watch(views)
        running = any(view.status == "running" for view in views)
        if not self.begun and running and self.executor.free_slots() > 0:
            self.begun = True
            threading.Thread(target=lambda: [importlib.import_module(name) for name in WARM], daemon=True).start()


def title(step: Step, what: str, workers: int) -> str:
    """One line about a run: its scenario, arms, seeds, jobs and workers."""
    resolved = step.resolved
    arms, points = len(resolved["points"][0]["arms"]), len(resolved["points"])
    parts = [f"{arms} arms", *([f"{points} points"] if points > 1 else []), f"seeds {span(resolved['seeds'])}"]
    return f"{resolved['scenario']}{what}: {', '.join([*parts, f'{len(step.jobs)} jobs', f'{workers} workers'])}"
