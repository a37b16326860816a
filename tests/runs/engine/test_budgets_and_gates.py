"""Who has used up a budget, and who passes a gate, by hand."""

from typing import Any, ClassVar

import pytest
import torch

from devlearn.probes.probe import Metric, Probe
from devlearn.runs.engine.budgets import used_up
from devlearn.runs.engine.gates import described, passing
from devlearn.runs.engine.ledger import Ledger
from devlearn.runs.plan.cost_model import ONCE, PER_YIELD
from devlearn.stages.fields import Gate
from devlearn.stages.stage import Cost


def test_without_a_total_all_end_together_after_the_planned_yields() -> None:
    ledger = Ledger(2)
    assert [used_up(None, yields, 3, ledger).tolist() for yields in (2, 3)] == [[False, False], [True, True]]


def test_a_total_ends_each_learner_by_its_own_ledger() -> None:
    ledger = Ledger(3)
    cost = Cost(updates=2, images=10, labels=7, label_bits=1.5)
    ledger.charge(cost, ONCE, torch.tensor([True, True, False]))
    for who in ([True, True, True], [True, False, True], [True, False, True]):
        ledger.charge(cost, PER_YIELD, torch.tensor(who))
    assert ledger.columns["updates"].tolist() == [6, 2, 6]
    assert ledger.columns["labels"].tolist() == [7, 7, 0] and ledger.columns["label_bits"].tolist() == [1.5, 1.5, 0.0]
    assert used_up(("updates", 6), 0, 1, ledger).tolist() == [True, False, True]
    assert used_up(("images", 31), 9, 1, ledger).tolist() == [False, False, False]


class _Two(Probe):
    metrics: ClassVar = {"first": Metric("higher", 0.0), "second": Metric("lower", None)}


VALUES = {"p": {"first": torch.tensor([0.4, 0.5, torch.nan]), "second": torch.tensor([1.0, 3.0, 2.0])}}


@pytest.mark.parametrize(
    ("gate", "who", "words"),
    [
        ({"probe": "p", "at_least": 0.5}, [False, True, False], "p >= 0.5"),
        ({"probe": "p", "at_most": 0.5}, [True, True, False], "p <= 0.5"),
        ({"probe": "p.second", "at_most": 2}, [True, False, True], "p.second <= 2"),
        ({"probe": "p.second", "at_most": 2, "min_updates": 8}, [False, False, True], "p.second <= 2"),
    ],
)
def test_who_reaches_the_level_late_enough_passes(gate: dict[str, Any], who: list[bool], words: str) -> None:
    found = passing(Gate(**gate), VALUES, {"p": _Two()}, torch.tensor([7, 8, 8]))
    assert found is not None and found.tolist() == who
    assert described(Gate(**gate)) == words


def test_a_probe_that_was_not_measured_lets_nobody_pass() -> None:
    assert passing(Gate(probe="q", at_least=0), VALUES, {}, torch.tensor([7, 8, 8])) is None
