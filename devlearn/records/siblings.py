"""Run folders that lie beside one, and were asked something else about the same lives.

One of many analyses is believed like the only one where nobody sees the others, so a run remembers them: those that lay
beside it when one of its commands began (manifest.json), when an answer was given (seen.json), and now.
"""

from collections.abc import Iterable
from os.path import realpath
from pathlib import Path

from devlearn.records.layout import RunFolder
from devlearn.records.ownership import is_run
from devlearn.records.question import akin, asked, differences, lives
from devlearn.records.schema import EvidenceError, Resolved, Sibling
from devlearn.records.text import writable


def siblings(folder: Path, plan: Resolved) -> list[Sibling]:
    """The run folders beside ``folder`` that differ in anything from its ``plan``; which ones, ``runs_in`` says."""
    own = realpath(folder)
    places = (Path(own).parent, folder.absolute().parent)  # of the run, and of a link by which it is called
    found = {realpath(path): one for place in reversed(places) for path, one in runs_in(place, plan)}
    return [one for path, one in found.items() if one.differs and path != own]


def runs_in(place: Path, plan: Resolved) -> list[tuple[Path, Sibling]]:
    """The run folders in ``place`` that lived the stages of ``plan``, or ran a scenario of its name or one like it.

    A folder counts once, whatever links to it lie beside it.
    """
    try:
        paths = sorted(place.resolve().iterdir(), key=lambda path: (path.is_symlink(), path))
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # there is none, or none that we may see
        paths = []
    folders = sorted({realpath(path): path for path in reversed(paths)}.values())
    return [(path, one) for path in folders if (one := _sibling(path, plan)) is not None]


def _sibling(path: Path, plan: Resolved) -> Sibling | None:
    other = _read(path)
    if other is None:
        return None
    here, there = lives(plan), lives(other)
    same = here.within(there) or there.within(here)
    own, theirs = asked(plan), asked(other)
    if not same and other.scenario != plan.scenario and not akin(own, theirs):
        return None
    found = differences(own, theirs)
    return Sibling(
        folder=writable(path.name),
        scenario=other.scenario,
        seeds=other.seeds,
        same_lives=same,
        same_learners=same and not here.seeds.isdisjoint(there.seeds),
        differs=tuple(one for one in found if one.key != "seeds" or not (_at_a_look(plan) and _at_a_look(other))),
    )


def _at_a_look(plan: Resolved) -> bool:
    """Whether its seeds are those of a planned look: how many that are by now is no part of the question."""
    looks = plan.compare.looks if plan.compare else None
    return len(plan.seeds) in (looks or ()) and plan.seeds == tuple(range(len(plan.seeds)))


def _read(path: Path) -> Resolved | None:
    """The plan of a run folder. One that can't be read says nothing of its neighbours: whoever opens it is told."""
    try:
        return Resolved.read(RunFolder(path).resolved) if is_run(path) else None
    except (EvidenceError, OSError):
        return None


def together(*found: Iterable[Sibling]) -> tuple[Sibling, ...]:
    """All that were ever seen, in the order of their names; of one folder, what was seen of it last.

    The last of ``found`` are there now: one that is gone and equal to one of these but for its name was renamed.
    """
    every = [list(some) for some in found]
    there = {one.folder for one in every[-1]}
    known = [_nameless(one) for one in every[-1]]
    latest = {one.folder: one for some in every for one in some}
    kept = [one for one in latest.values() if one.folder in there or _nameless(one) not in known]
    return tuple(sorted(kept, key=lambda one: one.folder))


def _nameless(one: Sibling) -> Sibling:
    return one.model_copy(update={"folder": ""})
