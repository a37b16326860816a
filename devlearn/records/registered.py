"""What a run folder's registration is worth: held against what the folder asks now, and against what is on record.

A registration is a dated statement and no signature: its date is its own word. What contradicts it can be found as far
as the folder remembers; only a copy of its digest where others see the date can prove it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from devlearn.records.layout import RunFolder
from devlearn.records.question import akin, asked, differences, digest
from devlearn.records.schema import Akin, Difference, Keys, Manifest, Registered, Registration, Resolved
from devlearn.records.text import EvidenceError, writable

ENDING = ".registration.json"
ELSEWHERE = ("tune", "plug-ins")  # of a registered question: what resolved.json does not say

DoubtCode = Literal["gone", "unnoted", "unreadable", "replaced", "changed", "begun", "trained", "answered"]


@dataclass(frozen=True)
class Doubt:
    """What speaks against a registration. ``detail`` is what a sentence about it needs: a moment, a number."""

    code: DoubtCode
    detail: str = ""


@dataclass(frozen=True)
class Held:
    """A registration that a run folder keeps, or kept. ``departs`` is what the folder asks otherwise than it says."""

    date: str
    by: str
    sha256: str
    beside: tuple[str, ...]
    departs: tuple[Difference, ...]
    doubts: tuple[Doubt, ...]


def held(run: RunFolder, plan: Resolved, manifest: Manifest | None) -> Held | None:
    """The registration of a run folder, held against its resolved.json, ``plan``; None where there never was one."""
    noted = manifest.registration if manifest else None
    try:
        found = Registration.read(run.registration)
    except EvidenceError as error:
        return _noted(noted, Doubt("unreadable", str(error)))
    if found is None:
        return None if noted is None else _noted(noted, Doubt("gone"))
    sha256 = hashlib.sha256(run.registration.read_bytes()).hexdigest()
    return Held(
        date=found.date,
        by=found.by,
        sha256=sha256,
        beside=tuple(one.folder for one in found.beside),
        departs=tuple(_departs(plan, found.question, noted, manifest)),
        doubts=tuple(_doubts(found, sha256, noted, manifest)),
    )


def _noted(noted: Registered | None, doubt: Doubt) -> Held:
    """What the manifest says of a registration that can't be read any more."""
    if noted is None:
        return Held("", "", "", (), (), (doubt,))
    return Held(noted.date, noted.by, noted.sha256, noted.beside, noted.departs, (doubt,))


def _departs(
    plan: Resolved, question: Keys, noted: Registered | None, manifest: Manifest | None
) -> Iterator[Difference]:
    """In what a folder's question is not the registered one, whatever the manifest says of it."""
    there = {key: value for key, value in question.items() if key not in ELSEWHERE}
    yield from (one for one in differences(asked(plan), there) if not _as_planned(one, plan))
    kept = (one for one in (noted.departs if noted else ()) if one.key.partition(".")[0] in ELSEWHERE)
    found = {one.key: one for one in (*kept, *_plug_ins(question, manifest))}
    yield from found.values()


def _as_planned(one: Difference, plan: Resolved) -> bool:
    """Whether the registered question itself leads to a difference: a look on the way, a value that was tuned."""
    if one.key == "seeds":
        looks = (plan.compare.looks if plan.compare else None) or ()
        counts = [len(seeds) for seeds in (one.here, one.there) if isinstance(seeds, list) and seeds == _first(seeds)]
        return len(counts) == 2 and {*counts} <= {*looks}
    for point in plan.points:
        for name, arm in point.arms.items():
            for path, value in arm.tuning.chosen.items() if arm.tuning else ():
                if one.key.endswith(f"arms.{name}.{path.removeprefix('stages.')}") and one.here == value:
                    return True
    return False


def _first(seeds: list[Any]) -> list[int]:
    return [*range(len(seeds))]


def _plug_ins(question: Keys, manifest: Manifest | None) -> Iterator[Difference]:
    """Files of plug-ins that trained a job and are not the registered ones."""
    registered: Any = question.get("plug-ins") or {}
    for program in manifest.programs.values() if manifest else ():
        files = {file: sha256 for some in (program.sources or {}).values() for file, sha256 in some.items()}
        for file, sha256 in files.items():
            if registered.get(file) != sha256:
                yield Difference(key=f"plug-ins.{file}", here=sha256, there=registered.get(file))


def _doubts(found: Registration, sha256: str, noted: Registered | None, manifest: Manifest | None) -> Iterator[Doubt]:
    """What is on record against a registration that the folder keeps."""
    if digest(found.question) != found.digest:
        yield Doubt("changed")
    if noted is None:
        yield Doubt("unnoted")
    elif noted.sha256 != sha256:
        yield Doubt("replaced", noted.sha256)
    begun = manifest.begun if manifest else ""
    if begun and datetime.fromisoformat(begun) < datetime.fromisoformat(found.date):
        yield Doubt("begun", begun)
    if noted and noted.trained:
        yield Doubt("trained", f"{len(noted.trained)}")
    if noted and noted.answered:
        yield Doubt("answered", noted.arrived)


def near(places: Iterable[Path], run: Path, plan: Resolved) -> list[Akin]:
    """The registrations in ``places`` of the scenario of a ``run``'s plan, or one like it, that are not its own."""
    own, question, home = _own(run), asked(plan), run.resolve().parent
    found: list[Akin] = []
    for path in dict.fromkeys(path for place in places for path in _files(place)):
        one = _read(path)
        if one is None or one.digest == own:
            continue
        theirs = {key: value for key, value in one.question.items() if key not in ELSEWHERE}
        differs = tuple(each for each in differences(question, theirs) if not _as_planned(each, plan))
        if differs and (one.scenario == plan.scenario or akin(question, theirs)):
            file = writable(os.path.relpath(path, home))
            found.append(Akin(file=file, scenario=one.scenario, date=one.date, digest=one.digest, differs=differs))
    return found


def all_near(*found: Iterable[Akin]) -> tuple[Akin, ...]:
    """All that were ever seen; of one question, what was seen of it last."""
    return tuple({one.digest: one for some in found for one in some}.values())


def around(run: Path) -> tuple[Path, Path]:
    """Where registrations of a run are looked for: the folder that it lies in, and the one above (of ``runs/``)."""
    home = run.resolve().parent
    return home, home.parent


def _files(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.resolve().iterdir() if path.name.endswith(ENDING))
    except OSError:  # there is no such folder, or none that we may see
        return []


def _own(run: Path) -> str:
    one = _read(RunFolder(run).registration)
    return one.digest if one else ""


def _read(path: Path) -> Registration | None:
    """A registration. One that can't be read says nothing of a run beside it: whoever opens it is told."""
    try:
        return Registration.read(path)
    except (EvidenceError, OSError):
        return None
