"""Before anything is trained: a scenario is loaded and planned, and what its first step needs is written."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from devlearn.records.atomic import locked
from devlearn.records.layout import RunFolder
from devlearn.records.ownership import check_own, claim_run, is_run, no_run
from devlearn.records.registered import ENDING
from devlearn.records.schema import How, Resolved
from devlearn.records.text import file_name, writable
from devlearn.runs import provenance, registration
from devlearn.runs.folder import (
    FolderMismatch,
    Order,
    Step,
    all_done,
    open_step,
    plan_for,
    read_resolved,
    store,
    stored,
    write_step,
)
from devlearn.runs.upkeep import put_aside_damaged

if TYPE_CHECKING:
    from devlearn.runs.plan import Plan
    from devlearn.scenario import Scenario
    from devlearn.tasks.envs import EnvSpec

PATIENCE = 10.0  # seconds for whoever holds the folder to be gone, after it was killed


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

    ``asked`` is what is planned if every seed of every look is trained with values as declared.
    """

    folder: Path
    first: Step
    asked: Resolved
    order: Order | None = None
    accept_changes: bool = False


def load(
    name: str | Path, overrides: Iterable[str] = (), device: str = "cpu", command: str = "", compiled: bool = False
) -> Order:
    """A checked scenario, its environments too; its folder and the current one are put on the module path, last.

    Raises:
        ScenarioError: with every mistake.
        FolderMismatch: one of the folders has a name that no file can hold.
    """
    from devlearn import scenario
    from devlearn.tasks.data import check_split, source_named
    from devlearn.tasks.envs import preflight

    given, source = tuple(overrides), scenario.find(name)
    path = provenance.importable(Path.cwd(), source.parent)
    for folder in path:
        if file_name(writable(folder)) != folder:
            why = "its name is not UTF-8, so job.json can't tell workers where to import plug-ins from"
            raise FolderMismatch(f"{writable(folder)}: {why}; rename it, or run from another folder")
    checked = scenario.load(
        source, given, preflight.check_id, check_split, preflight.check_wrapper, check_sense=source_named
    )
    _try_environments(checked)
    places: dict[str, list[str]] = {}
    for note in checked.notes:
        places.setdefault(note.message, []).append(str(note))
    for first, *others in places.values():  # a key is told of once, however often it stands there
        print(f"{first} (and in {len(others)} more places)" if others else first, file=sys.stderr)
    laid = registration.laid(checked)
    how = How(command=command, overrides=given, path=tuple(path), device=device, compiled=compiled, laid=laid)
    return Order(checked, source.read_bytes(), how)


def _try_environments(checked: "Scenario") -> None:
    """Environments of others are tried in a process of their own, before ours makes one.

    Raises:
        ScenarioError: one does not return, or takes its process with it; all of them, each at its place.
    """
    from devlearn.scenario import ScenarioError, points
    from devlearn.tasks.envs import preflight

    opened = [(own, place, spec) for _, own in points(checked) for place, spec in _opened(own)]
    preflight.look(spec for _, _, spec in opened)
    cut = [(own, place, f"{spec}: {why}") for own, place, spec in opened if (why := preflight.cut(spec))]
    if cut:
        errors = (own.error((*place, "env"), why) for own, place, why in cut)
        raise ScenarioError(dict.fromkeys(problem for error in errors for problem in error.problems))


def _opened(scenario: "Scenario") -> Iterator[tuple[tuple[str | int, ...], "EnvSpec"]]:
    """Every environment of a scenario's stages and probes, with the place of whoever opens it."""
    for name, stage in scenario.stages.items():
        yield from ((("stages", name), spec) for spec in stage.environments())
    for name, probe in scenario.probes.items():
        yield from ((("probes", name), spec) for spec in probe.environments())
    for arm, course in scenario.arms.items():
        for index, step in enumerate(course.steps):
            if step.stage.environments() != scenario.stages[step.use].environments():
                yield from ((("arms", arm, "stages", index, "set"), spec) for spec in step.stage.environments())


def plan(order: Order) -> Plans:
    """The plans of a scenario that is run for the first time, with all seeds of all looks."""
    from devlearn.runs import plan as plans

    checked = order.scenario
    trials = None
    if checked.tune:
        from devlearn.runs.tuning import first_trials

        trials = plans.plan(first_trials(checked))
    own = None
    for count in checked.stops:  # the seeds of each look are blocks of their own
        own = plans.plan(checked.first(count), None if own is None else plans.resolved(own).content())
    assert own is not None
    return Plans(trials, own)


def folder_of(order: Order, out: str | Path | None) -> Path:
    """Where a scenario is run: ``out``, or ``runs/SCENARIO``."""
    return Path("runs") / order.scenario.scenario if out is None else Path(out)


def write(
    order: Order, out: str | Path | None = None, accept_changes: bool = False, prereg: Path | None = None
) -> Written:
    """Plan a scenario and write what its first step needs; nothing is written over that is another's.

    Args:
        prereg: a registration. One that the folder keeps already counts where none is given, and what is asked
            otherwise goes on record.

    Raises what ``pipeline.start`` raises.
    """
    folder = folder_of(order, out)
    run = RunFolder(folder)
    asked = None
    if prereg is not None or run.registration.exists():
        asked = registration.question(plan(order).own, order.how.path)
    if prereg is not None and asked is not None:
        registration.check(prereg, asked)
    claim_run(folder)
    check_own(folder)
    with locked(folder, str(folder), PATIENCE), nullcontext() if prereg is None else registration.kept(prereg, run):
        if asked is not None:
            how = order.how.model_copy(update={"departs": registration.departures(run, asked)})
            order = replace(order, how=how)
        put_aside_damaged(folder)
        return _first(folder, order, accept_changes)


def register(name: str | Path, overrides: Iterable[str], by: str, out: str | Path | None = None) -> Path:
    """Register what a scenario asks, before anything of it is run; the path of the file that says so.

    Args:
        by: who registers it.
        out: the file, ``SCENARIO.registration.json`` in the current folder by default.

    Raises:
        ScenarioError: with every mistake of the scenario.
        NotRegistered: the file is there already, or learners that the question is about have been trained.
    """
    from devlearn.runs import plan as plans

    order = load(name, overrides)
    own = plan(order).own
    path = Path(f"{order.scenario.scenario}{ENDING}") if out is None else Path(out)
    asked = registration.question(own, order.how.path)
    return registration.write(asked, plans.resolved(own), order.how.overrides, by, path)


def reopen(folder: Path, accept_changes: bool = False) -> Written:
    """A run folder that is there, to go on with it. Raises what ``pipeline.start`` raises."""
    if not is_run(folder):
        raise FolderMismatch(no_run(folder))
    check_own(folder)
    with locked(folder, str(folder), PATIENCE):
        put_aside_damaged(folder)
        order = stored(folder)
        if order is not None:
            return _first(folder, order, accept_changes)
        step = open_step(folder, accept_changes)
        return Written(folder, step, Resolved.of(step.resolved))


def _first(folder: Path, order: Order, accept: bool) -> Written:
    """Write what the first step needs; nothing is written where the folder holds another run."""
    from devlearn.runs import interim
    from devlearn.runs import plan as plans

    first = order.scenario
    if first.tune is None and not interim.looks(first):
        step = write_step(folder, plan_for(folder, first, order, accept), order)
        RunFolder(folder).steps.unlink(missing_ok=True)
        return Written(folder, step, Resolved.of(step.resolved))
    before = read_resolved(folder)
    if before is not None and before["scenario"] != first.scenario:
        raise FolderMismatch(f"{folder} holds scenario {before['scenario']!r}; choose another folder with --out")
    if first.tune is None:
        planned = plan_for(folder, first.first(interim.next_stop(first, before)), order, accept)
        asked = Resolved.of({**planned.resolved, "seeds": first.seeds})
        store(folder, order)
        return Written(folder, write_step(folder, planned, order), asked, order, accept)
    from devlearn.runs.tuning import following, known_trials, settle  # numpy and scipy, as evidence

    trials = RunFolder(folder).tune.root
    claim_run(trials)
    put_aside_damaged(trials)
    old = stored(folder)
    planned = plan_for(trials, known_trials(trials, first, None if old is None else old.scenario.tune), order, accept)
    asked = plans.resolved(plans.plan(first))  # what can't be asked is refused before the trials are trained
    if before is not None and all_done(trials, planned):
        if following(trials, first) is not None:
            assert first.tune is not None
            why = f"was tuned by fewer than {first.tune.trials} trials, and trained by what they chose"
            raise FolderMismatch(f"{folder} {why}; choose another folder with --out")
        own, tuning = settle(trials, first)
        plan_for(folder, own.first(interim.next_stop(own, before)), order, accept, tuning)
    store(folder, order)
    return Written(folder, write_step(trials, planned, order), asked, order, accept)
