"""The one way through: a scenario is loaded, planned, written, trained, evaluated, reported.

``start`` and ``finish`` go it whole, for the command line and for Python alike; each step can be taken alone. A run
that is gone on with (``restart``) takes the same way from where it was stopped.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from devlearn import registry
from devlearn.learners.compiled import why_not
from devlearn.records.job_state import JobInfo
from devlearn.records.layout import RunFolder
from devlearn.records.registered import held
from devlearn.records.schema import JobSpec, Manifest, Resolved
from devlearn.runs import provenance
from devlearn.runs.evaluate import Evaluated, evaluate, report
from devlearn.runs.executors.base import Executor, made
from devlearn.runs.executors.local import Local, warming
from devlearn.runs.executors.supervisor import Outcome
from devlearn.runs.folder import FolderMismatch, Step
from devlearn.runs.forewarnings import Forewarning, forewarnings
from devlearn.runs.prepare import Plans, Written, folder_of, load, plan, register, reopen, write
from devlearn.runs.train import Face, train

__all__ = [
    "Evaluated",
    "Face",
    "Finished",
    "Options",
    "Plans",
    "Started",
    "Written",
    "check_machine",
    "complaints",
    "evaluate",
    "finish",
    "folder_of",
    "load",
    "plan",
    "register",
    "reopen",
    "report",
    "restart",
    "start",
    "train",
    "write",
]


@dataclass(frozen=True)
class Options:
    """How jobs are trained: the name of an ``executor``, its number of ``workers`` (its own choice for None).

    ``accept_changes``: go on with a folder although a plug-in or a version has changed since its jobs began.
    ``report``: write report.html. ``env_workers``: processes that step the environments of a job, whatever a step
    costs; None: more than one only where cores are left, and a step is slow.
    """

    executor: str = "local"
    workers: int | None = None
    accept_changes: bool = False
    report: bool = True
    env_workers: int | None = None

    def made(self) -> Executor:
        """The executor, which may be a plug-in in the current folder.

        Raises:
            NoPlugin: no such executor, with the nearest name; or it can't be imported.
            BadExecutor: what has the name is none, or can't be made.
        """
        provenance.importable(Path.cwd())
        return made(self.executor, registry.get("executors", self.executor), self.workers)


@dataclass(frozen=True)
class Started:
    """A written run whose training can begin, and the warnings that were given of it."""

    written: Written
    executor: Executor
    report: bool
    env_workers: int | None
    warned: tuple[Forewarning, ...]

    @property
    def folder(self) -> Path:
        return self.written.folder


@dataclass(frozen=True)
class Finished:
    """A run that was gone through: what became of its jobs, its results, its page.

    ``results`` is None where trials of ``tune`` failed and nothing else began, and where the scenario has no probes;
    ``page`` also where none was asked for.
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
    prereg: str | Path | None = None,
    compiled: bool = False,
) -> Started:
    """Load, plan and write a scenario (a file, or the name of one of ours), and warn of what its plan lacks.

    The run folder is ``out``, ``runs/<scenario>`` by default. ``prereg`` is a registration that the question is held
    against. ``compiled``: updates are compiled.

    Raises:
        ScenarioError: with every mistake of the scenario.
        NotRegistered: the question is not the registered one, or the folder was begun before it was registered.
        FolderMismatch: the folder holds another run, what trains its jobs has changed, or this machine has no such
            device or no compiler.
        NotOurs: the folder holds something else.
        FolderLocked: another process trains it.
        NoPlugin: no such executor, or it can't be imported.
        BadExecutor: what has its name is none, or can't be made.
    """
    executor = options.made()
    check_machine(device, compiled)
    with warming() if isinstance(executor, Local) else nullcontext():
        order = load(name, overrides, device, command, compiled)
        written = write(order, out, options.accept_changes, None if prereg is None else Path(prereg))
        return _warned(written, executor, options, face)


def restart(folder: Path, options: Options, face: Face) -> Started:
    """Go on with the run in ``folder``, and try again what failed. Raises what ``start`` raises."""
    executor = options.made()
    return _warned(reopen(folder, options.accept_changes), executor, options, face)


def _warned(written: Written, executor: Executor, options: Options, face: Face) -> Started:
    warned = [*map(_kept, written.first.outdated), *_departs(written.folder), *_idle_compiler(written.first)]
    warned += forewarnings(written.asked)
    face.warn(warned)
    return Started(written, executor, options.report, options.env_workers, tuple(warned))


def _kept(change: str) -> Forewarning:
    """A job that is done is read, never trained again: where its program has changed since, somebody has to know."""
    text = f"{change}: what is done is only read, as it was trained then; another folder (--out) trains it anew"
    return Forewarning(text, text)


def _departs(folder: Path) -> Iterator[Forewarning]:
    """That a run asks something else now than it was registered for."""
    from devlearn.evidence.analysis.history import departs
    from devlearn.evidence.text.reasons import render_note

    run = RunFolder(folder)
    plan, manifest = Resolved.read(run.resolved), Manifest.read(run.manifest)
    if plan and (found := departs(held(run, plan, manifest))):
        yield Forewarning(render_note(found), render_note(found))


def _idle_compiler(step: Step) -> Iterator[Forewarning]:
    """Brains whose updates ``--compile`` leaves as they are: their learners are no stacked network."""
    specs = [JobSpec.read(RunFolder(step.folder).job(job.folder).spec) for job in step.jobs]
    brains = {str(spec.brain): (step.folder, spec) for spec in specs if spec is not None and spec.compiled}
    if not brains:
        return
    import torch

    from devlearn.runs.engine.job import Job

    for folder, spec in brains.values():
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            stacks = getattr(Job(folder, spec).builder(), "stacks", False)
        if not stacks:
            why = "its learners run member by member, or mapped by vmap, and only a stacked network is compiled"
            text = f"--compile changes nothing for brain {spec.brain['kind']}: {why}; leave it out"
            yield Forewarning(text, text)


def finish(started: Started, face: Face) -> Finished:
    """Train, evaluate and report.

    Raises:
        FolderLocked: another process trains it.
        FolderMismatch: what trains its jobs has changed on the way.
        ExecutorFailed: the executor itself raised; what is done is kept.
        KeyboardInterrupt: after the workers were stopped.
    """
    folder = started.written.folder
    outcome = train(started.written, started.executor, face, started.env_workers)
    plan = Resolved.read(RunFolder(folder).resolved)
    if plan is None or not plan.probes:  # trials of tune failed, or nothing was measured
        return Finished(folder, outcome, None, None)
    results = evaluate(folder)
    face.show(results, started.warned)
    return Finished(folder, outcome, results, report(results) if started.report else None)


def complaints(outcome: Outcome) -> list[str]:
    """What failed and why, and what was therefore not run: one entry each."""
    failed = [f"failed: {failure.job.title}\n  " + failure.error.replace("\n", "\n  ") for failure in outcome.failed]
    return [*failed, *(f"not run: {job.title}: {_in_vain(job, outcome)}" for job in outcome.not_run)]


def _in_vain(job: JobInfo, outcome: Outcome) -> str:
    """What a job that was not run waited for."""
    failed = {failure.job.folder for failure in outcome.failed}
    gone = failed | {other.folder for other in outcome.not_run}
    missed = next((folder for folder in job.before if folder in gone), None)
    if missed is None:
        return "its executor gave up after the failure"
    became = "failed" if missed in failed else "was not run"
    return (
        f"its parent {missed} {became}"
        if missed == job.parent
        else f"it takes the learners of {missed}, which {became}"
    )


def check_machine(device: str, compiled: bool = False) -> None:
    """Raises FolderMismatch where torch finds no such device, or can't compile what is to be compiled."""
    if compiled and (why := why_not()):
        raise FolderMismatch(why)
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise FolderMismatch(
            f"--device {device}: torch finds no CUDA device here; leave the option out to run on the CPU"
        )
