"""One job, on the machine that this process runs on: what a cluster's task does, whatever cluster that is."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from devlearn.records import flight
from devlearn.records.atomic import FolderLocked, locked
from devlearn.records.layout import JobFolder
from devlearn.records.schema import JobState
from devlearn.runs.executors.local import Local
from devlearn.runs.executors.supervisor import GRACE
from devlearn.runs.executors.worker import HUNG, hanging, write_state

OURS = "DEVLEARN_"
WAIT = 5.0  # seconds between two looks at whether another worker has left the job


def environment() -> dict[str, str]:
    """The variables of this process that a worker elsewhere has to have too."""
    return {name: value for name, value in os.environ.items() if name.startswith(OURS)}


def attend(folder: Path, variables: Mapping[str, str] | None = None) -> int:
    """Train or resume the job in ``folder`` in a process of its own, which ends when this one does; its exit status.

    It is minus the signal where one killed it. An environment that hangs so hard that the worker can't end itself is
    ended from here.

    Raises:
        FileNotFoundError: this machine doesn't see the folder.
    """
    job = JobFolder(folder)
    if not job.spec.exists():
        shared = "a run folder (--out) has to be on a file system that all nodes share"
        raise FileNotFoundError(f"{socket.gethostname()} sees no {job.spec}: {shared}")
    os.environ.update(variables or {})
    _wait_until_free(folder)
    job.flight.unlink(missing_ok=True)
    executor, patience, hung = Local(1), flight.Patience(job.flight), False
    executor.submit(folder)
    try:
        while not (ended := executor.poll(flight.TICK)):
            if not hung and (found := patience.exhausted(GRACE)) is not None:
                state, hung = JobState.read(job.state), True
                write_state(folder, "failed", hanging(found), state.attempt if state else 1)
                executor.kill(folder)
    finally:
        executor.stop()
    return HUNG if hung else ended[0].code


def _wait_until_free(folder: Path) -> None:
    """Wait for whoever still works on a job: one of an earlier start, or of a node that is only thought to be lost.

    What a lost node held, a shared file system lets go of after a while, some within 90 seconds.
    """
    while True:
        try:
            with locked(folder, f"the job in {folder}", WAIT):
                return
        except FolderLocked as error:
            print(f"{error}; waiting for it to end", file=sys.stderr)
