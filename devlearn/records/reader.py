"""A run folder as plain structures: arms, lives of learners, measured moments. Reads records, writes nothing.

Only finished lines are read, so a folder may be read while its jobs are still running.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from devlearn.records.job_state import read_spec
from devlearn.records.layout import BIRTH, JobFolder, RunFolder, VisitFolder
from devlearn.records.ownership import check_own
from devlearn.records.question import digest
from devlearn.records.registered import Held, all_near, around, held, near
from devlearn.records.schema import (
    RESTARTED,
    SOMETIMES,
    SPENT,
    UNDETERMINED,
    UNDETERMINED_PROBE,
    UNSCORED,
    Akin,
    ArmEntry,
    ControlEntry,
    EvidenceError,
    JobEntry,
    JobState,
    Json,
    Manifest,
    MatchEntry,
    Resolved,
    Seen,
    Sibling,
    StageEntry,
    TuningEntry,
)
from devlearn.records.seal import altered
from devlearn.records.siblings import siblings, together
from devlearn.records.tables import RANK, Row, by_seed, lines

__all__ = [
    "BIRTH",
    "ArmRecords",
    "EvidenceError",
    "Json",
    "Key",
    "LearnerRecord",
    "Moment",
    "Point",
    "RunRecords",
    "lines",
    "load",
]

OF_ALL = (UNDETERMINED, UNDETERMINED_PROBE, RESTARTED)

Key = tuple[str, str]  # (probe, metric)
Ledger = Mapping[str, float]


@dataclass(frozen=True)
class Moment:
    """One moment at which one learner was measured.

    ``position`` is the index of the stage in the life (``BIRTH`` before the first), ``update`` counts within the visit,
    ``when`` is birth, every, end or best. ``ledger`` is what the learner had consumed by then, over its whole life.
    """

    position: int
    update: int
    when: str
    values: Mapping[Key, float]
    ledger: Ledger


@dataclass(frozen=True)
class LearnerRecord:
    """One learner's records along its arm's path.

    ``diverged`` is the (position, update) at which it turned non-finite, or None; ``done`` says that all its jobs are.
    ``best`` is the last stage's checkpoint that ``compare.select`` chose, measured later: it is not among ``moments``.
    ``jobs`` are the folders of the jobs on its path. ``passed`` are the positions of the stages whose gate it passed.
    ``unscored`` is the position of the stage in which it should have had something from another arm's learner, which
    had diverged; None, as a rule.
    """

    seed: int
    moments: tuple[Moment, ...]
    ledger: Ledger
    diverged: tuple[int, int] | None
    done: bool
    best: Moment | None = None
    jobs: tuple[Path, ...] = ()
    passed: frozenset[int] = frozenset()
    unscored: int | None = None


@dataclass(frozen=True)
class Undetermined:
    """That the seed did not decide what an environment showed, in the stage at ``position`` of a branch."""

    branch: str
    position: int
    env: str


@dataclass(frozen=True)
class ArmRecords:
    """One experimental condition: its stages and a life for each seed.

    ``seconds`` are the wall-clock seconds of the jobs on its path, all blocks, divided by the number of seeds.
    ``lineages`` names, by seed, what learners share that was learned (a genome, a demonstrator); a seed without a name
    is a lineage of its own. ``fixed`` says that nothing differs between the seeds: all that the arm draws is pinned, or
    all that is on record of its learners, of their training too, is the same. ``match`` is {arm, by} where the arm
    follows another, by one unit or a list of them; ``tuning`` is what was tried beforehand, ``uncontrolled`` which
    controls are missing, as resolved.json has them. ``undetermined`` are the stages that were lived in an environment
    whose seed does not decide what it shows, ``undetermined_probes`` (probe, environment) those measured in one; in
    ``restarted`` ones episodes began anew when the run was resumed. ``experts`` are, by stage, the arms of the same
    point that learn its skill alone, where the scenario names them.
    """

    name: str
    stages: tuple[StageEntry, ...]
    lives: Mapping[int, LearnerRecord]
    seconds: float
    unfinished: tuple[str, ...]
    lineages: Mapping[int, str] = field(default_factory=dict)
    fixed: bool = False
    match: MatchEntry | None = None
    tuning: TuningEntry | None = None
    uncontrolled: tuple[ControlEntry, ...] = ()
    undetermined: frozenset[Undetermined] = frozenset()
    undetermined_probes: frozenset[tuple[str, str]] = frozenset()
    restarted: frozenset[str] = frozenset()
    experts: Mapping[str, "ArmRecords"] = field(default_factory=dict)
    failed: Mapping[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """One point of ``vary`` ({} where nothing is varied) and its arms."""

    point: Json
    arms: Mapping[str, ArmRecords]


@dataclass(frozen=True)
class RunRecords:
    """A run folder. ``resolved`` is what was planned, ``manifest`` the file's content (empty where there is none).

    ``siblings`` are the runs beside it, now or at any moment on record, that were asked something else; ``akin`` are
    the registrations near it, ``registered`` is its own, if any. ``edited`` says that
    resolved.json is not what a command wrote, ``altered`` are record files that are not what they were when their job
    was done, {how: paths in the run's folder}. ``forgotten`` are the files of its memory that are gone, or had been,
    although an answer was given.
    """

    folder: Path
    resolved: Resolved
    manifest: Json
    points: tuple[Point, ...]
    siblings: tuple[Sibling, ...] = ()
    akin: tuple[Akin, ...] = ()
    registered: Held | None = None
    altered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    edited: bool = False


@dataclass(frozen=True)
class _Visit:
    """The records of one visit of a job, by seed."""

    position: int
    train: Mapping[int, list[tuple[int, Ledger]]]
    probes: Mapping[int, list[Row]]
    diverged: Mapping[int, int]
    passed: frozenset[int]
    unscored: frozenset[int]
    told: frozenset[tuple[str, str]]  # (event, detail) of what concerns all learners


@dataclass(frozen=True)
class _Job:
    """All that is on record of one job. ``name`` is its folder in the run's; visits are in the order of life."""

    name: str
    folder: JobFolder
    visits: tuple[_Visit, ...]
    seconds: float  # wall-clock, the largest of its running totals
    done: bool
    error: str  # why it failed; empty where it has not
    altered: tuple[tuple[str, str], ...]  # (how, path in the run's folder)
    compared: bool


def load(folder: Path) -> RunRecords:
    """Read the run in ``folder``.

    Raises:
        EvidenceError: the folder holds no run, one of another record format, or what is neither a file nor a folder.
    """
    run = RunFolder(folder)
    check_own(folder)
    plan = Resolved.read(run.resolved)
    if plan is None:
        raise EvidenceError(f"{folder} is no run folder: it has no resolved.json")
    jobs: dict[tuple[str, int], _Job] = {}
    for entry in plan.jobs:
        job = _job(entry, run.job(entry.folder))
        jobs |= {(entry.branch, seed): job for seed in entry.seeds}
    points = tuple(
        Point(
            entry.point,
            _experts(
                plan,
                {name: _arm(name, arm, plan.seeds_at(i), jobs, plan.pin) for name, arm in entry.arms.items()},
            ),
        )
        for i, entry in enumerate(plan.points)
    )
    manifest, seen = Manifest.read(run.manifest), Seen.read(run.seen)
    known = [manifest.siblings if manifest else (), seen.siblings if seen else ()]
    all_jobs = {job.name: job for job in jobs.values()}.values()
    gone = [run.seen] * (seen is None or seen.renewed) + [run.manifest] * (manifest is None)
    return RunRecords(
        folder=folder,
        resolved=plan,
        manifest={} if manifest is None else manifest.content(),
        points=points,
        siblings=together(*known, siblings(folder, plan)),
        akin=all_near(manifest.registrations if manifest else (), near(around(folder), folder, plan)),
        registered=held(run, plan, manifest),
        altered=_by_how(change for job in all_jobs for change in job.altered),
        forgotten=tuple(path.name for path in gone) if any(job.compared for job in all_jobs) else (),
        edited=manifest is not None and manifest.planned not in ("", digest(plan.content())),
    )


def _experts(plan: Resolved, arms: dict[str, ArmRecords]) -> dict[str, ArmRecords]:
    """The arms of a point, each with those that are the experts of single skills."""
    declared = plan.compare.matrix.experts if plan.compare and plan.compare.matrix else {}
    known = {stage: arms[name] for stage, name in declared.items() if name in arms}
    return {name: replace(arm, experts=known) for name, arm in arms.items()} if known else arms


def _by_how(changes: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for how, path in changes:
        found[how].append(path)
    return {how: tuple(paths) for how, paths in found.items()}


def _job(entry: JobEntry, folder: JobFolder) -> _Job:
    name, spec = entry.folder, read_spec(folder)  # refuses records of another version
    if spec is not None and (spec.branch, spec.seeds) != (entry.branch, entry.seeds):
        raise EvidenceError(
            f"{folder.root} holds {spec.branch} of seeds {list(spec.seeds)}, and by resolved.json it is {entry.branch} "
            f"of seeds {list(entry.seeds)}: the folder was moved, or one of the two files edited; put it back, or "
            "delete it and run again"
        )
    state = JobState.read(folder.state)
    visits = folder.visits()
    totals = (float(row["seconds"]) for visit in visits for row in lines(visit.table("seconds")))
    return _Job(
        name=name,
        folder=folder,
        visits=tuple(map(_visit, visits)),
        seconds=max(totals, default=0.0),
        done=state is not None and state.status == "done",
        error=(state.error or "") if state is not None and state.status == "failed" else "",
        altered=tuple((one.how, f"{name}/{one.file}") for one in altered(folder, state)) if state else (),
        compared=state is not None and bool(state.compared),
    )


def _visit(folder: VisitFolder) -> _Visit:
    train: dict[int, list[tuple[int, Ledger]]] = {
        seed: [(int(row["update"]), _spent(row)) for row in rows]
        for seed, rows in by_seed(folder.table("train")).items()
    }
    events = by_seed(folder.table("events"))
    gone = {seed: [int(row["update"]) for row in rows if row["event"] == "diverged"] for seed, rows in events.items()}
    diverged = {seed: min(updates) for seed, updates in gone.items() if updates}
    passed, unscored = (
        frozenset(seed for seed, rows in events.items() if any(row["event"] == event for row in rows))
        for event in ("passed", UNSCORED)
    )
    every = (row for rows in events.values() for row in rows)
    told = frozenset((row["event"], row["detail"]) for row in every if row["event"] in OF_ALL)
    return _Visit(folder.position, train, by_seed(folder.table("probes")), diverged, passed, unscored, told)


def _spent(row: Row) -> Ledger:
    """What a row of train.csv says was consumed; nan for what an older folder does not say.

    Where no caregiver has said anything there are no columns of it.
    """
    return {unit: float(row.get(unit, "0" if unit in SOMETIMES else "nan")) for unit in SPENT}


def _arm(
    name: str, arm: ArmEntry, seeds: tuple[int, ...], jobs: Mapping[tuple[str, int], _Job], pin: tuple[str, ...]
) -> ArmRecords:
    lives = {seed: _life(seed, [jobs[branch, seed] for branch in arm.path]) for seed in seeds}
    used = {jobs[branch, seed].name: jobs[branch, seed] for branch in arm.path for seed in seeds}
    told = {
        (branch, visit.position, event, detail)
        for branch in arm.path
        for seed in seeds
        for visit in jobs[branch, seed].visits
        for event, detail in visit.told
    }
    pinned = arm.draws is not None and set(arm.draws) <= set(pin)  # unknown, so no, where they aren't on record
    return ArmRecords(
        name=name,
        stages=arm.stages,
        lives=lives,
        seconds=sum(job.seconds for job in used.values()) / len(seeds),
        unfinished=tuple(job.name for job in used.values() if not job.done),
        lineages=arm.lineages,
        fixed=(not arm.lineages and pinned) or _alike(list(lives.values())),
        match=arm.match,
        tuning=arm.tuning,
        uncontrolled=arm.uncontrolled,
        undetermined=frozenset(Undetermined(b, at, env) for b, at, event, env in told if event == UNDETERMINED),
        undetermined_probes=frozenset(
            (probe, env)
            for *_, event, detail in told
            if event == UNDETERMINED_PROBE
            for probe, _, env in [detail.partition(": ")]
        ),
        restarted=frozenset(env for *_, event, env in told if event == RESTARTED),
        failed={
            seed: (jobs[branch, seed].name, jobs[branch, seed].error)
            for branch in reversed(arm.path)  # the first job of a life that failed is why
            for seed in seeds
            if jobs[branch, seed].error
        },
    )


def _alike(lives: list[LearnerRecord]) -> bool:
    """Whether all that was measured of the learners, and then all of their training, is the same for every seed."""
    if len(lives) < 2 or not all(life.done and life.moments for life in lives):
        return False
    traces = [[(m.position, m.update, m.when, sorted(m.values.items())) for m in life.moments] for life in lives]
    if len({repr((life.diverged, trace)) for life, trace in zip(lives, traces, strict=True)}) > 1:
        return False
    paths = {job for life in lives for job in life.jobs}
    tables = {path: [by_seed(visit.table("train")) for visit in JobFolder(path).visits()] for path in paths}
    trained = (
        [{**row, "seed": ""} for job in life.jobs for table in tables[job] for row in table[life.seed]]
        for life in lives
    )
    first = next(trained)
    return all(rows == first for rows in trained)


def _life(seed: int, jobs: list[_Job]) -> LearnerRecord:
    ledger: Ledger = dict.fromkeys(SPENT, 0.0)
    moments: list[Moment] = []
    diverged = None
    for visit in (visit for job in jobs for visit in job.visits):
        train = visit.train.get(seed, [])
        moments += _moments(visit.position, visit.probes.get(seed, []), train, ledger)
        ledger = train[-1][1] if train else ledger
        if diverged is None and seed in visit.diverged:
            diverged = (visit.position, visit.diverged[seed])
    return LearnerRecord(
        seed=seed,
        moments=tuple(moment for moment in moments if moment.when != "best"),
        ledger=ledger,
        diverged=diverged,
        done=all(job.done for job in jobs),
        best=next((moment for moment in reversed(moments) if moment.when == "best"), None),
        jobs=tuple(job.folder.root for job in jobs),
        passed=frozenset(visit.position for job in jobs for visit in job.visits if seed in visit.passed),
        unscored=min((visit.position for job in jobs for visit in job.visits if seed in visit.unscored), default=None),
    )


def _moments(position: int, probes: list[Row], train: list[tuple[int, Ledger]], before: Ledger) -> Iterator[Moment]:
    """``before`` is what the learner had consumed when the visit began."""
    values: dict[tuple[int, int, str], dict[Key, float]] = defaultdict(dict)
    for row in probes:
        when = row["moment"]
        values[int(row["update"]), RANK[when], when][row["probe"], row["metric"]] = float(row["value"])
    for (update, _, when), found in sorted(values.items()):
        past = [ledger for at, ledger in train if at <= update]
        yield Moment(position, update, when, found, past[-1] if past else before)
