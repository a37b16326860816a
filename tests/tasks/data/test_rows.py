"""Images read row by row: what a learner answers to the last row is what it would, row after row, by itself."""

from typing import Any

import pytest
import torch

from devlearn.evidence.statistics.sign_flip import sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.accuracy import Accuracy
from devlearn.registry import get
from devlearn.tasks.data import load
from tests.laws.rows import context_for, measure

BRAIN: dict[str, Any] = {"kind": "mlp", "width": [12], "memory": "gru"}
KEYS: dict[str, Any] = {"updates": 100, "row_by_row": True, "data": "digits.train"}


def test_accuracy_is_that_of_the_answers_to_the_last_row() -> None:
    probe = Accuracy(data="digits.test", row_by_row=True, head="digits")
    found = Cohort(brain_builder(BRAIN, probe.needs()), (0, 1), dtype=torch.float64)
    accuracy = measure(probe, found, full=True).values["accuracy"]
    data, member = load("digits.test", torch.device("cpu")), found.member(1)
    ((sense, seen),) = probe.needs().senses.items()
    assert seen.space.shape == data.images.shape[2:]
    hidden, count = torch.zeros(len(data), 12).double(), data.images.shape[1]
    for t in range(count):
        starts = torch.zeros(len(data), 1, dtype=torch.bool)
        logits, hidden = member(data.images[:, t : t + 1], sense, "digits", hidden, starts)
    assert accuracy[1].item() == pytest.approx((logits.argmax(-1) == data.labels).double().mean().item())
    assert 0.02 < accuracy[1].item() < 0.3  # a newborn guesses


def test_what_can_not_be_read_row_by_row_is_refused_with_the_mend() -> None:
    stage, probe = get("stages", "supervise")(**KEYS), Accuracy(data="digits.test", row_by_row=True, head="digits")
    brain = brain_builder({"kind": "mlp", "width": [12]}, stage.needs())()
    for ask in (stage.cost, probe.check_brain):
        with pytest.raises(ValueError, match="this brain has no memory; give it memory: gru"):
            ask(brain)
    with pytest.raises(ValueError, match="drop row_by_row or unlabelled: pseudo"):
        get("stages", "supervise")(**KEYS, unlabelled="pseudo")


@pytest.mark.parametrize("memory", ["gru", "episodic"])
def test_digits_that_are_read_row_by_row_are_learned(memory: str) -> None:
    """Eight learners after 150 updates; chance is .1."""
    seeds = tuple(range(8))
    stage = get("stages", "supervise")(**KEYS, batch=64, lr=1e-2)
    brain = brain_builder({"kind": "mlp", "width": [32], "memory": memory}, stage.needs())
    found, context = Cohort(brain, seeds), context_for(seeds)
    segment = stage.segment(found, stage.begin(found, context), context)
    for _, _ in zip(range(150), segment, strict=False):
        pass
    segment.close()
    head = next(iter(stage.needs().heads))
    accuracy = measure(Accuracy(data="digits.test", row_by_row=True, head=head), found, full=True).values["accuracy"]
    gained = accuracy.numpy() - 0.1
    assert gained.mean() >= 0.4 and sign_flip(gained) <= 0.05
