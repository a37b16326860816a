"""Before a run folder is gone on with: files that only tell how far a job is are put aside where they are damaged.

They are written anew by the worker that goes on, from the job's checkpoint or its end.
"""

import sys
from pathlib import Path

from devlearn.records.atomic import put_aside
from devlearn.records.layout import JobFolder
from devlearn.records.schema import Cores, EvidenceError, FileModel, JobState, Progress


def put_aside_damaged(run: Path) -> None:
    """Put aside every damaged state.json, progress.json and cores.json of a run's jobs, each told on stderr."""
    for path in sorted(run.glob("jobs/*/*/")):
        job = JobFolder(path)
        readers: dict[Path, type[FileModel]] = {job.state: JobState, job.progress: Progress, job.cores: Cores}
        for file, model in readers.items():
            try:
                model.read(file)
            except EvidenceError as error:
                said = str(error).partition(f"; {model.mend}")[0]
                print(f"{said}; it is kept as {put_aside(file).name}, and its job goes on", file=sys.stderr)
