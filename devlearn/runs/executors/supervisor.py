"""The supervisor: starts each job when what it builds upon is done, retries what crashed, keeps the rest going."""

import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devlearn.records import flight
from devlearn.records.atomic import write_json
from devlearn.records.checksum import intact
from devlearn.records.job_state import JobInfo, Status, View, view
from devlearn.records.layout import JobFolder, RunFolder
from devlearn.records.schema import Cores, JobState
from devlearn.records.text import EvidenceError, printable, shortened, writable
from devlearn.runs.executors.base import Executor, WorkerExit, signal_name
from devlearn.runs.executors.worker import HUNG, hanging, write_state
from devlearn.runs.plan.schedule import ahead

RETRIES = 2  # a crashed job is started again at most this often
DUMPED = (signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)  # faulthandler writes of them
TICK = 0.5  # seconds between two looks at the progress of running jobs
TAIL = 2**18  # bytes of a log that its last words are looked for in: environments may write without end
GRACE = 5.0  # seconds in which a worker ends itself where an environment hangs, before it is killed

Watch = Callable[[Sequence[View]], None]


class ExecutorFailed(RuntimeError):
    """The executor itself raised, and all workers were stopped. ``done`` is how many jobs are done and kept."""

    def __init__(self, message: str, done: int) -> None:
        self.done = done
        super().__init__(message)


@dataclass(frozen=True)
class Failure:
    """A job that failed, and why: the text of its state.json, which names stage, arm and seeds."""

    job: JobInfo
    error: str


@dataclass(frozen=True)
class Outcome:
    """What became of every job."""

    done: tuple[JobInfo, ...]
    failed: tuple[Failure, ...]
    not_run: tuple[JobInfo, ...]


@dataclass
class _Track:
    """A job's fate so far."""

    job: JobInfo
    status: Status = "waiting"
    errors: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)  # where in an environment its workers died
    last: View | None = None
    patience: flight.Patience | None = None
    hung: flight.Flight | None = None  # the call that its worker was killed for


class Supervisor:
    """Drives all ``jobs`` of one run folder through an executor.

    ``env_workers`` is the number of processes that step the environments of a job; None leaves it to the cores that the
    jobs leave free, and to what a step costs.
    """

    def __init__(
        self,
        run: Path,
        jobs: Sequence[JobInfo],
        executor: Executor,
        watch: Watch = lambda views: None,
        env_workers: int | None = None,
    ) -> None:
        self.run, self.executor, self.watch, self.env_workers = run, executor, watch, env_workers
        self.tracks = {job.folder: _Track(job) for job in jobs}
        self.ahead = ahead(jobs)
        self.troubles: list[str] = []  # what the executor raised

    def supervise(self) -> Outcome:
        """Live all jobs that are not done yet.

        Raises:
            ExecutorFailed: the executor raised.
            EvidenceError: a job's folder was deleted or moved away meanwhile.
            KeyboardInterrupt: after all workers were stopped.
        """
        for track in self.tracks.values():
            if self._recorded(track.job) == "done":
                track.status = "done"
        self._rebuild()
        try:
            while self._start_ready() or self._any("running"):
                self._look()
                self._end_hanging()
                with self._asking("poll()"):
                    news = self.executor.poll(TICK)
                for ended in news:
                    self._settle(ended)
        except FileNotFoundError as error:
            self._miss(error)
            raise
        finally:
            with self._asking("stop()"):
                self.executor.stop()
        self._look()
        return self._outcome()

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """The executor is asked something inside. Raises ExecutorFailed, with all that it has raised so far."""
        try:
            yield
        except Exception as error:
            cls, at = type(self.executor), traceback.extract_tb(error.__traceback__)[-1]
            said = shortened(writable(f"{type(error).__name__}: {error}"), "the rest is left out")
            why = f"{what} raised {said} ({at.filename}:{at.lineno})"
            self.troubles.append(f"executor {cls.__module__}:{cls.__qualname__}: {why}")
            done = sum(track.status == "done" for track in self.tracks.values())
            state = f"{done} of {len(self.tracks)} jobs are done"
            raise ExecutorFailed("\n".join([*self.troubles, state]), done) from error

    def _miss(self, error: FileNotFoundError) -> None:
        """Say so where a job's folder is gone. Raises EvidenceError then."""
        folders = (RunFolder(self.run).job(name) for name in self.tracks)
        if gone := next((folder.root for folder in folders if not folder.spec.exists()), None):
            mend = f"move it back and go on with it: devlearn resume {self.run}; or run the scenario again"
            raise EvidenceError(f"{gone}: deleted or moved away while its run was trained; {mend}") from error

    def _rebuild(self) -> None:
        """Jobs that are done, whose end state others still need and is gone or damaged, are trained anew.

        They come to the same records: nothing of a life depends on when it was lived.
        """
        while True:
            heirs = [track.job for track in self.tracks.values() if track.status != "done"]
            needed = {name for job in heirs for name in job.before}
            continued = {job.parent for job in heirs if job.continues}
            done = [name for name in needed if self.tracks[name].status == "done"]
            lost = {name: why for name in done if (why := self._lost(name, name in continued))}
            if not lost:
                return
            for name, why in lost.items():
                track = self.tracks[name]
                track.status = "waiting"
                end = RunFolder(self.run).job(track.job.folder).end
                end.unlink(missing_ok=True)
                print(f"{end}: {why}, and others build upon it; its job is trained anew", file=sys.stderr)

    def _lost(self, name: str, continued: bool) -> str:
        """What the end state of a job that is done lacks; ``continued``: somebody needs its optimiser moments too."""
        job = RunFolder(self.run).job(name)
        if not intact(job.end):
            return "gone or damaged"
        state = JobState.read(job.state)
        return "without optimiser moments" if continued and state is not None and state.without_moments else ""

    def _recorded(self, job: JobInfo) -> str | None:
        state = JobState.read(RunFolder(self.run).job(job.folder).state)
        return state.status if state else None

    def _any(self, status: Status) -> bool:
        return any(track.status == status for track in self.tracks.values())

    def _start_ready(self) -> bool:
        """Start what can be started; True where something was."""
        self._give_up_orphans()
        ready = [track for track in self.tracks.values() if track.status == "waiting" and self._can_begin(track.job)]
        ready.sort(key=lambda track: -self.ahead[track.job.folder])  # the longest first; ties keep the plan's order
        with self._asking("free_slots()"):
            chosen = ready[: max(self.executor.free_slots(), 0)]
        for track in chosen:
            folder = RunFolder(self.run).job(track.job.folder)
            folder.flight.unlink(missing_ok=True)
            write_json(folder.cores, self._cores(track.job).content())
            with self._asking("submit()"):
                self.executor.submit(self.run / track.job.folder)
            track.status, track.patience, track.hung = "running", flight.Patience(folder.flight), None
        return bool(chosen)

    def _cores(self, job: JobInfo) -> Cores:
        """How many processes may step a job's environments: its share, where others may run beside it."""
        if self.env_workers is not None:
            return Cores(env_processes=self.env_workers, forced=True)
        if getattr(self.executor, "cores", 1) == 1:  # a cluster's workers have a core each
            return Cores()
        unfinished = [track.job for track in self.tracks.values() if track.status in ("waiting", "running")]
        beside = [one for one in unfinished if one.folder == job.folder or not self._after(one, job)]
        share = getattr(self.executor, "cores", 1) // min(len(beside), self.executor.workers)
        return Cores(env_processes=max(share, 1))

    def _after(self, job: JobInfo, other: JobInfo) -> bool:
        """Whether a job begins when another, or one after it, has ended."""
        return any(before == other.folder or self._after(self.tracks[before].job, other) for before in job.before)

    def _can_begin(self, job: JobInfo) -> bool:
        return all(self.tracks[before].status == "done" for before in job.before)

    def _give_up_orphans(self) -> None:
        """Jobs that build upon a failed one are not run; they come after it in the plan."""
        for track in self.tracks.values():
            if track.status == "waiting" and any(
                self.tracks[before].status in ("failed", "not run") for before in track.job.before
            ):
                track.status = "not run"

    def _end_hanging(self) -> None:
        """Kill workers that an environment keeps from ending themselves, where the executor can kill one.

        One that holds Python's lock in a library of its own lets no other thread of the worker look at the clock.
        """
        kill = getattr(self.executor, "kill", None)
        for track in self.tracks.values():
            if kill is None or track.status != "running" or track.patience is None or track.hung is not None:
                continue
            track.hung = track.patience.exhausted(GRACE)
            if track.hung is not None:
                with self._asking("kill()"):
                    kill(self.run / track.job.folder)

    def _settle(self, ended: WorkerExit) -> None:
        """A worker ended: its job is done, is tried again, or has failed."""
        track = self.tracks[ended.folder.relative_to(self.run).as_posix()]
        if ended.code == 0 and self._recorded(track.job) == "done":
            track.status = "done"
            return
        inside, hung = self._inside(ended), ended.code == HUNG or track.hung is not None
        error = self._why(track, ended, inside)
        # an environment that hangs, the same exception twice, or the same step of an environment that a worker died in:
        # another time would tell nothing
        again = str(inside) in track.deaths if inside is not None else error in track.errors and ended.code >= 0
        hopeless = hung or again
        track.errors.append(error)
        track.deaths += [] if inside is None else [str(inside)]
        track.status = "failed" if hopeless or len(track.errors) > RETRIES else "waiting"
        if track.status == "failed":
            write_state(ended.folder, "failed", error, len(track.errors))

    def _inside(self, ended: WorkerExit) -> flight.Flight | None:
        """The call into an environment in which a worker ended without a word; None where it was none."""
        found = flight.read(JobFolder(ended.folder).flight)
        return None if found is None or found.call == flight.IDLE or self._own_words(ended) else found

    def _own_words(self, ended: WorkerExit) -> str:
        """What a worker said of its end; empty where it came to no word."""
        state = JobState.read(JobFolder(ended.folder).state)
        return (state.error or "") if state and state.status == "failed" and ended.code > 0 else ""

    def _why(self, track: _Track, ended: WorkerExit, inside: flight.Flight | None) -> str:
        log = JobFolder(ended.folder).log
        if track.hung is not None:
            return f"{hanging(track.hung)}\nits log: {log}"
        if said := self._own_words(ended):
            return f"{said}\nits log: {log}"
        last = _last_words(log, ended.code)
        if inside is not None:
            how = flight.ended(ended.code)
            return f"{track.job.title}: {inside}: its process ended inside {inside.called} ({how}){last}"
        return f"{track.job.title}: the worker ended ({signal_name(ended.code)}){last}"

    def _look(self) -> None:
        for track in self.tracks.values():
            if track.last is None or track.status == "running" or track.last.status != track.status:
                track.last = view(self.run, track.job, track.status)
        self.watch([track.last for track in self.tracks.values() if track.last is not None])

    def _outcome(self) -> Outcome:
        tracks = self.tracks.values()
        return Outcome(
            tuple(track.job for track in tracks if track.status == "done"),
            tuple(Failure(track.job, track.errors[-1]) for track in tracks if track.status == "failed"),
            tuple(track.job for track in tracks if track.status == "not run"),
        )


def _last_words(log: Path, code: int) -> str:
    """What a worker's log says of its end, and where the rest is."""
    text = ""
    if log.exists():
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            text = file.read().decode("utf-8", "replace")
    last = flight.crashed_in(text) if -code in DUMPED else _last_line(text)
    return f": {shortened(printable(last))}\nits log: {log}" if last else f"; its log: {log}"


def _last_line(text: str) -> str:
    last = next((line for line in reversed(text.split("\n")) if line.strip()), "")
    return "" if last.startswith(("Extension modules:", "  File ")) else last  # of the dump of an earlier crash
