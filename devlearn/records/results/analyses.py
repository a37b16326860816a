"""analyses.json: what the curves of a run say beyond the declared comparison."""

from enum import StrEnum
from typing import Literal

from pydantic import Field, field_serializer

from devlearn.records.results.base import AGAINST, Interval, Model, Reason, Unit, Varied
from devlearn.records.schema import Better, Number

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
        description="what it took: `updates` of the last stage; labels, images, env_steps, flops and feedback of "
        "the whole life"
    )


class LevelPair(Contrast, Pairing):
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


class PairHeight(Contrast, Pairing):
    """A pair's difference."""


class Heights(Model):
    """Where all arms stand."""

    arms: dict[str, ArmHeight] = Field(description="every arm, by name")
    pairs: tuple[PairHeight, ...] = Field(description="every pair")


class Range(Model):
    """How far curves are followed."""

    until: int = Field(
        description="updates of the last stage over which areas are taken: the smallest budget among the pairs' arms"
    )


class Area(Heights, Range):
    """Mean heights of the last stage's curves."""


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

    n: int | None = Field(default=None, description="learners, or lineages, whose correlation is known")
    not_estimable: int | None = Field(default=None, description="learners whose correlation is not")
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

    x: tuple[float, ...] | None = Field(default=None, description="x of every point")
    n: int | None = Field(default=None, description="seeds that every point has, or their lineages")
    points: int | None = Field(default=None, description="points in the range")
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


class LifeMean(Model):
    """the mean over learners, or lineages"""

    n: int = Field(description="learners, or lineages")
    mean: float | None = Field(description="their mean; null where it is unknown for one of them")
    interval: Interval = Field(description="its 95 % t-interval")
    why: str = Field(default="", description="why it is unknown; only where it is")


class KeptSkill(Model):
    """one skill of a life"""

    learned: int = Field(description="its row in `rows`: the end of the first visit to the stage that teaches it")
    mean: tuple[float | None, ...] = Field(description="mean score in every row")
    interval: tuple[Interval, ...] = Field(description="its 95 % t-interval in every row")
    forgotten: LifeMean | None = Field(
        default=None, description="how far it fell from its best by the end; only where it was learned before the end"
    )
    beyond_expert: LifeMean | None = Field(
        default=None,
        description="how much more of it was learned than by the expert of the same seed, which learned it alone: what "
        "the life before did for it; only where there is an expert",
    )


class LifeMatrix(Model):
    """one arm whose life teaches two skills or more"""

    scores: str = Field(description="raw or normalised")
    rows: tuple[str, ...] = Field(description="birth, and the stages in their order")
    skills: dict[str, KeptSkill] = Field(description="by the stage that teaches it")
    metrics: dict[str, LifeMean] = Field(description="every metric of the matrix, of arms that learn all its skills")
    left_out: tuple[str, ...] = Field(default=(), description="what is not there and why; only where there is any")


Levels = dict[str, LevelReached]
HotStarts = tuple[HotStart | ScarcePassage | RefusedHotStart, ...]


class PointAnalyses(Model):
    """What the curves of one point say."""

    point: Varied = Field(description="what `vary` sets at this point")
    levels: dict[str, Levels] = Field(description="every arm, by name; empty without `compare.levels`")
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
    matrix: dict[str, LifeMatrix] = Field(
        default={},
        description="the matrix of skills of every arm that learns several, by name; only where "
        "`compare.matrix` declares one; described, no verdicts",
    )
    left_out: tuple[Reason, ...] = Field(
        default=(), description="what could not be made of the records, and why; only where there is any"
    )


class Analyses(Model):
    """What the curves of a run say beyond the declared comparison. Without probes there are no points."""

    probe: str = Field(default="", description="the compared probe")
    metric: str = Field(default="", description="its metric")
    unit: Unit = ""
    better: Better | None = Field(default=None, description="higher or lower")
    exploratory: dict[Part, bool] = Field(
        default={}, description="for each part below: whether the scenario did not declare it"
    )
    points: tuple[PointAnalyses, ...] = Field(description="one entry for each point of `vary`")
    fits: dict[str, Fit | RefusedFit] = Field(description="every arm, by name; empty without `compare.fit`")
