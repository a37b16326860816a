"""comparison.json: the answer to the scenario's question, at every point of ``vary``."""

import math
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from devlearn.records.results.base import AGAINST, At, Interval, Model, Reason, Standing, Unit, Varied, Warning_
from devlearn.records.schema import Better, Number, TuningEntry

Of = Literal["mean", "median", "iqm"]
Verdict = Literal["incomplete", "identical", "equivalent", "better", "worse", "undecided", "exploratory"]


class TestKind(StrEnum):
    """The test behind a p value."""

    __test__ = False  # no test case

    EXACT = "sign-flip, exact"
    RANDOM = "sign-flip, 99,999 random flips"
    WELCH = "Welch, unpaired"
    SIGNS = "sign test of the median, exact"
    MIDDLE = "t-test of the middle half, Tukey and McLaughlin"

    @property
    def paired(self) -> bool:
        """Whether it is a test of paired differences."""
        return self is not TestKind.WELCH


class Ledger(Model):
    """What was consumed, by unit."""

    labels: Number = Field(description="labelled images")
    label_bits: Number = Field(description="their information")
    labels_validation: Number | None = Field(
        description="labelled images that choices were made by; null where an older folder does not say"
    )
    images: Number = Field(description="images shown")
    env_steps: Number = Field(description="environment steps")
    updates: Number = Field(description="gradient steps")
    flops: Number = Field(description="floating-point operations")
    feedback_events: Number = Field(0, description="what a caregiver said something of; missing where nothing was said")
    feedback_bits: Number = Field(0, description="what that told")
    kept_bytes: Number = Field(0, description="most bytes that protections kept of earlier stages")
    kept_images: Number = Field(0, description="most images that protections kept of earlier stages")

    def of(self, unit: str) -> float:
        """The amount of a unit, by its name; nan where it is not known."""
        amount: Number | None = getattr(self, unit)
        return math.nan if amount is None else float(amount)


class Spent(Ledger):
    """What one learner of an arm consumed."""

    labels: Number = Field(description="different labelled images that it was given to learn from")
    label_bits: Number = Field(
        description="what they can tell at most, log2 10 bits a label; where guesses are judged, one bit a guess and "
        "never more"
    )
    labels_validation: Number | None = Field(
        description="different labelled images that gates and `select` read, to choose by and not to learn from; null "
        "where an older folder does not say",
    )
    images: Number = Field(
        description="images that a network was shown in training: repeats, each view, each copy of a population"
    )
    updates: Number = Field(description="gradient steps, or generations of an evolution strategy")
    flops: Number = Field(description="floating-point operations; a multiply and an add are two")
    seconds: Number = Field(description="wall-clock seconds of the arm's jobs, divided by the number of seeds")


class GainPer(Model):
    """The gain for each unit that was spent more of."""

    labels: float | None = Field(description="for each labelled image")
    label_bits: float | None = Field(description="for each bit of label")
    labels_validation: float | None = Field(description="for each labelled image that choices read")
    images: float | None = Field(description="for each image shown")
    env_steps: float | None = Field(description="for each environment step")
    updates: float | None = Field(description="for each gradient step")
    flops: float | None = Field(description="for each floating-point operation")
    feedback_events: float | None = Field(None, description="for each event of feedback; missing where none was spent")
    feedback_bits: float | None = Field(None, description="for each bit of feedback")
    kept_bytes: float | None = Field(None, description="for each byte that is kept of earlier stages")
    kept_images: float | None = Field(None, description="for each image that is kept")

    def of(self, unit: str) -> float | None:
        """The gain per unit, by its name."""
        found: float | None = getattr(self, unit)
        return found


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
    values: dict[int, float | None] = Field(description="the value of every learner, by seed")
    ledger: Spent = Field(description="what one learner consumed over its life (mean over learners)")
    tuning: TuningEntry | None = Field(description="the trials that the arm was tuned by; null where it was not")
    total: Ledger = Field(description="what the arm consumed in all, every learner's life and the trials of tuning")
    diverged_seeds: tuple[int, ...] = Field(description="which ones")

    @property
    def flops(self) -> float:
        """What a learner computed, with its share of the tuning."""
        tuning = self.tuning.ledger.get("flops", 0) if self.tuning else 0
        return self.ledger.flops + tuning / max(1, self.seeds)


class Scored(Model):
    """A pair at one of the two moments that it was scored at."""

    difference: float | None = Field(description="mean of arm minus against")
    interval: Interval = Field(description="its interval")
    p: float | None = Field(description="p of the test")


class Alive(Model):
    """The pairs of learners of which neither failed."""

    n: int = Field(description="how many pairs of independent values")
    difference: float | None = Field(description="what arm has more than against, by the same location")
    interval: Interval = Field(description="its interval, at the pair's level")


class Failures(Model):
    """Failures of a pair's learners, as an outcome of their own."""

    arm: int = Field(description="learners of arm (lineages, where seeds share what was learned) that failed")
    against: int = Field(description="those of against")
    n: int = Field(description="of so many")
    only_arm: int | None = Field(description="pairs in which only the learner of arm failed; null where unpaired")
    only_against: int | None = Field(description="pairs in which only the learner of against failed")
    p: float | None = Field(description="exact p that both fail equally often (McNemar), not adjusted")
    bound: float = Field(
        description="the failure rate that n learners don't exclude at 95 %, of the side whose failures would undo the "
        "verdict (of either, where it is equivalent or undecided)"
    )
    accepted: float | None = Field(description="the rate that the scenario accepts; null where it names none")
    alive: Alive | None = Field(description="the pairs of which neither failed; null where nobody failed")


class PairResult(Model):
    """One pair of arms and its verdict."""

    arm: str = Field(description="the first arm of the pair")
    against: str = AGAINST
    n: int = Field(description="pairs of independent values (the smaller arm's values where unpaired)")
    seeds: int = Field(description="pairs of learners (the smaller arm's learners where unpaired)")
    difference: float | None = Field(description="mean of arm minus against; of paired differences as `of` says")
    interval: Interval = Field(
        description="[low, high] of the difference: all shifts that the test does not reject; null for an infinite "
        "end. The intervals of a family hold together"
    )
    p: float | None = Field(description="p of the test that the difference is zero")
    level: float = Field(description="the interval's level, 1 - alpha / (the number of planned looks x the family)")
    interval_alone: Interval = Field(description="the interval of this pair taken alone, at 1 - alpha / planned looks")
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
    fragile: tuple[Reason, ...] = Field(
        description="why the word hangs on little: on one learner, or on the differences being less lopsided than they "
        "are; empty where it does not"
    )
    unless: float | None = Field(
        description="the verdict holds unless some fail: the failure rate that n learners don't exclude, where the "
        "scenario does not accept it and it could undo the verdict; else null"
    )
    failures: Failures | None = Field(description="who failed; null where the pair is incomplete")
    interval_new_images: Interval | None = Field(
        description="[low, high] of the difference for new seeds and new images, a bootstrap over both; null where "
        "there is no record per image"
    )
    gain_per: GainPer = Field(
        description="the gain for each unit that a learner of arm consumed more of; null where it did not"
    )
    undetermined: tuple[str, ...] = Field(
        default=(),
        description="environments whose seed does not decide what they show, for which the pair counts as unpaired; "
        "left out where there are none",
    )

    def p_of(self, word: Verdict) -> tuple[float | None, float | None]:
        """p of the test that a word comes from, and the same adjusted: of equivalence, else of a difference."""
        if word == "equivalent":
            return self.p_equivalence, self.p_equivalence_adjusted
        return self.p, self.p_adjusted


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
    point: Varied = Field(description="what `vary` sets at this point; empty without `vary`")
    probe: str = Field(description="the probe that is compared")
    metric: str = Field(description="its metric")
    unit: Unit
    at: At = Field(description="end, birth, area, best, or an update of the last stage")
    better: Better = Field(description="higher or lower")
    of: Of = Field(description="what of the differences is compared: mean, median or iqm")
    smallest_effect: float = Field(description="differences below this do not matter")
    registered: Standing = Field(description="whether it was registered before anything was run, when and by whom")
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
