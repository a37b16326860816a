"""Registrations: what a scenario asks, written down before anything of it is run, and held against what is run.

A registration is a file. It proves nothing by itself about when it was written: its sha256, or the file, deposited
where others can see the date, does.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import EISDIR
from importlib.metadata import version
from os import strerror
from pathlib import Path
from typing import TYPE_CHECKING

from devlearn.records.atomic import write_bytes
from devlearn.records.job_state import span
from devlearn.records.layout import RunFolder
from devlearn.records.question import asked, differences, digest
from devlearn.records.schema import Difference, EvidenceError, Keys, Laid, Manifest, Registered, Registration, Resolved
from devlearn.records.siblings import runs_in
from devlearn.records.text import writable
from devlearn.records.versions import REGISTRATION
from devlearn.runs import provenance

if TYPE_CHECKING:
    from devlearn.runs.plan import Plan
    from devlearn.scenario import Scenario

QUESTION = ("compare", "probes")  # of a scenario's keys: what is asked of its lives


class NotRegistered(ValueError):
    """A question can't be registered, or is not the registered one; the message says why and what to do."""


def question(plan: "Plan", path: Sequence[str]) -> Keys:
    """The whole question of a plan, as plain values: what is on record of a registration, and held against a run.

    Beside ``records.question.asked``: the trials of ``tune``, and the sha256 of every plug-in's files.

    Args:
        path: folders on the workers' module path.
    """
    from devlearn.runs import plan as plans

    tune = plan.scenario.tune
    programs = provenance.programs_of(plans.job_specs(plan, path=tuple(path)))
    sources = (files for program in programs.values() for files in (program.sources or {}).values())
    files: Keys = {file: sha256 for some in sources for file, sha256 in some.items()}
    own = asked(plans.resolved(plan))
    return own | {
        "tune": None if tune is None else tune.model_dump(mode="json", exclude_defaults=True),
        "plug-ins": files,
    }


def write(question: Keys, plan: Resolved, overrides: Sequence[str], by: str, out: Path) -> Path:
    """Write a registration to ``out``, which must not be there yet.

    Raises:
        NotRegistered: there is such a file; or learners that the question is about have been trained already, in a run
            folder that lies in ``runs`` or beside ``out``.
    """
    there = f"{out} is there already, and a registration is never written over; choose another with --out"
    if out.exists():
        raise NotRegistered(there)
    places = [Path("runs"), out.parent, out.parent / "runs"]
    beside = {path: one for place in places for path, one in runs_in(place, plan)}
    for path, one in beside.items():
        if one.same_learners:
            trained = span(sorted({*one.seeds} & {*plan.seeds}))
            raise NotRegistered(
                f"{plan.scenario} can't be registered any more: {path} holds the same lives of seeds {trained}, and "
                "what they answer may have been seen; register seeds that nobody has trained"
            )
    found = Registration(
        format=REGISTRATION.written,
        scenario=plan.scenario,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        by=writable(by),
        devlearn=version("devlearn"),
        overrides=tuple(map(writable, overrides)),
        question=question,
        digest=digest(question),
        beside=tuple(beside.values()),
    )
    text = found.model_dump_json(indent=1) + "\n"
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise NotRegistered(there) from None
    except OSError as error:
        raise NotRegistered(f"{out} can't be written: {error.strerror}; choose another with --out") from error
    return out


def read(path: Path) -> Registration:
    """The registration in a file.

    Raises:
        NotRegistered: there is no such file, it holds something else, or its question was changed after it was written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, strerror(EISDIR))
        found = Registration.read(path)
    except (EvidenceError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).removeprefix(f"{path}: ")
        raise NotRegistered(f"{path} is no registration ({why}); devlearn register SCENARIO writes one") from error
    if found is None:
        raise NotRegistered(f"there is no registration {path}; devlearn register SCENARIO writes one")
    if digest(found.question) != found.digest:
        raise NotRegistered(f"{path}: the question in it was changed after it was registered: its digest is another")
    return found


def check(path: Path, question: Keys) -> None:
    """See that ``question`` is the registered one.

    Raises:
        NotRegistered: it is not; the message names every difference. Or what ``read`` raises.
    """
    if differ := differences(question, read(path).question):
        why = "\n  ".join(f"{one.key} is registered as {one.there!r} and is {one.here!r}" for one in differ)
        raise NotRegistered(f"{path} registers another question:\n  {why}")


@contextmanager
def kept(path: Path, run: RunFolder) -> Iterator[None]:
    """Copy a registration into a run folder that is written, or gone on with, in the block; not where that is refused.

    Raises:
        NotRegistered: the folder is registered by another file, or was begun before the registration.
    """
    content, own = path.read_bytes(), run.registration
    if own.exists():
        if own.read_bytes() != content:
            raise NotRegistered(f"{run.root} is registered by another file than {path}; choose another with --out")
        yield
        return
    before, date = Manifest.read(run.manifest), read(path).date
    begun = (before.begun or before.started) if before else ""
    if before is not None and begun < date:
        raise NotRegistered(
            f"{run.root} was begun {f'at {begun}' if begun else 'at a time that is not on record'}, and {path} "
            f"registers it at {date}: a registration comes before anything is run; choose another folder with --out"
        )
    write_bytes(own, content)
    try:
        yield
    except BaseException:
        own.unlink()
        raise


def registered(
    run: RunFolder, departs: Sequence[Difference], trained: Sequence[str], answered: bool
) -> Registered | None:
    """What the manifest says of the registration that a run folder keeps; None where it keeps none.

    Args:
        trained: the jobs that have been begun, and whether an answer has been seen (``answered``): what was there when
            the file first arrived is kept, however early the file is dated.
    """
    if not run.registration.exists():
        return None
    found, before = read(run.registration), Manifest.read(run.manifest)
    known = before.registration if before else None
    sha256 = hashlib.sha256(run.registration.read_bytes()).hexdigest()
    if known is not None and known.sha256 == sha256:
        return known.model_copy(update={"departs": tuple(departs)})
    return Registered(
        date=found.date,
        by=found.by,
        digest=found.digest,
        sha256=sha256,
        beside=tuple(one.folder for one in found.beside),
        departs=tuple(departs),
        arrived=datetime.now(UTC).isoformat(timespec="seconds"),
        trained=tuple(trained),
        answered=answered,
    )


def departures(run: RunFolder, question: Keys) -> tuple[Difference, ...]:
    """In what ``question`` (here) differs from what a run folder is registered for (there)."""
    return tuple(differences(question, read(run.registration).question))


def laid(scenario: "Scenario") -> tuple[Laid, ...]:
    """What overrides laid over the question that the scenario's file asks."""
    found = [(path, *values) for path, values in scenario.laid.items() if path.partition(".")[0] in QUESTION]
    return tuple(
        Laid(key=one.key, file=one.here, set=one.there)
        for path, file, now in found
        for one in (
            differences(file, now, path)
            if isinstance(file, Mapping) and isinstance(now, Mapping)
            else [Difference(key=path, here=file, there=now)]
        )
    )
