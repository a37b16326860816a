"""A school and a probe that show digits out of the middle show the same ones, and it is harder."""

import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.accuracy import Accuracy
from devlearn.stages.supervise.cross_entropy import Supervise
from devlearn.tasks.data import load_altered
from tests.laws.rows import context_for, live, measure

CPU = torch.device("cpu")
SEEDS = tuple(range(100, 106))


def schooled(shift: int) -> Cohort:
    stage = Supervise(data="mnist.train", labels=200, shift=shift, updates=60, lr=3e-3)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [64]}, stage.needs()), SEEDS)
    live(stage, cohort, 60)
    return cohort


def accuracy(cohort: Cohort, shift: int) -> torch.Tensor:
    return measure(Accuracy(data="mnist.valid", shift=shift), cohort).values["accuracy"]


def test_a_shifted_school_shows_the_splits_shifted_images() -> None:
    stage = Supervise(data="mnist.valid", labels=20, batch=20, shift=5, updates=1)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [4]}, stage.needs()), SEEDS)
    shown = next(stage.minibatches(cohort, stage.begin(cohort, context_for(SEEDS)), context_for(SEEDS)))
    moved = load_altered("mnist.valid", CPU, shift=5)
    plain = next(stage.model_copy(update={"shift": 0}).minibatches(cohort, {"done": 0}, context_for(SEEDS)))
    assert torch.equal(shown["labels"], plain["labels"])
    assert not torch.equal(shown["images"], plain["images"])
    rows = {bytes(image.numpy().tobytes()) for image in moved.images}
    assert all(image.numpy().tobytes() in rows for image in shown["images"].flatten(0, 1))


def test_shifted_digits_are_harder_and_a_centred_school_is_no_preparation_for_them() -> None:
    centred, moved = schooled(0), schooled(6)
    at_home, abroad, trained = accuracy(centred, 0), accuracy(centred, 6), accuracy(moved, 6)
    assert (at_home > trained + 0.15).all()
    assert (at_home > abroad + 0.25).all()
    assert (trained > abroad).all()
