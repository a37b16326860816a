"""What was found: comparison.json and analyses.json as frozen models, the only things that evidence hands on.

Every field says what it is; the reference of the two files is made from that. What needs words (a warning, why there
is no answer) is a code with its fields; a file holds the sentence, which ``evidence.text`` makes of it.
"""

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
)

from devlearn.records.atomic import read_json, write_json
from devlearn.records.reader import RunRecords

SEEN = "seen.json"
Number = int | float
At = str | int
Interval = tuple[float | None, float | None]
Better = Literal["higher", "lower"]
Point = dict[str, Annotated[JsonValue, Field(description="the value of one varied path")]]
Verdict = Literal["incomplete", "identical", "equivalent", "better", "worse", "undecided", "exploratory"]
Unit = Annotated[str, Field(description="the metric's unit; a share is shown in percent")]
Renderer = Callable[["Note"], str]

ARM = Field(description="the first arm of the pair")
AGAINST = Field(description="the arm that it is compared with")


class Model(BaseModel):
    """A frozen part of a result. What has a default is left out of a file where it holds it; so is ``unit``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_serializer(mode="wrap")
    def as_file(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """The part as it stands in a file; with ``units`` in the context its units too, for who goes on with it."""
        found: dict[str, Any] = handler(self)
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) == field.get_default(call_default_factory=True):
                found.pop(field.alias or name, None)
        if not (info.context or {}).get("units"):
            found.pop("unit", None)
        return found


class Note(Model):
    """Something that a reader has to be told: a code, and what a sentence about it needs."""

    code: str = Field(description="what it is about")
    fields: dict[str, JsonValue] = Field(description="what a sentence about it needs")

    @model_serializer(mode="wrap")
    def as_file(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """The sentence, where the context has a ``render``; else code and fields."""
        render = (info.context or {}).get("render")
        return handler(self) if render is None else render(self)


class Warning_(Note):
    """What a reader has to know before believing a verdict."""

    code: Literal[
        "seeds_added", "probes_differ", "unfinished", "few", "out_of_reach", "diverged", "not_finite", "shared_seeds",
        "match_unseen", "scored_at_end", "missing_controls", "no_control", "not_inherited", "left_out",
    ]  # fmt: skip


class Reason(Note):
    """Why a verdict is exploratory or open, or why something has no answer."""

    code: Literal[
        "other_question", "several_runs", "unplanned_count", "unplanned_seeds", "seen_unplanned",
        "unfinished", "no_worst", "nothing_differs", "one_lineage", "one_seed",
        "levels", "schedule", "changing", "few_passages", "out_of_reach", "unknown_value",
        "no_error", "few_points", "zero_size", "few_seeds", "zero_error", "few_moments", "flat", "left_out",
    ]  # fmt: skip


class TestKind(StrEnum):
    """The test behind a p value."""

    __test__ = False  # no test case

    EXACT = "sign-flip, exact"
    RANDOM = "sign-flip, 99,999 random flips"
    WELCH = "Welch, unpaired"

    @property
    def paired(self) -> bool:
        """Whether it is the sign-flip test of paired differences."""
        return self is not TestKind.WELCH


class Ledger(Model):
    """What was consumed, by unit."""

    labels: Number = Field(description="labelled images")
    label_bits: Number = Field(description="their information")
    images: Number = Field(description="images shown")
    env_steps: Number = Field(description="environment steps")
    updates: Number = Field(description="gradient steps")
    flops: Number = Field(description="floating-point operations")

    def of(self, unit: str) -> float:
        """The amount of a unit, by its name."""
        return float(getattr(self, unit))


class Spent(Ledger):
    """What one learner of an arm consumed."""

    labels: Number = Field(description="labelled images that it may look at")
    label_bits: Number = Field(
        description="what they can tell at most, log2 10 bits a label; where guesses are judged, one bit a guess and "
        "never more"
    )
    images: Number = Field(description="images shown, repeats counted, each copy of a population by itself")
    updates: Number = Field(description="gradient steps, or generations of an evolution strategy")
    flops: Number = Field(description="floating-point operations; a multiply and an add are two")
    seconds: Number = Field(description="wall-clock seconds of the arm's jobs, divided by the number of seeds")


class GainPer(Model):
    """The gain for each unit that was spent more of."""

    labels: float | None = Field(description="for each labelled image")
    label_bits: float | None = Field(description="for each bit of label")
    images: float | None = Field(description="for each image shown")
    env_steps: float | None = Field(description="for each environment step")
    updates: float | None = Field(description="for each gradient step")
    flops: float | None = Field(description="for each floating-point operation")

    def of(self, unit: str) -> float | None:
        """The gain per unit, by its name."""
        found: float | None = getattr(self, unit)
        return found


class Trial(Model):
    """One trial of a search."""

    set: dict[str, Annotated[JsonValue, Field(description="the value of one path")]] = Field(description="what it set")
    mean: float = Field(description="the probe's mean at the end")


class Tuning(Model):
    """How an arm was tuned, and what that cost."""

    chosen: dict[str, Annotated[JsonValue, Field(description="the value of one path")]] = Field(
        description="what was set for the arm"
    )
    seeds: tuple[int, ...] = Field(description="the trials' seeds")
    probe: str = Field(description="the probe that chose")
    trials: tuple[Trial, ...] = Field(description="every trial")
    ledger: Ledger = Field(description="what all trials consumed")


class ArmSummary(Model):
    """one arm"""

    n: int = Field(description="independent values: seeds, or lineages where learners share something learned")
    seeds: int = Field(description="learners")
    mean: float | None = Field(description="mean over the independent values")
    sd: float | None = Field(description="their standard deviation (n - 1)")
    median: float | None = Field(description="their median")
    iqm: float | None = Field(description="their interquartile mean, of the middle half")
    best: float | None = Field(description="mean at each learner's best checkpoint; null without `select`")
    diverged: int = Field(description="learners that turned non-finite")
    values: dict[int, Annotated[float | None, Field(description="the value of one learner")]] = Field(
        description="the value of every learner, by seed"
    )
    ledger: Spent = Field(description="what one learner consumed over its life (mean over learners)")
    tuning: Tuning | None = Field(description="the trials that the arm was tuned by; null where it was not")
    total: Ledger = Field(description="what the arm consumed in all, every learner's life and the trials of tuning")
    diverged_seeds: tuple[int, ...] = Field(description="which ones")

    @property
    def flops(self) -> float:
        """What a learner computed, with its share of the tuning."""
        return self.ledger.of("flops") + (self.tuning.ledger.of("flops") if self.tuning else 0.0) / max(1, self.seeds)


class Scored(Model):
    """A pair at one of the two moments that it was scored at."""

    difference: float | None = Field(description="mean of arm minus against")
    interval: Interval = Field(description="its interval")
    p: float | None = Field(description="p of the test")


class PairResult(Model):
    """One pair of arms and its verdict."""

    arm: str = ARM
    against: str = AGAINST
    n: int = Field(description="pairs of independent values (the smaller arm's values where unpaired)")
    seeds: int = Field(description="pairs of learners (the smaller arm's learners where unpaired)")
    difference: float | None = Field(description="mean of arm minus against")
    interval: Interval = Field(
        description="[low, high] of the difference: all shifts that the test does not reject; null for an infinite end"
    )
    p: float | None = Field(description="p of the test that the mean difference is zero")
    level: float = Field(description="the interval's level, 1 - alpha / the number of planned looks")
    p_adjusted: float | None = Field(
        description="p adjusted by Holm over the family, times the number of planned looks"
    )
    means: tuple[float, float] | None = Field(description="[mean of arm, mean of against]")
    probability_of_improvement: float | None = Field(
        description="share of pairs of learners, one of each arm, in which the first is better; ties count half"
    )
    verdict: Verdict = Field(description="incomplete, identical, equivalent, better, worse, undecided or exploratory")
    suggests: Verdict = Field(description="the word that an exploratory comparison would have been given")
    test: TestKind = Field(description="the test's name")
    p_equivalence: float | None = Field(
        description="the larger p of two one-sided tests that the difference lies outside `smallest_effect`"
    )
    p_equivalence_adjusted: float | None = Field(description="the same, adjusted by Holm over the family")
    reliably_nonzero: bool | None = Field(description="whether the adjusted p is at most the level")
    beyond_smallest_effect: bool | None = Field(description="whether the whole interval lies outside `smallest_effect`")
    seeds_needed: int | None = Field(description="about how many seeds a verdict would take, where it is undecided")
    scored: At = Field(description="the moment of the values, end, best, birth, area or an update")
    at_end: Scored | None = Field(
        description="the same pair at the end, where it was scored at the end and at the best checkpoint; else null"
    )
    at_best: Scored | None = Field(
        description="the same pair with the matched arm at each learner's best checkpoint; else null"
    )
    reason: Reason | None = Field(description="why it is incomplete, or can't be decided")
    interval_new_images: Interval | None = Field(
        description="[low, high] of the difference for new seeds and new images, a bootstrap over both; null where "
        "there is no record per image"
    )
    gain_per: GainPer = Field(
        description="the gain for each unit that a learner of arm consumed more of; null where it did not"
    )


class StageGain(Model):
    """What one stage bought, by one probe."""

    stage: str = Field(description="the stage's name")
    visit: int = Field(description="which visit to it (0 is the first)")
    kind: str = Field(description="the stage's kind")
    branch: str = Field(description="the branch of the tree of lives that it stands in")
    position: int = Field(description="its index in the life")
    budget: tuple[str, Number] | None = Field(description="[unit, size], or null where it acts once")
    arms: tuple[str, ...] = Field(description="the arms that live it")
    probe: str = Field(description="the probe that it is measured by")
    metric: str = Field(description="its metric")
    unit: Unit
    better: Better = Field(description="higher or lower")
    own: bool = Field(description="whether the probe measures what the stage itself learns")
    n: int = Field(description="learners, or lineages of them")
    before: float | None = Field(description="mean before the stage")
    after: float | None = Field(description="mean after it")
    change: float | None = Field(description="mean of after minus before")
    interval: Interval | None = Field(description="interval of the change")
    p: float | None = Field(description="p of the sign-flip test that the mean change is zero")
    improved: bool | None = Field(description="whether it changed for the better with p at most .05")


class Look(Model):
    """Where a verdict stands among the planned looks."""

    looks: tuple[int, ...] = Field(description="the planned numbers of seeds")
    n: int = Field(description="the number of seeds now")
    index: int | None = Field(description="which look this is, from 0; null where it was not planned")
    planned: bool = Field(description="whether this look keeps to the plan")


class Comparison(Model):
    """The answer to the scenario's question at one point of ``vary``."""

    scenario: str = Field(description="the scenario's name")
    digest: str = Field(description="identity of the question (everything but the seeds)")
    point: Point = Field(description="what `vary` sets at this point; empty without `vary`")
    probe: str = Field(description="the probe that is compared")
    metric: str = Field(description="its metric")
    unit: Unit
    at: At = Field(description="end, birth, area, best, or an update of the last stage")
    better: Better = Field(description="higher or lower")
    smallest_effect: float = Field(description="differences below this do not matter")
    exploratory: bool = Field(description="whether something else was asked than the scenario declares")
    exploratory_reasons: tuple[Reason, ...] = Field(description="why it is exploratory")
    family: int = Field(description="how many comparisons Holm's adjustment is over")
    alpha: float = Field(description="the chance of a false finding that all planned looks together may take, .05")
    look: Look | None = Field(description="where it stands among the planned looks; null where none are planned")
    pin: tuple[str, ...] = Field(description="the streams that are the same for all seeds")
    arms: dict[str, ArmSummary] = Field(description="every arm, by name")
    comparisons: tuple[PairResult, ...] = Field(description="every pair, in the order declared")
    stages: tuple[StageGain, ...] = Field(
        description="what every stage bought, in the order of life; these p values are not adjusted"
    )
    incomplete: tuple[str, ...] = Field(description="jobs that are not finished")
    warnings: tuple[Warning_, ...] = Field(description="what a reader has to know before believing the verdicts")

    @property
    def looks(self) -> int:
        """How many looks share the alpha; 1 where none are planned."""
        return len(self.look.looks) if self.look else 1


class Comparisons(Model):
    """The answer at every point of ``vary``: a list in the file; where nothing is varied, the one point alone."""

    points: tuple[Comparison, ...] = Field(min_length=1)

    @model_serializer(mode="wrap")
    def as_file(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """A list with ``vary``, else its only entry."""
        points: list[Any] = handler(self)["points"]
        return points if len(points) > 1 or self.points[0].point else points[0]

    @property
    def pairs(self) -> tuple[PairResult, ...]:
        """The pairs of all points."""
        return tuple(pair for point in self.points for pair in point.comparisons)


# ---- analyses.json ----

Part = Literal[
    "bands", "newborn", "start", "proxy", "levels", "level_pairs", "hot_start", "birth", "area", "fits"
]  # fmt: skip
Gone = Literal["above", "never", "coarse"]


class Pairing(Model):
    """Two arms."""

    arm: str = Field(description="the first arm")
    against: str = AGAINST


class Contrast(Model):
    """A paired difference, described."""

    n: int = Field(description="pairs of learners, or of lineages")
    difference: float | None = Field(description="mean difference, arm minus against")
    interval: Interval = Field(description="its 95 % interval")
    p: float | None = Field(description="p of the sign-flip test that it is zero; not adjusted")


class Took(Model):
    """one unit"""

    median: float | None = Field(
        description="what half of the learners needed at most; null where under half got there"
    )
    restricted_mean: float | None = Field(
        description="mean over all learners, those that never got there with what they had spent"
    )


class LevelReached(Model):
    """how one arm reached one level in its last stage"""

    level: Number = Field(description="the level")
    n: int = Field(description="learners")
    reached: int = Field(description="learners that were measured at the level or beyond")
    share: float | None = Field(description="their share")
    until: int = Field(description="updates of the last stage, where the others are censored")
    units: dict[str, Took] = Field(
        description="what it took: `updates` of the last stage; labels, images, env_steps and flops of the whole life"
    )


class LevelPair(Pairing, Contrast):
    """A pair's difference in updates of the last stage to a level."""

    level: Number = Field(description="the level")
    until: int = Field(description="updates at which both are censored")
    difference: float | None = Field(description="mean difference of updates to the level, arm minus against")


class NotEstimable(Model):
    """one side"""

    above: tuple[int, ...] = Field(description="seeds that began at or above the first level")
    never: tuple[int, ...] = Field(description="seeds that never reached the second")
    coarse: tuple[int, ...] = Field(description="seeds that passed both between two measurements")

    def of(self, reason: Gone) -> tuple[int, ...]:
        """The seeds of one reason, by its name."""
        found: tuple[int, ...] = getattr(self, reason)
        return found


class Reading(StrEnum):
    """What the way from one level to another says."""

    HOT = "hot start"
    COLD = "cold start"
    FASTER = "faster learning"
    SLOWER = "slower learning"


class RefusedHotStart(Pairing):
    """A pair of which it can't be said whether it began higher or learned faster."""

    refused: Reason = Field(description="why there is no answer; only where there is none")


class Passage(Pairing):
    """The way from one level to another."""

    from_: Number = Field(alias="from", description="the level where the passage begins")
    to: Number = Field(description="the level where it ends")
    pairs: int = Field(description="pairs of learners, or of lineages")
    n: int = Field(description="those whose passages are both on record")
    not_estimable: dict[Literal["arm", "against"], NotEstimable] = Field(
        description="learners that can't be counted, of `arm` and of `against`"
    )


class ScarcePassage(Passage):
    """A way that too few pairs have on record."""

    refused: Reason = Field(description="why there is no answer; only where there is none")


class HotStart(Passage):
    """Whether a pair's first arm began higher, or learned faster."""

    ratio: float = Field(description="updates of the passage, arm over against: geometric mean of the paired ratios")
    interval: Interval = Field(description="its 95 % interval")
    p: float | None = Field(description="p of the sign-flip test that the mean log ratio is zero; not adjusted")
    start: Contrast = Field(description="the paired difference of values when the last stage begins")
    reads: tuple[Reading, ...] = Field(
        description="hot or cold start, faster or slower learning, joined by `and`; or neither"
    )

    @field_serializer("reads")
    def as_words(self, reads: tuple[Reading, ...]) -> str:
        """As it stands in the file."""
        return " and ".join(reads) or "neither"


class RefusedBand(Pairing):
    """A pair without a band."""

    n: int = Field(description="pairs of learners, or of lineages")
    refused: Reason = Field(description="why there is no band; only where there is none")


class Band(Pairing):
    """A pair's difference along the last stage, with its simultaneous band."""

    n: int = Field(description="pairs of learners, or of lineages")
    updates: tuple[int, ...] = Field(description="moments of the last stage at which both arms were measured")
    difference: tuple[float, ...] = Field(description="mean paired difference at each")
    low: tuple[float, ...] = Field(description="lower end of the simultaneous 95 % band")
    high: tuple[float, ...] = Field(description="its upper end")
    critical: float = Field(description="the critical value of the largest |t|")
    differs_from: int | None = Field(
        description="the first update from which 0 lies outside the band until the end, or null"
    )


class ArmHeight(Model):
    """one arm"""

    n: int = Field(description="learners, or lineages")
    mean: float | None = Field(description="their mean")
    interval: Interval = Field(description="its 95 % t-interval")


class PairHeight(Pairing, Contrast):
    """A pair's difference."""


class Heights(Model):
    """Where all arms stand."""

    arms: dict[str, ArmHeight] = Field(description="every arm, by name")
    pairs: tuple[PairHeight, ...] = Field(description="every pair")


class Area(Heights):
    """Mean heights of the last stage's curves."""

    until: int = Field(
        description="updates of the last stage over which areas are taken: the smallest budget among the pairs' arms"
    )


class Steps(Model):
    """Steps from one measurement to the next: what the proxy and the metric did."""

    both_improved: float | None = Field(description="share of steps in which both improved")
    only_proxy_improved: float | None = Field(description="share in which the proxy improved and the metric fell")
    only_metric_improved: float | None = Field(description="share in which the metric improved and the proxy fell")
    both_worsened: float | None = Field(description="share in which neither improved")
    tied: float | None = Field(description="share in which one of them stood still")
    count: int = Field(description="steps of all learners")


class Watched(Model):
    """A proxy and its metric."""

    proxy: str = Field(description="what is minimised, or stands for it")
    metric: str = Field(description="what is wanted")
    moments: int = Field(description="measurements that were used")


class RefusedAgreement(Watched):
    """An arm of which it can't be said how far its proxy goes with its metric."""

    n: int | None = Field(None, description="learners, or lineages, whose correlation is known")
    not_estimable: int | None = Field(None, description="learners whose correlation is not")
    refused: Reason = Field(description="why there is no answer; only where there is none")


class Agreement(Watched):
    """one arm"""

    n: int = Field(description="learners, or lineages, whose correlation is known")
    not_estimable: int = Field(description="learners whose correlation is not")
    spearman: float = Field(
        description="mean rank correlation within a learner; 1 where the metric rises whenever the proxy falls"
    )
    interval: Interval = Field(description="its 95 % t-interval over learners")
    steps: Steps = Field(description="all steps from one measurement to the next")
    early: Steps = Field(description="those that end in the first half")
    late: Steps = Field(description="those of the second half")


class Asked(Model):
    """What a power law was asked over."""

    over: str = Field(description="what x is")
    from_: Number | None = Field(alias="from", description="smallest x that was asked for, or null")
    to: Number | None = Field(description="largest x that was asked for, or null")
    published: Number | None = Field(description="the published exponent that the scenario gives, or null")


class RefusedFit(Asked):
    """An arm without a power law."""

    x: tuple[float, ...] | None = Field(None, description="x of every point")
    n: int | None = Field(None, description="seeds that every point has, or their lineages")
    points: int | None = Field(None, description="points in the range")
    refused: Reason = Field(description="why there is no fit; only where there is none")


class Fit(Asked):
    """the power law of one arm: error = scale * x^exponent"""

    x: tuple[float, ...] = Field(description="x of every point")
    n: int = Field(description="seeds that every point has, or their lineages")
    points: int = Field(description="points in the range")
    error: tuple[float, ...] = Field(description="mean error of every point")
    low: tuple[float, ...] = Field(description="lower end of its pointwise 95 % t-interval")
    high: tuple[float, ...] = Field(description="its upper end")
    exponent: float = Field(description="the exponent")
    interval: Interval = Field(description="its 95 % interval, from resampling seeds jointly over points")
    scale: float = Field(description="the error at x = 1, if the law held there")
    r2: float | None = Field(description="share of the variance of log error that the line explains")
    curvature: float = Field(description="coefficient of the squared log x when it is added")
    curvature_interval: Interval = Field(description="its 95 % interval")
    straight: bool = Field(description="whether that interval holds 0")


Levels = dict[str, LevelReached]
HotStarts = tuple[HotStart | ScarcePassage | RefusedHotStart, ...]


class PointAnalyses(Model):
    """What the curves of one point say."""

    point: Point = Field(description="what `vary` sets at this point")
    levels: dict[str, Annotated[Levels, Field(description="every level, by its value")]] = Field(
        description="every arm, by name; empty without `compare.levels`"
    )
    level_pairs: tuple[LevelPair, ...] = Field(description="every pair at every level")
    hot_start: HotStarts = Field(description="every pair, where levels are declared")
    bands: tuple[Band | RefusedBand, ...] = Field(description="every pair")
    birth: Heights = Field(description="before the first stage")
    newborn: Heights = Field(description="after the innate stages that a life begins with")
    start: Heights = Field(description="when the last stage begins")
    area: Area = Field(description="mean height of the last stage's curve")
    proxy: dict[str, Agreement | RefusedAgreement] = Field(
        description="every arm, by name; empty where the compared probe has no proxy of its metric"
    )
    left_out: tuple[Reason, ...] = Field(
        (), description="what could not be made of the records, and why; only where there is any"
    )


class Analyses(Model):
    """What the curves of a run say beyond the declared comparison. Without probes there are no points."""

    probe: str = Field("", description="the compared probe")
    metric: str = Field("", description="its metric")
    unit: Unit = ""
    better: Better | None = Field(None, description="higher or lower")
    exploratory: dict[Part, Annotated[bool, Field(description="whether this part was not declared")]] = Field(
        {}, description="for each part below: whether the scenario did not declare it"
    )
    points: tuple[PointAnalyses, ...] = Field(description="one entry for each point of `vary`")
    fits: dict[str, Fit | RefusedFit] = Field(description="every arm, by name; empty without `compare.fit`")


class Results(Model):
    """All that was found in a run."""

    comparisons: Comparisons = Field(description="the content of comparison.json")
    analyses: Analyses = Field(description="the content of analyses.json")


# ---- files ----


def document(found: Model, render: Renderer, units: bool = False) -> Any:
    """A result as JSON, its notes rendered as sentences: the content of its file.

    ``units`` adds the unit of every metric, which the files leave out.
    """
    return found.model_dump(mode="json", by_alias=True, context={"render": render, "units": units})


def write_comparison(folder: Path, found: Comparisons, render: Renderer) -> None:
    """Write ``folder``/comparison.json."""
    write_json(folder / "comparison.json", document(found, render))


def write_analyses(folder: Path, found: Analyses, render: Renderer) -> None:
    """Write ``folder``/analyses.json, beside comparison.json."""
    write_json(folder / "analyses.json", document(found, render))


def note_seen(run: RunRecords) -> None:
    """Add to RUN/seen.json that an answer was given, and for how many seeds where an arm has lived them all.

    It outlives comparison.json. A folder that can't be written to can't be gone on with either: it is left as it is.
    """
    if not os.access(run.folder, os.W_OK):
        return
    count = len(run.resolved["seeds"])
    arms = [arm for point in run.points for arm in point.arms.values()]
    whole = any(sum(life.done for life in arm.lives.values()) == count for arm in arms)
    before: Mapping[str, Any] = read_json(run.folder / SEEN) or {"format": 1, "seeds": []}
    write_json(run.folder / SEEN, {**before, "seeds": sorted({*before["seeds"], *([count] if whole else [])})})
