"""From a run folder with job folders in it to finished jobs: worker processes and their supervisor."""

from devlearn.records.atomic import FolderLocked, locked, read_json, write_json
from devlearn.records.job_state import JobInfo, View, load_job
from devlearn.runs.executors.base import Executor, WorkerExit
from devlearn.runs.executors.local import Local, warming
from devlearn.runs.executors.supervisor import ExecutorFailed, Failure, Outcome, Supervisor
from devlearn.runs.executors.worker import work

__all__ = [
    "Executor",
    "ExecutorFailed",
    "Failure",
    "FolderLocked",
    "JobInfo",
    "Local",
    "Outcome",
    "Supervisor",
    "View",
    "WorkerExit",
    "load_job",
    "locked",
    "read_json",
    "warming",
    "work",
    "write_json",
]
