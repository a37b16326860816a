"""In which order jobs begin, and how long all of them take on so many workers: the supervisor's rule, simulated."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Protocol


class Timed(Protocol):
    """A job with an estimate of its seconds, and the folders of those that have to be done before it begins."""

    @property
    def folder(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def before(self) -> tuple[str, ...]: ...


def ahead(jobs: Sequence[Timed]) -> dict[str, float]:
    """Seconds from a job's beginning to the end of the longest chain of jobs that goes through it, by folder.

    ``jobs`` come after those that they wait for.
    """
    found: dict[str, float] = {}
    after: dict[str, float] = {}
    for job in reversed(jobs):
        found[job.folder] = job.seconds + after.get(job.folder, 0.0)
        for before in job.before:
            after[before] = max(after.get(before, 0.0), found[job.folder])
    return found


def makespan(jobs: Sequence[Timed], workers: int) -> float:
    """Seconds until all jobs are done: whenever one of ``workers`` is free, the job that has most ahead begins."""
    heirs: dict[str, list[Timed]] = {}
    waits = {job.folder: len(job.before) for job in jobs}
    for job in jobs:
        for before in job.before:
            heirs.setdefault(before, []).append(job)
    first: Mapping[str, float] = ahead(jobs)
    ready = [(-first[job.folder], index, job) for index, job in enumerate(jobs) if not job.before]
    heapq.heapify(ready)
    running: list[tuple[float, int, Timed]] = []
    now, count = 0.0, len(jobs)
    while ready or running:
        while ready and len(running) < workers:
            _, index, job = heapq.heappop(ready)
            heapq.heappush(running, (now + job.seconds, index, job))
        now, _, ended = heapq.heappop(running)
        for heir in heirs.get(ended.folder, ()):
            waits[heir.folder] -= 1
            if not waits[heir.folder]:
                count += 1
                heapq.heappush(ready, (-first[heir.folder], count, heir))
    return now
