"""A run's folder: what is planned for it, written into it, and read back where it is gone on with."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.records.answered import answered, seen_at
from devlearn.records.atomic import CHANGED, read_any_json, read_json, write_bytes, write_json
from devlearn.records.job_state import JobInfo, job_info, read_spec
from devlearn.records.layout import JobFolder, RunFolder
from devlearn.records.question import digest
from devlearn.records.registered import around, near
from devlearn.records.schema import EvidenceError, How, JobSpec, JobState, Manifest, Resolved, Steps
from devlearn.records.siblings import siblings
from devlearn.records.text import printable
from devlearn.records.versions import STEPS
from devlearn.runs import provenance
from devlearn.runs.executors.local import cores
from devlearn.runs.registration import registered

if TYPE_CHECKING:
    from devlearn.runs.plan import Plan
    from devlearn.scenario import Scenario

Json = dict[str, Any]


class FolderMismatch(ValueError):
    """The folder can't be used for this; the message says why and what to do."""


@dataclass(frozen=True)
class Order:
    """A checked scenario, and all that its run keeps of how it was asked for: what goes on needs nothing else.

    ``text`` is the scenario's file as it was given.
    """

    scenario: "Scenario"
    text: bytes
    how: How


@dataclass(frozen=True)
class Planned:
    """What a folder is to hold: the plan, the content of its resolved.json, and that of every job.json by folder."""

    plan: "Plan"
    resolved: Json
    specs: Mapping[str, Json]


@dataclass(frozen=True)
class Step:
    """A written folder whose jobs can be trained: the content of its resolved.json, and its jobs, parents first.

    ``outdated``: what has changed since the jobs that are done were trained.
    """

    folder: Path
    resolved: Json
    jobs: tuple[JobInfo, ...]
    outdated: tuple[str, ...] = ()


def plan_for(
    folder: Path,
    scenario: "Scenario",
    order: Order,
    accept: bool,
    tuning: Sequence[Mapping[str, Any]] | None = None,
) -> Planned:
    """Plan ``scenario`` for ``folder``, beside what the folder has of the same run (seeds, arms). Writes nothing.

    Args:
        tuning: for each point of ``vary``, {arm: how its values were chosen}, for resolved.json.

    Raises:
        FolderMismatch: the folder holds another run, or what trains its jobs has changed.
        ScenarioError: what can't be planned.
    """
    from devlearn.runs import plan as plans

    before = read_resolved(folder)
    found = plans.plan(scenario, before)
    resolved = plans.resolved(found).content()
    for point, chosen in zip(resolved["points"], tuning or (), strict=False):
        for arm, record in chosen.items():
            point["arms"][arm]["tuning"] = record
    answer = before is not None and answered(RunFolder(folder), Resolved.of(before))
    if before is not None and (reasons := plans.same_run(before, resolved, answer)):
        why = "\n  ".join(reasons)
        raise FolderMismatch(f"{folder} holds another run:\n  {why}\nchoose another folder with --out, or delete it")
    specs = plans.job_specs(found, order.how.device, order.how.path, order.how.compiled)
    _check_program(folder, specs, accept)
    seen = _seen(folder, before, resolved)
    return Planned(found, resolved | ({"seen": seen} if seen else {}), specs)


def write_step(folder: Path, planned: Planned, order: Order) -> Step:
    """Write a run's files, or add to those of the same run; resolved.json, which counts, comes last."""
    write_bytes(RunFolder(folder).scenario, order.text)
    for name, spec in planned.specs.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_json(RunFolder(folder).job(name).spec, _as_trained(RunFolder(folder).job(name), spec))
    plan = Resolved.of(planned.resolved)
    _write_manifest(folder, planned.resolved, order.how, planned.specs, digest(plan.content()))
    write_json(RunFolder(folder).resolved, planned.resolved)
    return _step(folder, planned.resolved, planned.specs)


def _as_trained(job: JobFolder, spec: Json) -> Json:
    """What job.json is to hold: of a job that is done also how it was trained, which no later command changes."""
    state, before = JobState.read(job.state), JobSpec.read(job.spec)
    if state is None or state.status != "done" or before is None:
        return spec
    return JobSpec.of(spec).model_copy(update={"device": before.device, "compiled": before.compiled}).content()


def open_step(folder: Path, accept: bool) -> Step:
    """A folder that was written before, whoever did; what trains its jobs now stands in its manifest."""
    resolved = read_resolved(folder)
    if resolved is None:
        raise FolderMismatch(f"{folder} holds no run: it has no resolved.json; run its scenario with --out {folder}")
    before, specs = Manifest.read(RunFolder(folder).manifest), dict[str, Json]()
    for job in resolved["jobs"]:
        own = RunFolder(folder).job(job["folder"])
        spec = read_json(own.spec) if read_spec(own) else None
        if spec is None:
            raise FolderMismatch(_gone(folder, job["folder"], before.command if before else ""))
        specs[job["folder"]] = spec
    if named := provenance.plug_ins(specs.values()):
        print(f"{folder} names plug-ins, whose code is run: {', '.join(map(printable, named))}", file=sys.stderr)
    for spec in specs.values():
        provenance.importable(*spec.get("path", ()))
    _check_program(folder, specs, accept)
    command, overrides = (before.command, before.overrides) if before else ("", ())
    departs = before.registration.departs if before and before.registration else ()
    how = How(command=command, overrides=overrides, path=(), device="", departs=departs)
    _write_manifest(folder, resolved, how, specs, before.planned if before else "")
    return _step(folder, resolved, specs)


def _gone(folder: Path, job: str, command: str) -> str:
    """That a job's folder was deleted, and how to get it back."""
    words = _into(command, folder)
    again = f"`{words}`" if words else f"its scenario, with --out {folder},"
    mend = f"run {again} once more: that writes and trains it anew, and keeps the rest"
    return f"{folder / job} is gone, or its job.json is; {mend}"


def _into(command: str, folder: Path) -> str:
    """The command that made a run, whose folder is ``folder`` now; empty where manifest.json holds no command."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quote that is not closed
        return ""
    if "--out" in words[:-1]:
        at = words.index("--out")
        words = words[:at] + words[at + 2 :]
    words = [word for word in words if not word.startswith("--out=")]
    return shlex.join([*words, "--out", str(folder)]) if words else ""


def read_resolved(folder: Path) -> Json | None:
    """All that a run folder's resolved.json holds, or None where there is none.

    Raises:
        EvidenceError: it is damaged, or of a version that can't be read.
    """
    path = RunFolder(folder).resolved
    return read_json(path) if Resolved.read(path) else None


def _step(folder: Path, resolved: Json, specs: Mapping[str, Json]) -> Step:
    jobs = tuple(job_info(name, JobSpec.of(spec)) for name, spec in specs.items())
    return Step(folder, resolved, jobs, tuple(provenance.outdated(RunFolder(folder), specs)))


def _check_program(folder: Path, specs: Mapping[str, Json], accept: bool) -> None:
    """Raises FolderMismatch where jobs would be trained by another program than those before them."""
    if not accept and (changed := provenance.changes(RunFolder(folder), specs)):
        why = "\n  ".join(changed)
        raise FolderMismatch(
            f"{folder}: its jobs would be trained by different programs:\n  {why}\n"
            f"choose another folder with --out, or go on all the same with {provenance.ACCEPT}"
        )


def _write_manifest(folder: Path, resolved: Json, how: How, specs: Mapping[str, Json], planned: str) -> None:
    run = RunFolder(folder)
    plan = Resolved.of(resolved)
    found = provenance.manifest(
        run,
        resolved["digest"],
        how,
        specs,
        cores(),
        siblings(folder, plan),
        near((*map(Path, how.path), *around(folder)), folder, plan),
        registered(run, how.departs, provenance.begun(run, specs), answered(run, plan)),
        planned,
    )
    write_json(run.manifest, found.content())


def _seen(folder: Path, before: Json | None, resolved: Mapping[str, Any]) -> list[int]:
    """The numbers of seeds at which a verdict had been seen before more were added."""
    if before is None:
        return []
    count = len(before["seeds"])
    noted = seen_at(RunFolder(folder), Resolved.of(before))
    seen = {*before.get("seen", []), *noted, *([count] if _compared(folder, count) else [])}
    return sorted(number for number in seen if number < len(resolved["seeds"]))


def _compared(folder: Path, count: int) -> bool:
    """Whether comparison.json speaks of ``count`` seeds, and not of those before them."""
    path = RunFolder(folder).comparison
    read = read_any_json(path)
    if read is None:
        return False
    first = read[0][0] if isinstance(read[0], list) and read[0] else read[0]
    try:
        return any(len(arm["values"]) == count for arm in first["arms"].values())
    except (AttributeError, KeyError, TypeError) as error:
        raise EvidenceError(f"{path}: no comparison of ours; {CHANGED}") from error


def all_done(folder: Path, planned: Planned) -> bool:
    """Whether every planned job is done."""
    states = [JobState.read(RunFolder(folder).job(name).state) for name in planned.specs]
    return all(state is not None and state.status == "done" for state in states)


def store(folder: Path, order: Order) -> None:
    """Write what ``stored`` reads."""
    from devlearn.scenario import source

    checked = order.scenario
    own = Steps(format=STEPS.written, scenario=source(checked), seeds=checked.seeds, how=order.how)
    write_bytes(RunFolder(folder).scenario, order.text)
    write_json(RunFolder(folder).steps, own.content())


def stored(folder: Path) -> Order | None:
    """What was asked of a run folder that is trained in steps; None where it is trained in one.

    Raises:
        FolderMismatch: its steps were written in another version of the format.
    """
    from devlearn import scenario

    path = RunFolder(folder).steps
    found = Steps.read(path)
    if found is None:
        return None
    if why := STEPS.refusal(found.format, resume=True):
        raise FolderMismatch(f"{folder}: {why}")
    provenance.importable(*found.how.path)
    own = scenario.parse(found.scenario, str(path), [f"seeds={json.dumps(found.seeds)}"])
    return Order(own, RunFolder(folder).scenario.read_bytes(), found.how)
