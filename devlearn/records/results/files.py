"""Results as files of a run folder, and that they were seen."""

import os

from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.reader import RunRecords
from devlearn.records.results.analyses import Analyses
from devlearn.records.results.base import Renderer, document
from devlearn.records.results.comparison import Comparisons
from devlearn.records.schema import Seen
from devlearn.records.versions import SEEN


def write_comparison(run: RunFolder, found: Comparisons, render: Renderer) -> None:
    """Write comparison.json."""
    write_json(run.comparison, document(found, render), indent=2, allow_nan=False)


def write_analyses(run: RunFolder, found: Analyses, render: Renderer) -> None:
    """Write analyses.json, beside comparison.json."""
    write_json(run.analyses, document(found, render), indent=2, allow_nan=False)


def note_seen(run: RunRecords) -> None:
    """Add to RUN/seen.json that an answer was given, for how many seeds where an arm has lived them all, beside whom.

    It outlives comparison.json. A folder that can't be written to can't be gone on with either: it is left as it is.
    """
    if not os.access(run.folder, os.W_OK):
        return
    path, count = RunFolder(run.folder).seen, len(run.resolved.seeds)
    arms = [arm for point in run.points for arm in point.arms.values()]
    whole = any(sum(life.done for life in arm.lives.values()) == count for arm in arms)
    before = Seen.read(path)
    seeds = {*(before.seeds if before else ()), *([count] if whole else [])}
    write_json(
        path, Seen(format=SEEN.written, seeds=tuple(sorted(seeds)), siblings=run.siblings).content(), indent=None
    )
