"""What has been seen: for how many seeds a run's arms were ever compared. It outlives comparison.json."""

import json
import os
from pathlib import Path

from devlearn.records.reader import Json, load

SEEN = "seen.json"


def note(run: Path) -> None:
    """Add to RUN/seen.json that an answer was given, and for how many seeds where an arm has lived them all.

    A folder that can't be written to can't be gone on with either: it is left as it is.
    """
    if not os.access(run, os.W_OK):
        return
    path, found = run / SEEN, load(run)
    count = len(found.resolved["seeds"])
    whole = any(
        sum(life.done for life in arm.lives.values()) == count for point in found.points for arm in point.arms.values()
    )
    before: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"format": 1, "seeds": []}
    seeds = sorted({*before["seeds"], *([count] if whole else [])})
    draft = path.with_suffix(".json.new")
    draft.write_text(json.dumps({**before, "seeds": seeds}) + "\n", encoding="utf-8")
    os.replace(draft, path)
