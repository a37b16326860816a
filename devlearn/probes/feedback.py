"""What one answer is worth: the accuracy of a learner's next guess, after a caregiver has answered its first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe, unless_diverged
from devlearn.stages.fields import HeadName, Split
from devlearn.stages.shared.feedback import Caregiver, Rung
from devlearn.tasks.data import DataSource, size, source_of, spread_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from devlearn.learners.cohort import Cohort

IMAGES = 2_000  # of the split, spread evenly over it, at every moment


@probe("feedback")
class FeedbackProbe(Probe):
    """Accuracy before and after one event of feedback: how much an answer is worth to the learner as it is now.

    For each of M images m the learner guesses its likeliest class ``a_m``; the caregiver answers, which leaves a set
    ``C_m`` of classes, as ``caregiver.guess`` says; the next guess is the likeliest class of these. No weight changes.
    A learner at chance among K classes is right with 1/K before and (mean number of distinct answers)/K after: of ten
    classes .1, and .2 where right or wrong is said, .28 where lower, higher or equal, 1 where the label is; after a
    hint ``1 / answers``.

    Metrics:
        next_guess: share of images whose next guess is right, ``(1/M) sum_m 1[argmax_(k in C_m) z_mk = y_m]``
        first_guess: share of images whose first guess is right, ``(1/M) sum_m 1[a_m = y_m]``
    """

    metrics: ClassVar = {
        "next_guess": Metric("higher", 0.0, unit="share"),
        "first_guess": Metric("higher", 0.0, unit="share"),
    }

    data: Split = Field("mnist.test", description="the split; hyperparameters and gates may only look at valid ones")
    head: HeadName = ""
    says: Rung = Field("judgement", description="what the caregiver says of a guess, as in caregiver.guess")
    answers: int = Field(3, ge=1, description="of a hint: the classes that it leaves, the right one among them")

    @model_validator(mode="after")
    def _a_hint(self) -> FeedbackProbe:
        if self.says == "hint" and self.answers >= self.source.classes:
            raise ValueError(
                f"a hint that leaves {self.answers} of {self.source.classes} classes says nothing; use fewer answers"
            )
        return self

    @property
    def source(self) -> DataSource:
        """The data set that is looked at."""
        return source_of(self.data)

    def metrics_here(self) -> Mapping[str, Metric]:
        first = self.metrics["first_guess"]._replace(chance=1 / self.source.classes)
        return {"next_guess": self.metrics["next_guess"], "first_guess": first}

    def needs(self) -> Needs:
        return Needs(self.source.senses, {self.head: Head(self.source.classes)})

    def splits(self) -> tuple[str, ...]:
        return (self.data,)

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        return {self.data: spread_rows(IMAGES, size(self.data))}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        data, classes = probing.context.data(self.data).spread(IMAGES), self.source.classes
        images = data.images.expand(cohort.n, *data.images.shape)
        logits = cohort(images, self.source.sense_name, self.head)  # (N, M, K)
        labels, guesses = data.labels.expand(cohort.n, -1), logits.argmax(-1)
        keys = torch.from_numpy(probing.context.streams("hint").random(len(data), classes)).to(logits.device)
        left = Caregiver(self.says, classes, self.answers).possible(guesses, labels, labels, keys)
        again = logits.masked_fill(~left, -torch.inf).argmax(-1)
        found = {"next_guess": again, "first_guess": guesses}
        return Measurement(
            {name: unless_diverged((own == labels).double().mean(1), cohort) for name, own in found.items()}
        )
