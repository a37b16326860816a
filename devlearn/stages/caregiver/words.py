"""Words that belong to pictures, learned by hearing them said of what is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from pydantic import Field, model_validator

from devlearn.learners import flops
from devlearn.stages.fields import (
    LabelledBatchSize,
    LabelledSplit,
    Labels,
    LearningRate,
    Momentum,
    OptimiserOrContinue,
    RateSchedule,
    WeightDecay,
)
from devlearn.stages.shared.feedback import Gibberish
from devlearn.stages.shared.labelled import LabelledBatches, updates_of
from devlearn.stages.shared.speech import Speech
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.learners.objectives import Naming
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("caregiver.words")
@final
class Words(Stage):
    """Looks at pictures while a caregiver says what there is to be said of them: which words belong to which picture.

    A data set has attributes, of each of which one word fits an image (of digits: loop, stroke or curve; even or odd;
    small or large). Words are a sense of the brain. Pictures and words have meanings ``m`` of D = ``meanings`` numbers,
    by one head; for image b the word w of an attribute is as likely as the softmax, over the words of its attribute, of
    ``m_b . m_w / sqrt(D)``.

    The ledger's ``feedback_events`` are images of which something was said, ``feedback_bits`` the logarithm of how many
    words an attribute has, for each word said: what it can tell at most. ``label_bits`` are those of the declared
    budget, and never more than the labels' own, as words may follow from labels.

    Metrics:
        loss: mean over the images and attributes of an update, 0 where nothing was said, of the cross-entropy of the
            word that was said
        comprehension: share of words, of all images and attributes of the update, that were the likeliest before it

    Source:
        Radford et al. (2021), Learning transferable visual models from natural language supervision, whose softmax of
        similarities this is, from pictures to words.

    Deviations:
        Similarities are not normalised and have no temperature, and a word competes with those of its attribute, not of
        the minibatch.
    """

    role = "caregiver"
    metrics = ("loss", "comprehension")
    controls = ("sham",)
    stream_names = ("labels", "order", "words", "gibberish")
    immutable_keys = (
        *("data", "labels", "optimiser", "momentum", "batch", "noise", "words", "meanings", "sham"),
    )  # bits are counted once

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: LabelledBatchSize = 128
    optimiser: OptimiserOrContinue = "adam"
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    words: tuple[str, ...] = Field((), description="the words that the caregiver says; empty: all of the data set")
    meanings: int = Field(16, ge=1, description="numbers that make the meaning of a picture or a word")
    noise: float = Field(0.0, ge=0, le=1, description="share of words that are wrong: another of the same attribute")
    sham: Gibberish = Field(
        "none",
        description="a control: words that mean nothing (inconsistent: drawn anew every time), or something else but "
        "always the same (consistent: permuted once), or none are said (silent)",
    )

    @model_validator(mode="after")
    def _spoken(self) -> Words:
        self.speech.check()
        return self

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def speech(self) -> Speech:
        return Speech(self.data, self.words, self.sham, self.noise, self.meanings)

    @property
    def objective(self) -> Naming:
        return self.speech.objective

    def doubts(self) -> Iterable[tuple[str, str]]:
        return self.speech.doubts()

    def follows_budget(self) -> bool:
        return True  # ``label_bits`` are counted from it, even where the schedule is constant

    def needs(self) -> Needs:
        return self.speech.needs

    def cost(self, brain: nn.Module) -> Cost:
        own, rows = self.labelled, self.labelled.batch_size
        shapes = {"images": own.shapes["images"], **self.speech.shapes(rows)}
        step, bits = flops.update(brain, self.objective, shapes), rows * self.speech.told_bits
        told = updates_of(self.budget(), rows, step) * bits if bits else 0.0
        events = rows * bool(bits)
        return replace(own.cost(step), label_bits=min(own.label_bits, told), feedback_events=events, feedback_bits=bits)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return self.descent.begin(context)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own, descent, objective, done = self.labelled, self.descent, self.objective, state["done"]
        optimiser = descent.make_optimiser(cohort, state["moments"])
        said = self.speech.about(own.places(context, done), own.batch_size, context, done)
        for shown, words in zip(own.minibatches(context, done), said, strict=False):
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            metrics = cohort.update(objective, {"images": shown["images"], **words}, optimiser)
            state["told"] = self.speech.told(words["spoken"])
            state["done"] += 1
            yield metrics

    def told(self, state: State) -> Metrics:
        return {name: value.cpu() for name, value in state["told"].items()}
