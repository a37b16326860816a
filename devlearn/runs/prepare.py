"""Before the first job: the scenario is read, planned and refused, or its run folder is written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.records.atomic import locked, read_json, write_json
from devlearn.runs.folder import FolderMismatch, Planned, importable, plan_run, write_run

if TYPE_CHECKING:
    from devlearn.runs.plan import Plan
    from devlearn.scenario import Scenario

STEPS = "steps.json"
TUNE = "tune"
Json = dict[str, Any]


@dataclass(frozen=True)
class Plans:
    """All that a scenario comes to: the trials of ``tune`` (None without it), then the scenario itself.

    Before its trials are lived, the scenario is planned with its values as declared.
    """

    trials: "Plan | None"
    own: "Plan"


@dataclass(frozen=True)
class Steps:
    """What a run that is lived in steps needs to go on, whoever started it: the scenario, and how it is lived."""

    scenario: "Scenario"
    how: Mapping[str, Any]  # command, overrides, path, device
    text: bytes  # the scenario's file as it was given


def read_scenario(name: str | Path, overrides: Iterable[str]) -> "Scenario":
    """A checked scenario, its environments too; its folder and the current one are put on the module path.

    Raises:
        ScenarioError: with every mistake.
    """
    from devlearn import scenario
    from devlearn.tasks.data import size
    from devlearn.tasks.envs import check_id

    importable(Path.cwd(), scenario.find(name).parent)
    return scenario.load(name, overrides, check_id, size)


def make_plans(name: str | Path, overrides: Iterable[str]) -> Plans:
    """The plans of a scenario that is run for the first time, with all seeds of all looks."""
    from devlearn import scenario
    from devlearn.runs import plan

    checked = read_scenario(name, overrides)
    trials = plan.plan(scenario.experiment(checked)) if checked.tune else None
    own = None
    for count in checked.stops:  # the seeds of each look are blocks of their own
        own = plan.plan(checked.first(count), None if own is None else plan.resolved(own))
    assert own is not None
    return Plans(trials, own)


def prepare(scenario: str | Path, out: str | Path | None, overrides: Sequence[str], device: str, command: str) -> Path:
    """Check a scenario, plan it and write its run folder, which is returned.

    Raises:
        ScenarioError: with every mistake.
        FolderMismatch: the folder holds another run, or can't be made.
        FolderLocked: another process lives it.
    """
    from devlearn.scenario import find

    checked, source = read_scenario(scenario, overrides), find(scenario)
    folder = Path("runs") / checked.scenario if out is None else Path(out)
    path = importable(Path.cwd(), source.parent)
    how = {"command": command, "overrides": list(overrides), "path": path, "device": device}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderMismatch(
            f"{folder} can't be made a run folder: {error.strerror}; choose another with --out"
        ) from error
    with locked(folder, str(folder)):
        _begin(folder, Steps(checked, how, source.read_bytes()))
    return folder


def _begin(folder: Path, steps: Steps) -> None:
    """Write what the first step needs; nothing is written where the folder holds another run."""
    from devlearn import scenario
    from devlearn.runs import plan

    first = steps.scenario
    if first.tune is None and not (first.compare and first.compare.looks):
        write_run(folder, plan_run(folder, first), steps.text, steps.how)
        (folder / STEPS).unlink(missing_ok=True)
        return
    before = read_json(folder / "resolved.json")
    if before is not None and before["scenario"] != first.scenario:
        raise FolderMismatch(f"{folder} holds scenario {before['scenario']!r}; choose another folder with --out")
    if first.tune is not None:
        (folder / TUNE).mkdir(exist_ok=True)
        planned = plan_run(folder / TUNE, scenario.experiment(first))
        plan.plan(first)  # what can't be asked is refused before the trials are lived
        if before is not None and _lived(folder / TUNE, planned):
            from devlearn.runs.tuning import settle  # numpy and scipy, as evidence

            own, tuning = settle(folder / TUNE, first)
            plan_run(folder, own.first(next_stop(own, before)), tuning)
        store(folder, steps)
        write_run(folder / TUNE, planned, steps.text, steps.how)
        return
    planned = plan_run(folder, first.first(next_stop(first, before)))
    store(folder, steps)
    write_run(folder, planned, steps.text, steps.how)


def _lived(folder: Path, planned: Planned) -> bool:
    """Whether every planned job is done."""
    states = [read_json(folder / job.folder / "state.json") for job in planned.plan.jobs]
    return all(state is not None and state["status"] == "done" for state in states)


def next_stop(scenario: "Scenario", before: Mapping[str, Any] | None) -> int:
    """The number of seeds to live first: that of the folder, or of the first look that goes beyond it."""
    there = len(before["seeds"]) if before else 0
    return next((count for count in scenario.stops if count >= there), scenario.stops[-1])


def store(folder: Path, steps: Steps) -> None:
    """Write what ``stored`` reads."""
    from devlearn.scenario import source

    own = {"format": 1, "scenario": source(steps.scenario), "seeds": list(steps.scenario.seeds), "how": dict(steps.how)}
    (folder / "scenario.yaml").write_bytes(steps.text)
    write_json(folder / STEPS, own)


def stored(folder: Path) -> Steps | None:
    """The steps of a run folder; None where it is lived in one."""
    from devlearn import scenario

    found = read_json(folder / STEPS)
    if found is None:
        return None
    importable(*map(Path, found["how"]["path"]))
    own = scenario.parse(found["scenario"], str(folder / STEPS), [f"seeds={json.dumps(found['seeds'])}"])
    return Steps(own, found["how"], (folder / "scenario.yaml").read_bytes())
