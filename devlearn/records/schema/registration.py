"""What makes a run one of several, or none: its registration, runs beside it, and what `--set` asked otherwise."""

from datetime import datetime

from pydantic import Field, JsonValue, field_validator

from devlearn.records.schema.base import FileModel, Keys
from devlearn.records.versions import REGISTRATION


class Difference(FileModel):
    """In what two questions differ."""

    key: str = Field(description="where, as a dotted path")
    here: JsonValue = Field(default=None, description="the value of the one; null where it has none")
    there: JsonValue = Field(default=None, description="the value of the other; null where it has none")


class Sibling(FileModel):
    """A run folder that lies beside another."""

    folder: str = Field(description="its name")
    scenario: str = Field(description="the name of its scenario")
    seeds: tuple[int, ...] = Field(description="its seeds")
    same_lives: bool = Field(description="whether it lived the same stages, under whatever names of arms")
    same_learners: bool = Field(description="whether it lived them with some of the same seeds")
    differs: tuple[Difference, ...] = Field(description="in what the questions differ: `here` is this run's value")


class Laid(FileModel):
    """What `--set` laid over the question that the scenario's file asks."""

    key: str = Field(description="where, as a dotted path")
    file: JsonValue = Field(default=None, description="what the file says; null where it says nothing")
    set: JsonValue = Field(default=None, description="what was set")


class Registration(FileModel):
    """A registration: what a scenario asks, written before anything of it is run."""

    version = REGISTRATION
    mend = "write it anew, or fetch the one that was kept"

    format: int = Field(description="the version of this file's format")
    scenario: str = Field(description="the scenario's name")
    date: str = Field(description="when it was written, in UTC")
    by: str = Field(description="who registered it; empty where nobody said")
    devlearn: str = Field(description="the version of devlearn that wrote it")
    overrides: tuple[str, ...] = Field(description="what `--set` laid over the scenario")
    question: Keys = Field(description="the whole question: seeds, brain, stages, probes, comparison, plug-ins' files")
    digest: str = Field(description="sha256 of the question")
    beside: tuple[Sibling, ...] = Field(
        description="runs that lay there, of the same lives with other seeds, or of other lives with the same scenario "
        "or one like it"
    )

    @field_validator("date")
    @classmethod
    def _is_a_moment(cls, date: str) -> str:
        if datetime.fromisoformat(date).tzinfo is None:
            raise ValueError("no moment in UTC")
        return date


class Registered(FileModel):
    """That a run was registered."""

    omitted = frozenset({"departs", "arrived", "trained", "answered"})

    date: str = Field(description="when, in UTC, by the file's own word")
    by: str = Field(description="by whom; empty where nobody said")
    digest: str = Field(description="sha256 of the question")
    sha256: str = Field(description="of the registration's file, of which registration.json is a copy")
    beside: tuple[str, ...] = Field(description="runs of the same lives or scenario that lay there on that day")
    departs: tuple[Difference, ...] = Field(
        default=(), description="what the run asks now (`here`) otherwise than was registered (`there`)"
    )
    arrived: str = Field(default="", description="when a command first found the file in this folder, in UTC")
    trained: tuple[str, ...] = Field(default=(), description="jobs that had been begun by then")
    answered: bool = Field(default=False, description="whether an answer had been seen by then")


class Akin(FileModel):
    """A registration that lies near a run, of the same scenario or one like it, and asks something else."""

    file: str = Field(description="its path, from the folder that the run lies in")
    scenario: str = Field(description="the name of its scenario")
    date: str = Field(description="when it was written, by its own word")
    digest: str = Field(description="sha256 of its question")
    differs: tuple[Difference, ...] = Field(description="in what it differs: `here` is the run's value")
