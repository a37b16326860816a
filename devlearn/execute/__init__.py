"""From a run folder with job folders in it to finished jobs: worker processes and their supervisor."""

from devlearn.execute.executor import Ended, Executor
from devlearn.execute.files import Busy, locked, read_json, write_json
from devlearn.execute.jobs import Job, View, load_job
from devlearn.execute.local import Local, warming
from devlearn.execute.supervise import Failure, Outcome, Supervisor
from devlearn.execute.worker import work

__all__ = [
    "Busy",
    "Ended",
    "Executor",
    "Failure",
    "Job",
    "Local",
    "Outcome",
    "Supervisor",
    "View",
    "load_job",
    "locked",
    "read_json",
    "warming",
    "work",
    "write_json",
]
