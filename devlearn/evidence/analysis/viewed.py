"""What has been seen: for how many seeds a run's arms were ever compared. It outlives comparison.json."""

import os
from pathlib import Path

from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.reader import load
from devlearn.records.schema import Seen
from devlearn.records.versions import SEEN


def note(run: Path) -> None:
    """Add to RUN/seen.json that an answer was given, and for how many seeds where an arm has lived them all.

    A folder that can't be written to can't be gone on with either: it is left as it is.
    """
    if not os.access(run, os.W_OK):
        return
    path, found = RunFolder(run).seen, load(run)
    count = len(found.resolved["seeds"])
    whole = any(
        sum(life.done for life in arm.lives.values()) == count for point in found.points for arm in point.arms.values()
    )
    before = Seen.read(path)
    seeds = {*(before.seeds if before else ()), *([count] if whole else [])}
    write_json(path, Seen(format=SEEN.written, seeds=tuple(sorted(seeds))).content(), indent=None)
