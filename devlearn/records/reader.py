"""A run folder as plain structures: arms, lives of learners, measured moments. Reads records, writes nothing.

Only finished lines are read, so a folder may be read while its jobs are still running.
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from devlearn.records.schema import COLUMNS

WHOLE = ("seed", "update")
FORMATS = (1,)
BIRTH = -1
_RANK = {"birth": 0, "every": 1, "end": 2, "best": 3}

Key = tuple[str, str]  # (probe, metric)
Json = dict[str, Any]


class EvidenceError(ValueError):
    """What was asked for is not on record. The message names the run, the thing, and what there is."""


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
    ledger: Mapping[str, float]


@dataclass(frozen=True)
class LearnerRecord:
    """One learner's records along its arm's path.

    ``diverged`` is the (position, update) at which it turned non-finite, or None; ``done`` says that all its jobs are.
    ``best`` is the last stage's checkpoint that ``compare.select`` chose, measured later: it is not among ``moments``.
    ``jobs`` are the folders of the jobs on its path.
    """

    seed: int
    moments: tuple[Moment, ...]
    ledger: Mapping[str, float]
    diverged: tuple[int, int] | None
    done: bool
    best: Moment | None = None
    jobs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ArmRecords:
    """One experimental condition: its stages (as resolved.json has them) and a life for each seed.

    ``seconds`` are the wall-clock seconds of the jobs on its path, all blocks, divided by the number of seeds.
    ``lineages`` names, by seed, what learners share that was learned (a genome, a demonstrator); a seed without a name
    is a lineage of its own. ``fixed`` says that nothing differs between the seeds: all that the arm draws is pinned, or
    all that was measured of its learners is the same. ``match`` is {arm, by} where the arm follows another, by
    one unit or a list of them; ``tuning`` is what was tried beforehand, ``uncontrolled`` which controls are missing, as
    resolved.json has them.
    """

    name: str
    stages: tuple[Json, ...]
    lives: Mapping[int, LearnerRecord]
    seconds: float
    unfinished: tuple[str, ...]
    lineages: Mapping[int, str] = field(default_factory=dict)
    fixed: bool = False
    match: Json | None = None
    tuning: Json | None = None
    uncontrolled: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Point:
    """One point of ``vary`` ({} where nothing is varied) and its arms."""

    point: Json
    arms: Mapping[str, ArmRecords]


@dataclass(frozen=True)
class RunRecords:
    """A run folder. ``resolved`` and ``manifest`` are the parsed files (an empty manifest where there is none)."""

    folder: Path
    resolved: Json
    manifest: Json
    points: tuple[Point, ...]


@dataclass(frozen=True)
class _Rows:
    """One record folder, by seed."""

    position: int
    train: Mapping[int, list[tuple[int, Json]]]
    probes: Mapping[int, list[Json]]
    diverged: Mapping[int, int]


def load(folder: Path) -> RunRecords:
    """Read the run in ``folder``.

    Raises:
        EvidenceError: the folder holds no run, or one of another record format.
    """
    resolved = _resolved(folder)
    read = cache(lambda job: tuple(_records(folder / job)))
    jobs = {(job["branch"], seed): job["folder"] for job in resolved["jobs"] for seed in job["seeds"]}
    points = tuple(
        Point(
            entry["point"],
            {
                name: _arm(folder, name, arm, entry.get("seeds", resolved["seeds"]), jobs, read, resolved.get("pin"))
                for name, arm in entry["arms"].items()
            },
        )
        for entry in resolved["points"]
    )
    manifest = folder / "manifest.json"
    return RunRecords(folder, resolved, json.loads(manifest.read_text()) if manifest.exists() else {}, points)


def _resolved(folder: Path) -> Json:
    path = folder / "resolved.json"
    if not path.exists():
        raise EvidenceError(f"{folder} is no run folder: it has no resolved.json")
    resolved: Json = json.loads(path.read_text())
    if resolved.get("format") not in FORMATS:
        raise EvidenceError(f"{path} has format {resolved.get('format')!r}; this version reads {FORMATS}")
    return resolved


def _arm(
    folder: Path,
    name: str,
    arm: Json,
    seeds: list[int],
    jobs: Mapping[tuple[str, int], str],
    read: Any,
    pin: list[str] | None,
) -> ArmRecords:
    lives = {}
    for seed in seeds:
        path = [jobs[branch, seed] for branch in arm["path"]]
        rows = [rows for job in path for rows in read(job)]
        done = all(_done(folder / job) for job in path)
        lives[seed] = _life(seed, rows, done, tuple(folder / job for job in path))
    used = dict.fromkeys(jobs[branch, seed] for branch in arm["path"] for seed in seeds)
    seconds = sum(_seconds(folder / job) for job in used) / len(seeds)
    unfinished = tuple(job for job in used if not _done(folder / job))
    lineages = {int(seed): lineage for seed, lineage in (arm.get("lineages") or {}).items()}
    stages = tuple(arm["stages"])
    fixed = (not lineages and _pinned(arm, pin or [])) or _alike(list(lives.values()))
    rest = arm.get("match"), arm.get("tuning"), tuple(arm.get("uncontrolled", ()))
    return ArmRecords(name, stages, lives, seconds, unfinished, lineages, fixed, *rest)


def _pinned(arm: Json, pin: list[str]) -> bool:
    """Whether all streams that the arm draws from are pinned; unknown, so no, where they aren't on record."""
    return "draws" in arm and set(arm["draws"]) <= set(pin)


def _alike(lives: list[LearnerRecord]) -> bool:
    """Whether all that was measured of the learners is the same for every seed."""
    if len(lives) < 2 or not all(life.done and life.moments for life in lives):
        return False
    return len({repr((life.diverged, [_trace(moment) for moment in life.moments])) for life in lives}) == 1


def _trace(moment: Moment) -> tuple[Any, ...]:
    return moment.position, moment.update, moment.when, sorted(moment.values.items())


def _life(seed: int, records: list[_Rows], done: bool, jobs: tuple[Path, ...]) -> LearnerRecord:
    ledger: Mapping[str, float] = dict.fromkeys(COLUMNS, 0.0)
    moments: list[Moment] = []
    diverged = None
    for rows in records:
        train = rows.train.get(seed, [])
        moments += _moments(rows.position, rows.probes.get(seed, []), train, ledger)
        ledger = train[-1][1] if train else ledger
        if diverged is None and seed in rows.diverged:
            diverged = (rows.position, rows.diverged[seed])
    lived = tuple(moment for moment in moments if moment.when != "best")
    best = next((moment for moment in reversed(moments) if moment.when == "best"), None)
    return LearnerRecord(seed, lived, ledger, diverged, done, best, jobs)


def _moments(
    position: int, probes: list[Json], train: list[tuple[int, Json]], before: Mapping[str, float]
) -> Iterator[Moment]:
    values: dict[tuple[int, int, str], dict[Key, float]] = defaultdict(dict)
    for row in probes:
        moment = row["moment"]
        values[int(row["update"]), _RANK[moment], moment][row["probe"], row["metric"]] = float(row["value"])
    for (update, _, when), found in sorted(values.items()):
        past = [ledger for u, ledger in train if u <= update]
        yield Moment(position, update, when, found, past[-1] if past else before)


def _records(job: Path) -> Iterator[_Rows]:
    """The record folders of a job in the order of life: birth, then 00-..., 01-..."""
    folders = [path for path in (job / "records").glob("*") if path.is_dir()]
    for path in sorted(folders, key=lambda path: _position(path.name)):
        yield _Rows(_position(path.name), _train(path), _by_seed(path / "probes.csv"), _diverged(path))


def visit_folder(life: LearnerRecord, position: int) -> Path | None:
    """The record folder of a learner's stage at ``position``; None where there is none."""
    folders = (path for job in life.jobs for path in (job / "records").glob("*") if path.is_dir())
    return next((path for path in folders if _position(path.name) == position), None)


def _position(name: str) -> int:
    return BIRTH if name == "birth" else int(name.split("-", 1)[0])


def _train(path: Path) -> dict[int, list[tuple[int, Json]]]:
    return {
        seed: [(int(row["update"]), {column: float(row[column]) for column in COLUMNS}) for row in rows]
        for seed, rows in _by_seed(path / "train.csv").items()
    }


def _diverged(path: Path) -> dict[int, int]:
    events = _by_seed(path / "events.csv")
    found = {seed: [int(r["update"]) for r in rows if r["event"] == "diverged"] for seed, rows in events.items()}
    return {seed: min(updates) for seed, updates in found.items() if updates}


def _by_seed(path: Path) -> dict[int, list[Json]]:
    table: dict[int, list[Json]] = defaultdict(list)
    for row in lines(path):
        table[int(row["seed"])].append(row)
    return table


def lines(path: Path) -> Iterator[Json]:
    """The finished lines of a CSV file; none where there is no file. A line is finished when its newline is there.

    Raises EvidenceError where a line has too few or too many cells, or one that is none of its column's.
    """
    if not path.exists():
        return
    text = path.read_text()
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    for row in reader:
        if None in row or None in row.values():
            mend = "the records were changed; delete this job's folder and run again"
            raise EvidenceError(f"{path}:{reader.line_num}: expected {len(reader.fieldnames or ())} cells; {mend}")
        if wrong := next((column for column in row if not _legible(column, row[column])), None):
            mend = "the records were changed; delete this job's folder and run again"
            raise EvidenceError(f"{path}:{reader.line_num}: {wrong} is {row[wrong]!r}; {mend}")
        yield row


def _legible(column: str, cell: str) -> bool:
    """Whether a cell can be what its column holds; only measured values may be infinite or no number."""
    if column == "moment":
        return cell in _RANK
    if column not in WHOLE and column not in ("value", "seconds", *COLUMNS):
        return True
    try:
        number = int(cell) if column in WHOLE else float(cell)
    except ValueError:
        return False
    return column == "value" or math.isfinite(number)


def _seconds(job: Path) -> float:
    """Wall-clock seconds of a job: the largest of its running totals."""
    rows = (row for path in (job / "records").glob("*/seconds.csv") for row in lines(path))
    return max((float(row["seconds"]) for row in rows), default=0.0)


def _done(job: Path) -> bool:
    state = job / "state.json"
    return state.exists() and json.loads(state.read_text())["status"] == "done"
