"""A scenario as frozen models. The fields are the YAML keys; their descriptions are the reference of the format."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
)

from devlearn.scenario.keys import (
    MOST_SEEDS,
    UNITS,
    At,
    Better,
    Count,
    Frozen,
    Name,
    Seed,
    Text,
    Unit,
)
from devlearn.scenario.matrix import MatrixMetric
from devlearn.scenario.problems import Problem, ScenarioError
from devlearn.scenario.stream_models import EnvStream, Stream
from devlearn.scenario.tune_models import Tune
from devlearn.scenario.yaml_nodes import List, Map

RENAMED: Mapping[str, str] = {}  # keys of the top level: the old name, the new one


class Use(Frozen):
    """One item of an arm: a stage, perhaps under another name and with other values."""

    use: str = Field(description="NAME of a stage")
    as_: Name | None = Field(None, alias="as", description="another name, and so other random streams")
    set: Mapping[str, Any] = Field(default_factory=dict, description="keys of the stage that this arm changes")

    @property
    def stream(self) -> str:
        """The name that keys the stage's randomness."""
        return self.as_ or self.use


Alike = Literal["flops", "labels", "env_steps", "images", "updates", "bytes"]
SETS_NO_BUDGET: tuple[Alike, ...] = ("bytes", "labels")  # what these match by is how much is kept, or is told


def _one_and_a_budget(units: tuple[Alike, ...]) -> tuple[Alike, ...]:
    if len(units) != 2 or sum(unit in SETS_NO_BUDGET for unit in units) != 1:
        told = "labels or bytes and one other unit, which sets the budget, such as [labels, flops]"
        raise ValueError(f"a list is {told}")
    return units


class Match(Frozen):
    """Scale an arm's last stage until the whole arm has consumed what another has."""

    arm: str = Field(description="NAME of the arm to equal")
    by: Annotated[
        Annotated[Alike, Tag("one")] | Annotated[tuple[Alike, ...], AfterValidator(_one_and_a_budget), Tag("two")],
        Discriminator(lambda by: "two" if isinstance(by, list | tuple) else "one"),
    ] = Field(
        description="what both arms consume alike; by labels, the last stage gets more of them and keeps its budget; "
        "by bytes, its protections keep so many images that they take as many bytes; [labels, UNIT] or [bytes, UNIT]: "
        "that, and a budget that makes the unit equal too"
    )

    @property
    def units(self) -> tuple[Alike, ...]:
        """What is met, in order: the budget last, as the others decide what an update costs."""
        given = (self.by,) if isinstance(self.by, str) else self.by
        return tuple(sorted(given, key=lambda unit: unit not in SETS_NO_BUDGET))


class Of(Frozen):
    """What a stage takes from another arm, seed by seed: each learner from the learner of its own seed."""

    arm: str = Field(description="NAME of the arm that gives")
    stage: str = Field(description="NAME of its stage, at the end of which it gives; of several visits the last")
    what: Literal["learner", "order", "stream"] = Field(
        "learner",
        description="what it gives: the learner as it is then, or, of that stage, the order of the lessons that it "
        "had, or its stream: all its episodes and what it did in them",
    )

    def __str__(self) -> str:
        return f"arm {self.arm!r} after {self.stage!r}"


class ArmSpec(Frozen):
    """One experimental condition: a sequence of stages."""

    stages: Annotated[tuple[Use, ...], Field(min_length=1)] = Field(description="the stages in order")
    match: Match | None = Field(None, description="scale the last stage's budget to equal another arm")
    total: Annotated[Mapping[Unit, Count], Field(min_length=1, max_length=1)] | None = Field(
        None, description="{UNIT: N}: what the whole arm consumes; the last stage gets what the others leave"
    )


class Fit(Frozen):
    """A power law of the error over the points of ``vary``."""

    over: Literal["labels", "parameters", "flops", "images", "env_steps", "updates"] = Field(
        description="what the points differ in, as the horizontal axis"
    )
    from_: Annotated[float, Field(gt=0)] | None = Field(None, alias="from", description="the smallest value fitted")
    to: Annotated[float, Field(gt=0)] | None = Field(None, description="the largest value fitted")
    published: float | None = Field(None, description="a published exponent, shown beside the fitted one")


def _mean_is_none(of: str | None) -> str | None:
    """``mean`` is what is compared as a rule: a scenario that says so asks the same question."""
    return None if of == "mean" else of


class Fails(Frozen):
    """What counts as a failure of a learner, besides diverging; and what rate of it is accepted."""

    below: float | None = Field(None, description="a value of the compared metric below this is a failure")
    above: float | None = Field(None, description="a value above this is one, where lower is better")
    accept: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="a failure rate that would not matter; above it verdicts say 'unless some fail'",
    )


class MatrixSpec(Frozen):
    """The skills of a life, which are measured at birth and at the end of every stage."""

    skills: Annotated[Mapping[str, Text], Field(min_length=1)] = Field(
        description="{STAGE: PROBE or PROBE.METRIC}: what measures the skill that a stage teaches"
    )
    experts: Mapping[str, Text] = Field(
        default_factory=dict, description="{STAGE: ARM}: the arm that learns this skill alone"
    )
    scores: Literal["raw", "normalised"] = Field(
        "raw", description="raw: as probes give them; normalised: 0 is the experts at birth, 1 at the stage's end"
    )


class Compare(Frozen):
    """The comparison that the scenario declares before it is run."""

    probe: str | None = Field(None, description="NAME of a probe, or NAME.METRIC; its first metric is the default")
    at: At = Field(
        "end", description="end, area, birth, an update of the last stage, or best: the checkpoint that select picks"
    )
    better: Better | None = Field(None, description="higher or lower; the metric knows its own direction")
    smallest_effect: Annotated[float, Field(gt=0)] | None = Field(
        None, description="differences below this do not matter; needed where there are pairs"
    )
    of: Annotated[Literal["mean", "median", "iqm"] | None, AfterValidator(_mean_is_none)] = Field(
        None,
        description="what of the paired differences is compared: mean, median or iqm (of the middle half)",
    )
    fails: Fails | None = Field(
        None, description="{below: X} or {above: X}: what counts as a failure, besides diverging; {accept: RATE}"
    )
    pairs: tuple[tuple[str, str], ...] = Field((), description="[arm, the arm it is compared with]")
    looks: Annotated[tuple[Count, ...], Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="numbers of seeds at which the verdict may be looked at, the last one being seeds; the run stops "
        "early where every pair is decided, and each look has its share of alpha",
    )
    levels: Annotated[tuple[float, ...], Field(max_length=2)] = Field(
        (), description="one or two values, the better one last: how long each learner takes to them, and between them"
    )
    select: str | None = Field(
        None,
        description="NAME of a probe that reads no test split and is measured on the way: it picks each learner's best "
        "checkpoint of the arm's last stage",
    )
    fit: Fit | None = Field(None, description="a power law of the error over the points of vary")
    metric: MatrixMetric | None = Field(
        None, description="what is compared instead of a probe: a metric of the matrix, such as forgetting"
    )
    worst: float | None = Field(
        None, description="what a learner that diverged counts with in metric; a probe has a worst of its own"
    )
    matrix: MatrixSpec | None = Field(
        None, description="the skills of a life: makes the matrix of skills over stages, which metric is taken of"
    )


class Header(Frozen):
    """The top-level keys that hold plain values."""

    devlearn: Literal[1] = Field(description="version of the format")
    scenario: Name = Field(description="the scenario's name")
    about: str = Field("", description="the question, in a sentence")
    searched: str = Field(
        "",
        description="how settings were found other than by tune: by hand: WHAT, on which split and seeds; or not: WHY. "
        "It stands in the plan and the report, and changes nothing",
    )
    seeds: (
        Annotated[int, Field(gt=0, le=MOST_SEEDS)] | Annotated[list[Seed], Field(min_length=1, max_length=MOST_SEEDS)]
    ) = Field(16, description="how many learners an arm has (seeds 0, 1, ...), or a list of seeds")
    block: Annotated[int, Field(gt=0, le=MOST_SEEDS)] = Field(
        16, description="how many seeds live together as one cohort; part of the plan"
    )


class File(Header):
    """All top-level keys; the structured ones are read one by one."""

    brain: Mapping[str, Any] = Field(description="the architecture that all arms share: kind and its keys")
    stages: Annotated[Mapping[str, Any], Field(min_length=1)] = Field(
        description="the phases of life, by name; the name keys their randomness"
    )
    arms: Annotated[Mapping[str, Any], Field(min_length=1)] = Field(description="the experimental conditions, by name")
    probes: Mapping[str, Any] = Field(default_factory=dict, description="the measurements, by name")
    compare: Mapping[str, Any] | None = Field(
        None, description="the comparison declared beforehand; without it the first probe at the end, and no pairs"
    )
    pin: tuple[str, ...] = Field(
        (),
        description="streams that are the same for all seeds: init (the weights), or what a stage draws (labels, ...)",
    )
    tune: Tune | None = Field(
        None, description="values tried for every arm alike, on other seeds and without test data; the best is set"
    )
    vary: Mapping[str, Any] | list[Mapping[str, Any]] | None = Field(
        None, description="a map of dotted paths to lists of values is a product; a list of maps is a list of points"
    )
    stream: Stream | EnvStream | None = Field(
        None,
        description="tasks of one data set, or environments, one after another: a shorthand for stages and probes "
        "task1, task2, ...; `stream` stands for all of them in an arm",
    )
    extends: str | None = Field(None, description="a file to start from: maps merge, lists replace")

    elsewhere: ClassVar[Mapping[str, str]] = {  # keys that are none of the top level, by where they belong
        **{key: f"a stage's: stages.NAME.{key}" for key in (*UNITS, "until", "change", "protect")},
        **{key: f"an arm's: arms.NAME.{key}" for key in ("match", "total")},
        **{key: f"a probe's: probes.NAME.{key}" for key in ("every", "worst")},
        **{key: f"compare's: compare.{key}" for key in Compare.model_fields if key not in ("probe", "worst")},
    }


class Comparison(Frozen):
    """``compare`` with everything filled in."""

    probe: str
    metric: str
    better: Better
    at: At
    smallest_effect: float | None
    pairs: tuple[tuple[str, str], ...]
    of: Literal["median", "iqm"] | None = None
    fails: Fails | None = None
    looks: tuple[int, ...] | None = None
    levels: tuple[float, ...] = ()
    select: str | None = None
    fit: Fit | None = None
    worst: float | None = None
    matrix: MatrixSpec | None = None


class ArmItem(BaseModel):
    """One item of an arm with ``set`` applied: ``stage`` is a model of the stage's own class."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, defer_build=True)

    use: str
    stream: str
    kind: str
    stage: Any


class ResolvedArm(Frozen):
    """An arm whose stages are resolved. Budgets are as declared: ``match`` and ``total`` are the plan's work."""

    steps: tuple[ArmItem, ...]
    match: Match | None
    total: tuple[Unit, int] | None


class Scenario(BaseModel):
    """A checked scenario.

    ``stages`` and ``probes`` hold models of the plug-ins' own classes, with their kinds in ``stage_kinds`` and
    ``probe_kinds``. ``brain`` is the brain's keys with all defaults and its ``kind``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    scenario: str
    about: str
    searched: str = ""
    seeds: tuple[int, ...]
    block: int
    brain: Mapping[str, Any]
    stages: Mapping[str, Any]
    stage_kinds: Mapping[str, str]
    arms: Mapping[str, ResolvedArm]
    probes: Mapping[str, Any]
    probe_kinds: Mapping[str, str]
    compare: Comparison | None
    pin: tuple[str, ...] = ()
    tune: Tune | None = None

    _source: Map = PrivateAttr()
    _points: tuple[tuple[dict[str, Any], "Scenario"], ...] = PrivateAttr(default=())
    _notes: tuple[Problem, ...] = PrivateAttr(default=())
    _laid: Mapping[str, tuple[Any, Any]] = PrivateAttr(default_factory=dict)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What is no mistake and should be mended all the same: old names of keys, measurements that never come."""
        return self._notes

    @property
    def laid(self) -> Mapping[str, tuple[Any, Any]]:
        """What overrides changed, by dotted path: the file's value (None where it has none) and the one laid over."""
        return self._laid

    @property
    def stops(self) -> tuple[int, ...]:
        """The numbers of seeds after which verdicts are looked at: the planned looks, where the seeds are planned."""
        looks = (self.compare.looks if self.compare else None) or ()
        planned = len(self.seeds) in looks and self.seeds == tuple(range(len(self.seeds)))
        return tuple(look for look in looks if look <= len(self.seeds)) if planned else (len(self.seeds),)

    def first(self, count: int) -> "Scenario":
        """The scenario with its first ``count`` seeds, at every point."""
        found = self.model_copy(update={"seeds": self.seeds[:count]})
        found._points = tuple((point, scenario.first(count)) for point, scenario in self._points)
        return found

    def error(self, path: Sequence[str | int], message: str) -> ScenarioError:
        """An error at the deepest place of ``path`` that the file has, e.g. ``("arms", "more", "match")``."""
        mark = node = None
        current: Any = self._source
        for part in path:
            if isinstance(current, Map) and part in current.entries:
                mark, node = current.entries[str(part)].mark, current.entries[str(part)].node
            elif isinstance(current, List) and isinstance(part, int) and part < len(current.items):
                mark, node = current.items[part].mark, current.items[part]
            elif isinstance(current, List) and part == "stages":  # an arm that is written as its list
                continue
            else:
                break
            current = node
        return ScenarioError.at(mark or self._source.mark, message)


def units_of(stage: Any) -> tuple[Unit, ...]:
    """The budgets that make sense for a stage or its class."""
    units: tuple[Unit, ...] = getattr(stage, "units", ())
    return units
