"""Every path in a run folder, spelled once.

    RUN/ scenario.yaml resolved.json manifest.json registration.json steps.json seen.json comparison.json
         analyses.json report.html figures/ export/ genomes/ tune/ (the trials: a run folder)
         jobs/BRANCH/BLOCK/ job.json state.json cores.json progress.json flight.bin log.txt checkpoints/
                            artifacts/end.pt
                            records/VISIT/ train.csv probes.csv events.csv seconds.csv arrays/*.npz

VISIT is ``birth``, or the stage's index in the life, its name and which visit to it: ``00-look.0``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BIRTH = -1  # the position before the first stage
BIRTH_NAME = "birth"
QUEUE = "queue"
_VISIT = re.compile(r"birth|\d{2,}-.+\.\d+")
PICTURES = ".pictures.npz"
CORRECT = ".npz"


@dataclass(frozen=True)
class RunFolder:
    """The files of a run."""

    root: Path

    @property
    def scenario(self) -> Path:
        return self.root / "scenario.yaml"

    @property
    def resolved(self) -> Path:
        return self.root / "resolved.json"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def steps(self) -> Path:
        return self.root / "steps.json"

    @property
    def seen(self) -> Path:
        return self.root / "seen.json"

    @property
    def registration(self) -> Path:
        return self.root / "registration.json"

    @property
    def comparison(self) -> Path:
        return self.root / "comparison.json"

    @property
    def analyses(self) -> Path:
        return self.root / "analyses.json"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    @property
    def export(self) -> Path:
        return self.root / "export"

    @property
    def genomes(self) -> Path:
        return self.root / "genomes"

    @property
    def tune(self) -> "RunFolder":
        """The trials of ``tune``: a run folder of its own."""
        return RunFolder(self.root / "tune")

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    def job(self, name: str) -> "JobFolder":
        """A job by its ``folder`` in resolved.json."""
        return JobFolder(self.root / name)


def job_name(branch: str, block: str) -> str:
    """The folder of a job in its run's: one branch of the tree of lives for one block of seeds."""
    return f"jobs/{branch}/{block}"


@dataclass(frozen=True)
class JobFolder:
    """The files of one job."""

    root: Path

    @property
    def run(self) -> RunFolder:
        """The run that it is a job of."""
        return RunFolder(self.root.parents[2])

    @property
    def spec(self) -> Path:
        return self.root / "job.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def cores(self) -> Path:
        """How many processes may step its environments."""
        return self.root / "cores.json"

    @property
    def progress(self) -> Path:
        return self.root / "progress.json"

    @property
    def flight(self) -> Path:
        """What its worker was doing inside an environment, as it was doing it."""
        return self.root / "flight.bin"

    @property
    def log(self) -> Path:
        return self.root / "log.txt"

    @property
    def queue(self) -> Path:
        """What a cluster's queue keeps of the job: scripts, pickled calls, its own logs."""
        return self.root / QUEUE

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def end(self) -> Path:
        """The learners at the job's end: the job is complete when it exists."""
        return self.root / "artifacts" / "end.pt"

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def birth(self) -> "VisitFolder":
        return VisitFolder(self.records / BIRTH_NAME)

    def visit(self, index: int, stage: str, visit: int) -> "VisitFolder":
        """The records of a visit: the stage's index in the life, its name, and which visit to it."""
        return VisitFolder(self.records / visit_name(index, stage, visit))

    def visits(self) -> list["VisitFolder"]:
        """All record folders, in the order of life; what others put between them is left out."""
        found = [VisitFolder(path) for path in self.records.glob("*") if _VISIT.fullmatch(path.name) and path.is_dir()]
        return sorted(found, key=lambda visit: visit.position)


def visit_name(index: int, stage: str, visit: int) -> str:
    """The folder of a visit's records."""
    return f"{index:02d}-{stage}.{visit}"


@dataclass(frozen=True)
class VisitFolder:
    """The records of one visit to a stage, or of birth."""

    root: Path

    @property
    def position(self) -> int:
        """The stage's index in the life, ``BIRTH`` before the first."""
        return BIRTH if self.root.name == BIRTH_NAME else int(self.root.name.split("-", 1)[0])

    @property
    def stage(self) -> str:
        """The stage's name, or ``birth``."""
        return self.root.name if self.position == BIRTH else self.root.name.split("-", 1)[1].rpartition(".")[0]

    @property
    def visit(self) -> int:
        """Which visit to the stage."""
        return 0 if self.position == BIRTH else int(self.root.name.rpartition(".")[2])

    def table(self, name: str) -> Path:
        """The table train, probes, events or seconds."""
        return self.root / f"{name}.csv"

    def correct(self, probe: str) -> Path:
        """Whether each image was right, by a probe at the stage's end."""
        return self.root / "arrays" / f"{probe}{CORRECT}"

    def pictures(self, probe: str) -> Path:
        """What a probe drew."""
        return self.root / "arrays" / f"{probe}{PICTURES}"

    def drawn(self) -> Iterator[tuple[str, Path]]:
        """(probe, file) of every picture there is."""
        for path in sorted((self.root / "arrays").glob(f"*{PICTURES}")):
            yield path.name.removesuffix(PICTURES), path
