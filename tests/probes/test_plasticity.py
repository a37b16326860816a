"""The probe plasticity: copies that learn a fresh task, held against a plain loop, a newborn and a dead network."""

from typing import Any

import pytest
import torch
from torch import nn

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.plasticity import Plasticity
from devlearn.probes.probe import Probing
from devlearn.stages.context import Context

SEEDS = (0, 1, 2, 3)
KEYS: dict[str, Any] = {"data": "digits.train", "images": 40, "updates": 60, "batch": 20, "lr": 3e-3}
PROBE = Plasticity(**KEYS)
CONTEXT = Context(SEEDS, "probe:fresh", 0, torch.device("cpu"), planned=0, measuring=True)


def born(seeds: tuple[int, ...] = SEEDS) -> Cohort:
    return Cohort(brain_builder({"kind": "mlp", "width": (32,), "activation": "relu"}, PROBE.needs()), seeds)


def measured(cohort: Cohort, probe: Plasticity = PROBE) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return dict(probe.measure(cohort, Probing(CONTEXT), full=True).values)


@pytest.mark.parametrize("task", ["random", "permuted", "relabelled"])
def test_a_newborn_learns_a_fresh_task_and_is_as_plastic_as_a_newborn(task: Any) -> None:
    found = measured(born(), PROBE.model_copy(update={"task": task}))
    assert not found["above_newborn"].any()
    assert (found["last"] > 0.3).all() and (found["last"] > found["accuracy"]).all()


def test_a_dead_network_learns_nothing_and_a_newborn_does() -> None:
    cohort = born()
    for name, weight in cohort.parameters().items():
        if weight.shape[1] == 32 and "head" not in name:
            weight[:2] = -1e3 if weight.dim() == 2 else 0.0  # no gradient reaches what lies below
    found = measured(cohort)
    assert (found["above_newborn"][:2] < -0.1).all() and not found["above_newborn"][2:].any()
    assert (found["last"][:2] < found["last"][2:].min()).all()


def test_it_is_the_mean_accuracy_of_a_plain_loop_of_updates() -> None:
    cohort, copy = born(), born().member(2)
    optimiser = torch.optim.Adam(copy.parameters(), lr=KEYS["lr"])
    told = []
    for batch, _ in zip(PROBE._minibatches(cohort, Probing(CONTEXT)), range(60), strict=False):
        logits, labels = copy(batch["images"][2], PROBE.source.sense_name, PROBE.head), batch["labels"][2]
        told.append((logits.argmax(-1) == labels).float().mean().item())
        optimiser.zero_grad()
        nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()
    found = measured(cohort)
    assert found["accuracy"][2].item() == pytest.approx(sum(told) / 60, abs=2e-3)
    assert found["last"][2].item() == pytest.approx(sum(told[-6:]) / 6, abs=2e-2)


def test_what_a_stage_holds_fixed_is_free_in_the_copies_and_stays_fixed() -> None:
    cohort, free = born(), measured(born())
    cohort.freeze("*")
    assert torch.equal(measured(cohort)["accuracy"], free["accuracy"])
    assert cohort._frozen == set(cohort.parameters())


def test_random_labels_read_none_of_the_images_own() -> None:
    assert PROBE.labels_read(full=True) == {}
    assert len(Plasticity(**KEYS, task="permuted").labels_read(full=True)["digits.train"]) == 40
