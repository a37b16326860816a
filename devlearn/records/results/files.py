"""Results as files of a run folder, and that they were seen."""

import os

from devlearn.records.answered import SOME, compared, seen_at
from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.reader import RunRecords
from devlearn.records.results.analyses import Analyses
from devlearn.records.results.base import Renderer, document
from devlearn.records.results.comparison import Comparisons
from devlearn.records.schema import JobState, Seen
from devlearn.records.versions import SEEN


def write_comparison(run: RunFolder, found: Comparisons, render: Renderer) -> None:
    """Write comparison.json."""
    write_json(run.comparison, document(found, render), indent=2, allow_nan=False)


def write_analyses(run: RunFolder, found: Analyses, render: Renderer) -> None:
    """Write analyses.json, beside comparison.json."""
    write_json(run.analyses, document(found, render), indent=2, allow_nan=False)


def note_seen(run: RunRecords) -> None:
    """Add to seen.json that an answer was given, for how many seeds where an arm has lived them all, beside whom.

    The state.json of every job that is done has those numbers too: what outlives comparison.json would otherwise be
    lost with one file. A folder that can't be written to can't be gone on with either: it is left as it is.
    """
    if not os.access(run.folder, os.W_OK):
        return
    folder, count = RunFolder(run.folder), len(run.resolved.seeds)
    arms = [arm for point in run.points for arm in point.arms.values()]
    whole = any(sum(life.done for life in arm.lives.values()) == count for arm in arms)
    before = Seen.read(folder.seen)
    renewed = before.renewed if before else bool(compared(folder, run.resolved))
    seeds = seen_at(folder, run.resolved) | ({count} if whole else set())
    found = Seen(format=SEEN.written, seeds=tuple(sorted(seeds)), siblings=run.siblings, renewed=renewed)
    write_json(folder.seen, found.content(), indent=None)
    for job in run.resolved.jobs:
        state = JobState.read(folder.job(job.folder).state)
        if state is not None and state.status == "done" and not (seeds or {SOME}) <= {*state.compared}:
            told = tuple(sorted({*state.compared, *(seeds or {SOME})}))
            write_json(folder.job(job.folder).state, state.model_copy(update={"compared": told}).content())
