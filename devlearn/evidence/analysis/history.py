"""What makes a run one of several: chosen seeds, a question asked otherwise by an option, runs beside it, programs.

A p value speaks of a question that was asked once, before its answer was seen. What is on record against that is said.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.question import Question
from devlearn.records.programs import unlike
from devlearn.records.reader import RunRecords
from devlearn.records.registered import Held
from devlearn.records.results import Standing, Warning_
from devlearn.records.schema import Akin, Manifest, Sibling


@dataclass(frozen=True)
class Known:
    """What is said of every point: whether the question was registered, and what makes the run one of several."""

    standing: Standing
    warnings: Sequence[Warning_]

    def also(self, more: Iterable[Sequence[Warning_]]) -> "Known":
        """With what is said of one point's pairs."""
        return Known(self.standing, [*self.warnings, *(warning for some in more for warning in some)])


def standing(runs: Sequence[RunRecords], asked: Question) -> Standing:
    """Whether what is asked of ``runs`` was registered, and whether anything on record speaks against it."""
    found = runs[0].registered if len(runs) == 1 else None
    if found is None or not found.date:
        return Standing.of("not_registered")
    fields = {"date": found.date, "by": found.by, "digest": found.sha256}
    if asked.reasons:
        return Standing.of("another_registered", **fields)
    if found.doubts:
        return Standing.of("doubtful", **fields)
    return Standing.of("departs" if found.departs else "registered", **fields)


def history(runs: Sequence[RunRecords]) -> list[Warning_]:
    """What makes runs some of several, as far as it is on record."""
    compared = {run.folder.resolve().name for run in runs}
    return [*_seeds_chosen(runs), *(warning for run in runs for warning in _of_one(run, compared))]


def _of_one(run: RunRecords, compared: Container[str]) -> Iterator[Warning_]:
    manifest = Manifest.of(run.manifest) if run.manifest else None
    found = run.registered
    if otherwise := departs(found):
        yield otherwise
    if found and found.doubts:
        yield Warning_.of("doubtful", date=found.date, doubts=[[one.code, one.detail] for one in found.doubts])
    if found and found.beside:
        yield Warning_.of("registered_beside", date=found.date, runs=found.beside)
    if manifest and manifest.laid and not _stands(found):  # what is registered may be set as one likes
        yield Warning_.of("question_set", laid=[one.content() for one in manifest.laid])
    if run.akin:
        yield Warning_.of("registered_elsewhere", registrations=[_registration(one) for one in run.akin])
    beside = [one for one in run.siblings if one.folder not in compared]
    same = [one for one in beside if one.same_lives]
    other = [one for one in beside if not one.same_lives]
    if same:
        yield Warning_.of("asked_elsewhere", runs=list(map(_differs, same)))
    if other:
        yield Warning_.of("run_otherwise", runs=list(map(_differs, other)))
    if manifest and (changes := _programs(manifest)):
        yield Warning_.of("programs_differ", changes=changes)
    if run.edited:
        yield Warning_.of("plan_edited")
    if run.altered:
        yield Warning_.of("records_altered", altered={how: list(paths) for how, paths in run.altered.items()})
    if run.forgotten:
        yield Warning_.of("forgotten", files=run.forgotten)


def departs(found: Held | None) -> Warning_ | None:
    """That a run asks something else than it was registered for, if so."""
    if found is None or not found.departs:
        return None
    return Warning_.of("departs", date=found.date, departs=[one.content() for one in found.departs])


def _stands(found: Held | None) -> bool:
    """Whether a run is registered, asks what is registered, and nothing on record speaks against it."""
    return found is not None and not found.departs and not found.doubts


def _registration(one: Akin) -> dict[str, object]:
    return {"file": one.file, "date": one.date, "differs": [each.content() for each in one.differs]}


def _differs(sibling: Sibling) -> dict[str, object]:
    return {"folder": sibling.folder, "differs": [one.content() for one in sibling.differs]}


def chosen(seeds: Sequence[int]) -> bool:
    """Whether seeds are others than the first ones: somebody has picked them."""
    return sorted(seeds) != list(range(len(seeds)))


def _seeds_chosen(runs: Sequence[RunRecords]) -> Iterator[Warning_]:
    plans = [run.resolved for run in runs]
    each = [plan.seeds_at(point) for plan in plans for point in range(len(plan.points))]
    if found := sorted({seed for seeds in each if chosen(seeds) for seed in seeds}):
        yield Warning_.of("seeds_chosen", seeds=found, registered=all(_stands(run.registered) for run in runs))


def _programs(manifest: Manifest) -> list[str]:
    """In what the programs that trained a run's jobs differ, in words."""
    programs = list(manifest.programs.values())
    found = (
        change for index, now in enumerate(programs) for before in programs[:index] for change in unlike(now, before)
    )
    return list(dict.fromkeys(found))
