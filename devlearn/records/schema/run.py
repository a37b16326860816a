"""The smaller files of a run: manifest.json, steps.json, seen.json."""

from pydantic import ConfigDict, Field

from devlearn.records.schema.base import FileModel, Keys
from devlearn.records.schema.registration import Akin, Difference, Laid, Registered, Sibling
from devlearn.records.versions import SEEN, STEPS


class Program(FileModel):
    """What trained a job: another program is another experiment."""

    omitted = frozenset({"device", "compiler"})

    versions: dict[str, str] = Field(description="of devlearn, torch, numpy and gymnasium")
    sources: dict[str, dict[str, str]] | None = Field(
        default=None, description="by plug-in module, the sha256 of its file and of those that it imports beside it"
    )
    device: str = Field(default="", description="where tensors were; left out: on the CPU")
    compiler: str = Field(default="", description="what compiled its updates; left out: they were not compiled")


class Manifest(FileModel):
    """manifest.json: what a reader needs to repeat the run."""

    model_config = ConfigDict(extra="ignore")  # it is for people: what other versions add does no harm

    mend = "move it away; `devlearn resume` of its run writes it anew, and answers say that it was gone"
    omitted = frozenset(
        {"programs", "jobs", "begun", "laid", "siblings", "registrations", "registration", "planned", "commit"}
    )

    command: str = Field(description="the command that planned it last")
    digest: str = Field(description="the question's identity, as in resolved.json")
    versions: dict[str, str] = Field(description="of Python and of the packages that decide numbers")
    machine: Keys = Field(description="platform, processor, cores, and the cores that could be used")
    commit: str = Field(default="", description="the git commit of the folder that it was planned in")
    started: str = Field(default="", description="when, in UTC")
    begun: str = Field(default="", description="when the first command on this folder was given, in UTC")
    overrides: tuple[str, ...] = Field(default=(), description="what `--set` laid over the scenario")
    programs: dict[str, Program] = Field(default={}, description="what trained its jobs, by digest")
    jobs: dict[str, tuple[str, ...]] = Field(
        default={}, description="by job, the digests of the programs that trained it, in this order"
    )
    laid: tuple[Laid, ...] = Field(
        default=(), description="what `--set` of any command on this folder laid over the file's question"
    )
    siblings: tuple[Sibling, ...] = Field(
        default=(), description="runs that lay beside it when a command began, and asked something else"
    )
    registrations: tuple[Akin, ...] = Field(
        default=(),
        description="registrations of its scenario, or one like it, that lay near when a command began, and ask "
        "something else",
    )
    registration: Registered | None = Field(
        default=None, description="when its question was registered; null or left out: it was not"
    )
    planned: str = Field(default="", description="sha256 of what resolved.json held when a command wrote it")


class How(FileModel):
    """How a run was asked for."""

    omitted = frozenset({"laid", "departs", "compiled"})

    command: str = Field(description="the command")
    overrides: tuple[str, ...] = Field(description="what `--set` laid over the scenario")
    path: tuple[str, ...] = Field(description="folders on the workers' module path")
    device: str = Field(description="where tensors are")
    compiled: bool = Field(default=False, description="updates are compiled")
    laid: tuple[Laid, ...] = Field(default=(), description="what `--set` laid over the file's question")
    departs: tuple[Difference, ...] = Field(
        default=(), description="what is asked now (`here`) otherwise than was registered (`there`)"
    )


class Steps(FileModel):
    """steps.json: what a run with `tune` or `looks` needs to go on to its next step."""

    version = STEPS

    format: int = Field(description="the version of this file's format")
    scenario: str = Field(description="the checked scenario, as text that a scenario file may hold")
    seeds: tuple[int, ...] = Field(description="the seeds of the last look")
    how: How = Field(description="how the run was asked for")


class Seen(FileModel):
    """seen.json: that an answer was given. It outlives comparison.json; from then on the question stands."""

    omitted = frozenset({"siblings", "renewed"})
    mend = "move it away; `devlearn compare` of its run writes it anew, and answers say that it was gone"
    version = SEEN

    format: int = Field(description="the version of this file's format")
    seeds: tuple[int, ...] = Field(description="the numbers of seeds for which an arm's lives were all compared")
    siblings: tuple[Sibling, ...] = Field(
        default=(), description="runs that lay beside it when an answer was given, and asked something else"
    )
    renewed: bool = Field(
        default=False, description="whether it had been deleted, and was written anew from what the jobs' states say"
    )
