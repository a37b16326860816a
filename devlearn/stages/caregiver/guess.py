"""A learner guesses and a caregiver answers: right or wrong, warmer or colder, a hint, an explanation, the label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import F, torch
from devlearn.learners import flops
from devlearn.learners.objectives import Feedback, FeedbackRule, sample
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
from devlearn.stages.shared.answers import Answers
from devlearn.stages.shared.draws import uniform
from devlearn.stages.shared.feedback import JUDGED, NAMED, Caregiver, Gibberish, Rung
from devlearn.stages.shared.growing import Growing
from devlearn.stages.shared.labelled import LabelledBatches, updates_of
from devlearn.stages.shared.speech import Speech
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.scenario.controls import Control
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Happening, Metrics

INSTEAD = {
    "distance": "says where the answer lies",
    "hint": "says which answers are left",
    "label": "tells the answer",
}


@stage("caregiver.guess")
@final
class Guess(Stage):
    """Guesses the class of a picture and is answered by a caregiver who knows it, and says more or less of it.

    Each image b of a minibatch of B gets S = ``samples`` guesses ``a_bs`` from ``p_b = softmax(z_b)`` (the likeliest
    class under ``rule: tamer``). What the caregiver ``says``: *none*, nothing; *judgement*, whether the guess was
    right; *distance*, whether the class is lower, higher or equal; *hint*, ``answers`` classes of which one is right;
    *explanation*, whether the guess was right, and words about the image; *label*, the class. Each leaves a set
    ``C_bs`` of classes that are still possible. How learners learn of it is the ``rule``.

    A list of rungs makes the caregiver grow with the child: it begins with the first, and a learner's next one opens
    when its ``comprehension``, the running share of words that it understands, reaches ``opens``. Words are learned in
    ``caregiver.words`` before, or by explanations. Each opening is an event of the learner.

    The ledger's ``feedback_events`` are guesses that were answered. ``feedback_bits`` are, for each, the mutual
    information of what is said and the label, for a uniform label and a uniform guess among K: ``H(1/K)`` for right or
    wrong (0.469 of ten classes), ``log2(K / answers)`` for a hint, ``log2 K`` for the label; noise lessens it. An image
    that is explained adds, for each word, the logarithm of how many words its attribute has: what it can tell at most.
    What is repeated is counted again. ``label_bits`` are what the declared budget can tell at most (of a caregiver
    who grows, as if what tells most were said from the start), and never more than the labels' own. An update shows
    2 B images, each once to be guessed and once to learn.

    Metrics:
        loss: mean over guesses, 0 for those not answered, of ``-log sum_(k in C_bs) p_bk`` (likelihood),
            ``-(r_bs - baseline_bs) log p_b[a_bs]`` (reinforce), ``-(2 r_bs - 1) log p_b[a_bs]`` (coach),
            ``(z_b[a_bs] - r_bs)^2`` (tamer), where ``r_bs`` is 1 for what was called right, else 0; with words,
            ``weight`` times their cross-entropy added
        reward: share of guesses of this update that were right
        accuracy: share of images whose likeliest class was right before the update
        comprehension: with words, the share of those about this update's images that were the likeliest of their
            attribute before the update; of a caregiver who grows, its running mean over some hundred updates
        rung: of a caregiver who grows, the place of what it says in the list, 0 the first

    Source:
        Williams (1992), Simple statistical gradient-following algorithms for connectionist reinforcement learning, for
        ``reinforce``; Knox and Stone (2009), Interactively shaping agents via human reinforcement,
        for ``tamer``; MacGlashan et al. (2017), Interactive learning from policy-dependent human feedback, for
        ``coach``; Jin and Ghahramani (2002), Learning with multiple labels, for ``likelihood``; Lampinen et al. (2022),
        Tell me why, for explanations.

    Deviations:
        TAMER fits a model of its own to a human's credit over time; here each judgement is of one guess, and the logits
        foretell it. COACH's human judges against what the learner usually does; this caregiver says 1 or -1. The
        likelihood takes what is said for certain, noise or not. Lampinen et al. generate explanations word by word;
        here one word of each attribute is chosen. Late answers are learned from with the weights of then, about the
        guesses of before.
    """

    role = "caregiver"
    metrics = ("loss", "reward", "accuracy", "comprehension", "rung")
    controls = ("sham",)
    stream_names = ("labels", "order", "guess", "noise", "hint", "words", "gibberish")
    immutable_keys = (
        *("data", "labels", "optimiser", "momentum", "batch", "samples", "says", "answers", "noise", "delay"),
        *("opens", "words", "meanings", "sham", "rule"),
    )  # bits are counted once, and the state is made for the rest

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: LabelledBatchSize = 128
    optimiser: OptimiserOrContinue = "adam"
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    says: Rung | tuple[Rung, ...] = Field(
        "judgement", description="what the caregiver says of a guess; a list of what it says one after another"
    )
    opens: float | tuple[float, ...] | None = Field(
        None, description="of a list: the comprehension from which each further rung opens, one number for each"
    )
    answers: int = Field(3, ge=1, description="of a hint: the classes that it leaves, the right one among them")
    rule: FeedbackRule = Field(
        "likelihood",
        description="how answers are learned from: the likelihood of the classes that are left; reinforce, coach and "
        "tamer learn of judgements alone",
    )
    samples: int = Field(1, ge=1, description="guesses for each image of an update, each answered")
    baseline: Literal["none", "mean"] = Field(
        "mean", description="reinforce: taken from each reward, nothing or the mean of the minibatch's other rewards"
    )
    noise: float = Field(0.0, ge=0, le=1, description="share of what is said that is wrong")
    delay: int = Field(0, ge=0, description="updates after which an answer comes; nothing is learned before the first")
    words: tuple[str, ...] = Field(
        (), description="explanation: the words that the caregiver says; empty: all that there are for the data set"
    )
    weight: float = Field(1.0, ge=0, description="explanation: of the words' cross-entropy")
    meanings: int = Field(16, ge=1, description="numbers that make the meaning of a picture or a word")
    sham: Gibberish = Field(
        "none",
        description="a control: words and names that mean nothing (inconsistent: drawn anew every time), or something "
        "else but always the same (consistent: permuted once), or none are said (silent)",
    )

    @model_validator(mode="after")
    def _possible(self) -> Guess:
        for rung in self.rungs:
            if self.rule != "likelihood" and rung not in JUDGED:
                raise ValueError(
                    f"{self.rule} learns of how good a guess was, and {rung!r} {INSTEAD[rung]}: use rule: likelihood, "
                    "or says: judgement"
                )
        if self.rule == "tamer" and self.samples > 1:
            raise ValueError("tamer guesses the likeliest class, so all guesses at an image are one: use samples: 1")
        if self.updates is not None and self.delay >= self.updates:
            raise ValueError(
                f"an answer comes after {self.delay:,} updates and the budget is {self.updates:,}: nothing would be "
                "learned; lower delay or raise updates"
            )
        classes = self.labelled.source.classes
        if classes < 2:
            raise ValueError(
                f"{self.data} has {classes} class, so there is nothing to guess: use data with two at least"
            )
        if "hint" in self.rungs and self.answers >= classes:
            raise ValueError(f"a hint that leaves {self.answers} of {classes} classes says nothing; use fewer answers")
        if self.sham != "none" and not set(self.rungs) & set(NAMED):
            raise ValueError(f"sham is about words, and {self.says!r} has none: leave it out, or use says: none")
        if self.words and self.speech is None:
            raise ValueError("words are those of an explanation: use says: explanation, or leave them out")
        if (self.opens is not None) != isinstance(self.says, tuple):
            raise ValueError("opens belongs to a list of rungs: give both, as says: [judgement, label] and opens: 0.9")
        if self.speech is not None:
            self.speech.check()
        if self.growing is not None:
            self.growing.check()
        return self

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """What is said, in order."""
        return self.says if isinstance(self.says, tuple) else (self.says,)

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def growing(self) -> Growing | None:
        if not isinstance(self.says, tuple) or self.opens is None:
            return None
        return Growing(self.says, self.opens if isinstance(self.opens, tuple) else (self.opens,))

    @property
    def speech(self) -> Speech | None:
        """Where words are heard, or have to be understood."""
        if "explanation" not in self.rungs and not isinstance(self.says, tuple):
            return None
        return Speech(self.data, self.words, self.sham, self.noise, self.meanings)

    @property
    def answered(self) -> Answers:
        caregivers = (Caregiver(rung, self.labelled.source.classes, self.answers, self.noise) for rung in self.rungs)
        return Answers(tuple(caregivers), self.sham, self.speech)

    @property
    def objective(self) -> Feedback:
        source, speech = self.labelled.source, self.speech
        naming = speech.objective if speech and "explanation" in self.rungs else None
        return Feedback(source.sense_name, source.read_out, self.rule, self.baseline, naming, self.weight)

    def columns(self) -> tuple[str, ...]:
        heard = (*self.metrics[:3], *(["comprehension"] if self.speech else []))
        return (*heard, "rung") if self.growing else heard

    def needed_controls(self) -> tuple[Control, ...]:
        return self.controls if "explanation" in self.rungs else ()

    def doubts(self) -> Iterator[tuple[str, str]]:
        for own in self.answered.rungs:
            yield from own.doubts()
        if self.speech is not None and "explanation" in self.rungs:
            yield from self.speech.doubts()
        if self.growing is not None:
            words = self.speech.told_bits if self.speech else 0.0
            told = [replace(own, noise=0.0) for own in self.answered.rungs]
            yield from self.growing.doubts([own.bits + words * (own.rung == "explanation") for own in told])

    def follows_budget(self) -> bool:
        return True  # ``label_bits`` are counted from it, even where the schedule is constant

    def needs(self) -> Needs:
        own = self.labelled.needs
        return own | self.speech.needs if self.speech else own

    def cost(self, brain: nn.Module) -> Cost:
        own, rows, source = self.labelled, self.labelled.batch_size, self.labelled.source
        events, bits = self.answered.most(rows, self.samples)
        seen = torch.empty(rows, *source.shape, dtype=torch.uint8, device="meta")
        step = flops.update(brain, self.objective, self.answered.shapes(own, self.samples, self.objective.naming))
        step += flops.forward(brain, seen, source.sense_name, self._asked)
        if self.growing:
            step += self.answered.listening(brain, rows)
        told = updates_of(self.budget(), 2 * rows, step) * bits if bits else 0.0
        cost = own.cost(step, images=2 * rows)
        return replace(cost, label_bits=min(own.label_bits, told), feedback_events=events, feedback_bits=bits)

    @property
    def _asked(self) -> str | tuple[str, str]:
        """The heads that answer: that of classes, and where it grows that of meanings."""
        own = self.labelled.source.read_out
        return (own, self.speech.head) if self.growing and self.speech else own

    def begin(self, cohort: Cohort, context: Context) -> State:
        state = self.descent.begin(context)
        if self.delay:
            shape = (cohort.n, self.delay, self.labelled.batch_size, self.samples)
            state["guesses"] = torch.zeros(shape, dtype=torch.int64, device=cohort.device)
        if self.growing:
            state |= self.growing.begin(cohort)
        return state

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        descent, objective, answered = self.descent, self.objective, self.answered
        optimiser = descent.make_optimiser(cohort, state["moments"])
        shown, earlier = (self._shown(context, max(0, state["done"] - late)) for late in (0, self.delay))
        for now in shown:
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            guesses, metrics = self._guess(cohort, now, state)
            asked, about, come = now, guesses, True
            if self.delay:
                asked, about, come = self._late(now, guesses, earlier, state)
            rung = state["rung"] if self.growing else torch.zeros(cohort.n, dtype=torch.int64, device=cohort.device)
            batch, state["told"] = answered.of(asked, about, rung, come)
            learned = cohort.update(objective, batch, optimiser)
            state["done"] += 1
            yield {**learned, **metrics}

    def _late(
        self, now: dict[str, Tensor], guesses: Tensor, earlier: Iterator[dict[str, Tensor]], state: State
    ) -> tuple[dict[str, Tensor], Tensor, bool]:
        """What is answered now, the guesses at it, and whether an answer comes; ``guesses`` are kept until theirs."""
        kept, place = state["guesses"], state["done"] % self.delay
        before, come = kept[:, place].clone(), state["done"] >= self.delay
        kept[:, place] = guesses
        return (next(earlier), before, True) if come else (now, guesses, False)

    def _guess(self, cohort: Cohort, shown: dict[str, Tensor], state: State) -> tuple[Tensor, dict[str, Tensor]]:
        """Guesses (N, B, S) at what is shown, and how good they are; what is understood is noted in the state."""
        labels, speech = shown["labels"], self.speech
        with torch.no_grad():
            found = cohort(shown["images"], self.labelled.source.sense_name, self._asked)
            logits, meaning = found if self.growing else (found, None)  # (N, B, K)
            if speech is not None and meaning is not None and self.growing:
                words = cohort(shown["text"], speech.sense, speech.head)  # (N, V, D)
                scores = speech.objective.scores(meaning, words)
                self.growing.note(speech.objective.understood(scores, shown["words"]), state)
        likeliest = logits.argmax(-1)
        guesses = likeliest.unsqueeze(-1)
        if self.rule != "tamer":
            guesses = sample(F.log_softmax(logits, -1), shown["guess"])
        right = (guesses == labels.unsqueeze(-1)).to(logits.dtype).mean((-2, -1))
        accuracy = (likeliest == labels).to(logits.dtype).mean(-1)
        metrics = {"reward": right, "accuracy": accuracy}
        return guesses, {**metrics, **(self.growing.metrics(state) if self.growing else {})}

    def _shown(self, context: Context, done: int) -> Iterator[dict[str, Tensor]]:
        """Images with labels, words and all that is drawn for them, after the first ``done`` minibatches."""
        own, rows = self.labelled, self.labelled.batch_size
        draws = {"guess": (rows, self.samples), **self.answered.draws(rows, self.samples)}
        drawn = {name: uniform(context, name, shape, done) for name, shape in draws.items()}
        said = self.speech.about(own.places(context, done), rows, context, done) if self.speech else None
        for batch in self.answered.named(own.minibatches(context, done), context):
            words = next(said) if said else {}
            yield {**batch, **words, **{name: next(numbers) for name, numbers in drawn.items()}}

    def told(self, state: State) -> Metrics:
        return {name: value.cpu() for name, value in state["told"].items()}

    def happened(self, state: State) -> Iterable[Happening]:
        return self.growing.happened(state) if self.growing else ()
