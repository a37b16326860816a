"""A school and a probe that show digits out of the middle show the same ones, and it is harder."""

import torch

from devlearn.brains import brain_builder
from devlearn.cohort import Cohort
from devlearn.data import load_altered
from devlearn.probe import Probing
from devlearn.probes.accuracy import Accuracy
from devlearn.stage import Context
from devlearn.stages.supervise import Supervise

CPU = torch.device("cpu")
SEEDS = tuple(range(100, 106))


def context(measuring: bool = False) -> Context:
    return Context(SEEDS, "school", 0, CPU, 100, measuring=measuring)


def schooled(shift: int) -> Cohort:
    stage = Supervise(data="mnist.train", labels=200, shift=shift, updates=60, lr=3e-3)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [64]}, stage.needs()), SEEDS)
    segment = stage.segment(cohort, stage.begin(cohort, context()), context())
    for _ in range(60):
        next(segment)
    return cohort


def accuracy(cohort: Cohort, shift: int) -> torch.Tensor:
    probe = Accuracy(data="mnist.valid", shift=shift)
    return probe.measure(cohort, Probing(context(measuring=True)), full=False).values["accuracy"]


def test_a_shifted_school_shows_the_splits_shifted_images() -> None:
    stage = Supervise(data="mnist.valid", labels=20, batch=20, shift=5, updates=1)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [4]}, stage.needs()), SEEDS)
    shown = next(stage.minibatches(cohort, stage.begin(cohort, context()), context()))
    moved = load_altered("mnist.valid", CPU, shift=5)
    plain = next(stage.model_copy(update={"shift": 0}).minibatches(cohort, {"done": 0}, context()))
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
