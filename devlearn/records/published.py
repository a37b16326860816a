"""Published results: one file a study, `docs/results/NAME.json`, and the rows that say what is read off it.

A study is a scenario with its overrides, run once at full budget. Its file holds what README and docs state of it, and
what `devlearn replicate` sets a new run beside. `rows.yaml` lists the studies and the rows of each.
"""

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from devlearn.records.atomic import write_json

FORMAT = 1
_PACKAGE = Path(__file__).parents[1]

Setting = str | int | float | bool | None | list[Any] | dict[str, Any]
Point = dict[str, Setting]
Interval = tuple[float, float]


class PublishedError(ValueError):
    """A study, row, arm or pair that is not there, or a file that can't be read. The text has place and mend."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Machine(_Frozen):
    """What a study ran on."""

    platform: str
    model: str = Field(description="the processor's name")
    cores: int = Field(description="how many processors the run could use")
    gflops: float = Field(description="one core's speed in float32 matrix products, measured when recorded")


class StudyArm(_Frozen):
    """One arm's values of the probe that is read; a share is between 0 and 1."""

    n: int
    mean: float
    sd: float | None = None
    median: float
    interval: Interval | None = Field(None, description="95 % t-interval of the mean over seeds; none for one seed")
    best: float | None = Field(None, description="mean at each learner's best checkpoint, where one was selected")
    diverged: int
    values: dict[str, float] = Field(description="by seed")
    ledger: dict[str, float | None] = Field(description="what one learner consumed; null where it was not counted yet")


class Difference(_Frozen):
    """An arm minus another, paired by seed."""

    difference: float
    interval: Interval
    p: float


class StudyPair(_Frozen):
    """A pair of arms with its verdict."""

    arm: str
    against: str
    n: int
    difference: float | None
    interval: Interval | None
    p: float | None
    p_adjusted: float | None
    p_equivalence: float | None = Field(None, description="of the two one-sided tests; not in files of before 0.2")
    p_equivalence_adjusted: float | None = Field(None, description="the same, adjusted; not in files of before 0.2")
    verdict: str
    fragile: tuple[str, ...] = Field((), description="why the word hangs on little")
    unless: float | None = Field(None, description="the failure rate that would undo it and is not excluded")
    failed: dict[str, int] | None = Field(None, description="learners that failed, by arm; not in files of before 0.2")
    level: float | None = Field(None, description="the interval's level")
    scored: str = Field(description="end or best: which of the rival's checkpoints counted")
    at_end: Difference | None = None
    at_best: Difference | None = None

    def p_of_word(self) -> tuple[float | None, float | None]:
        """p of the test that the verdict comes from, and adjusted: of equivalence, else of a difference; None where
        it is not on record.
        """
        if self.verdict == "equivalent":
            return self.p_equivalence, self.p_equivalence_adjusted
        return self.p, self.p_adjusted


class StageChange(_Frozen):
    """What a stage changed of a probe, over all learners that went through it."""

    stage: str
    arms: tuple[str, ...]
    probe: str
    metric: str
    before: float
    after: float
    p: float | None


class StudyPoint(_Frozen):
    """One comparison: a point of `vary` (empty without one) under one probe at one moment."""

    point: Point
    probe: str
    metric: str
    unit: str = Field(description="of the metric: share, nats, degrees and the like, as its probe declares it")
    at: str | int
    better: str
    smallest_effect: float | None
    exploratory: bool
    family: int = Field(description="how many tests the p values are adjusted for")
    arms: dict[str, StudyArm]
    pairs: tuple[StudyPair, ...]
    stages: tuple[StageChange, ...] = ()

    def pair(self, arm: str, against: str) -> StudyPair:
        """The pair of these two arms, in this order.

        Raises:
            PublishedError: it was not compared.
        """
        found = next((pair for pair in self.pairs if (pair.arm, pair.against) == (arm, against)), None)
        if found is None:
            known = ", ".join(f"[{pair.arm}, {pair.against}]" for pair in self.pairs)
            raise PublishedError(f"no pair [{arm}, {against}]; there are: {known}")
        return found


class StudyResult(_Frozen):
    """The file of a study."""

    format: int = FORMAT
    study: str
    command: str = Field(description="what makes it anew")
    digest: str = Field(description="of the resolved scenario")
    seeds: tuple[int, ...]
    date: str = Field(description="when the run was started")
    seconds: float = Field(description="of all workers together on the machine as it was, often busy, probes included")
    planned: float = Field(description="seconds of one free core that the plan comes to, probes apart")
    machine: Machine
    versions: dict[str, str]
    points: tuple[StudyPoint, ...]
    analyses: dict[str, JsonValue] = Field(description="analyses.json without what is drawn only")

    def at(self, point: Point | None = None, probe: str | None = None, at: str | int | None = None) -> StudyPoint:
        """The comparison at a point, under the declared probe and moment where none is named.

        Args:
            point: settings by dotted path, or by their last part where that is enough (``{"labels": 100}``).
            probe: ``PROBE`` or ``PROBE.METRIC``.

        Raises:
            PublishedError: there is none, or several.
        """
        found = [one for one in self.points if _holds(one.point, point or {})]
        found = [one for one in found if probe in (None, one.probe, f"{one.probe}.{one.metric}")]
        found = [one for one in found if (one.at == at if at is not None else probe is not None or not one.exploratory)]
        if len(found) != 1:
            asked = {"point": point, "probe": probe, "at": at}
            words = ", ".join(f"{key} {value}" for key, value in asked.items() if value is not None) or "no point"
            raise PublishedError(f"{self.study}: {len(found)} comparisons have {words}, not one")
        return found[0]

    @property
    def cost(self) -> str:
        """What it costs two cores: minutes as planned for free ones, and as they went by beside other work."""
        return f"{self.planned / 120:.1f} minutes of two cores planned, probes apart; {self.seconds / 120:.1f} taken"


def _holds(there: Any, asked: Any) -> bool:
    """Whether a point has all that is asked of it: keys of maps may be left out, paths be named by their last part."""
    if not isinstance(asked, dict):
        return bool(there == asked)
    if not isinstance(there, dict):
        return False
    named = {**{key.rpartition(".")[2]: value for key, value in there.items()}, **there}
    return all(key in named and _holds(named[key], value) for key, value in asked.items())


class Published(_Frozen):
    """A number that others have published."""

    text: str = Field(description="as the tables show it")
    source: str = ""


class Row(_Frozen):
    """One number of a study: an arm's mean, or a pair's difference."""

    what: str
    arm: str | None = None
    pair: tuple[str, str] | None = None
    point: Point = {}
    probe: str | None = None
    at: str | int | None = None
    published: Published | None = None


class Further(_Frozen):
    """A comparison that the scenario does not declare: what is not said is as declared."""

    probe: str | None = None
    at: str | int | None = None


class Study(_Frozen):
    """A scenario at full budget, and what is read off it."""

    scenario: str
    set: dict[str, Setting] = {}
    also: tuple[Further, ...] = Field((), description="exploratory comparisons that rows are read off too")
    rows: tuple[Row, ...]

    @property
    def overrides(self) -> tuple[str, ...]:
        """Its settings as ``K=V``."""
        return tuple(f"{key}={_flow(value)}" for key, value in self.set.items())

    @property
    def command(self) -> str:
        """The command that runs it."""
        return f"devlearn run {self.scenario}{''.join(f' --set {shlex.quote(each)}' for each in self.overrides)}"


def _flow(value: Setting) -> str:
    """A value as YAML on one line, without blanks; text without quotes where it stays text."""
    plain = isinstance(value, str) and yaml.safe_load(value) == value
    return str(value) if plain else json.dumps(value, separators=(",", ":"))


def folder() -> Path:
    """Where the files are: in a checkout docs/results, in an installed package beside the scenarios.

    Raises:
        PublishedError: neither is there.
    """
    for place in (_PACKAGE / "results", _PACKAGE.parent / "docs" / "results"):
        if (place / "rows.yaml").exists():
            return place
    raise PublishedError("no published results beside this installation; install devlearn anew")


@cache
def studies() -> dict[str, Study]:
    """Every study by name, in the order of rows.yaml."""
    path = folder() / "rows.yaml"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: Study.model_validate(entry) for name, entry in found.items()}
    except ValidationError as error:
        raise PublishedError(f"{path}: {error}") from error


def read(name: str) -> StudyResult | None:
    """The file of a study; none where it has not been recorded.

    Raises:
        PublishedError: the file is of another format, or damaged.
    """
    path = folder() / f"{name}.json"
    if not path.exists():
        return None
    try:
        result = StudyResult.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise PublishedError(f"{path}: {error}\nrecord it anew: devlearn replicate {name} --record") from error
    if result.format != FORMAT:
        raise PublishedError(f"{path} has format {result.format}, this devlearn reads {FORMAT}")
    return result


def write(result: StudyResult) -> Path:
    """Write a study's file where this installation keeps them; its path."""
    path = folder() / f"{result.study}.json"
    write_json(path, result.model_dump(mode="json"))
    return path
