"""The optimiser is torch's own, to the bit, whatever a loss reaches and wherever it is cut."""

import copy
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from devlearn.learners.optimiser import Optimiser, Weights

KEYS: dict[str, dict[str, float]] = {
    "adam": {"weight_decay": 0.01, "eps": 1e-5},
    "sgd": {},
    "sgd-momentum": {"momentum": 0.9, "weight_decay": 0.01},
}


def _theirs(rule: str, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    make = torch.optim.AdamW if rule == "adam" else torch.optim.SGD
    return make(weights, lr=0.1, fused=True, **KEYS[rule])  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", KEYS)
def test_steps_are_torchs_to_the_bit_and_go_on_from_their_moments(rule: str) -> None:
    start = {name: torch.randn(3, *shape) for name, shape in {"a": (5, 7), "b": (17,)}.items()}
    own = Weights.of({name: tensor.clone() for name, tensor in start.items()})
    plain = {name: nn.Parameter(tensor.clone()) for name, tensor in start.items()}
    theirs = _theirs(rule, list(plain.values()))
    moments: dict[str, Any] = {}
    for step in range(6):
        optimiser = Optimiser(own, moments, rule.partition("-")[0], 0.1, **KEYS[rule])  # type: ignore[arg-type]
        optimiser.set_lr(0.1 / (step + 1))
        theirs.param_groups[0]["lr"] = 0.1 / (step + 1)
        for name, weight in own.weights.items():
            weight.grad = torch.randn_like(weight)
            plain[name].grad = weight.grad.clone()
        optimiser.step()
        theirs.step()
        assert all(torch.equal(weight, plain[name]) for name, weight in own.weights.items())
        moments = copy.deepcopy(moments)  # as a checkpoint has them
    assert moments["steps"] == {"a": 6, "b": 6}
    slots = {"adam": ["exp_avg", "exp_avg_sq"], "sgd": [], "sgd-momentum": ["momentum_buffer"]}[rule]
    assert {key for key in moments if ":" in key} == {f"{slot}:{name}" for slot in slots for name in "ab"}


@pytest.mark.parametrize("rule", KEYS)
def test_a_parameter_that_is_reached_later_begins_then(rule: str) -> None:
    start = {name: torch.randn(2, 4) for name in "ab"}
    own, late = (Weights.of({name: tensor.clone() for name, tensor in start.items()}) for _ in range(2))
    gradients = [{name: torch.randn(2, 4) for name in "ab"} for _ in range(4)]
    kind = rule.partition("-")[0]
    optimiser = Optimiser(own, {}, kind, 0.1, **KEYS[rule])  # type: ignore[arg-type]
    for step, found in enumerate(gradients):
        for name, weight in own.weights.items():
            weight.grad = found[name].clone() if name == "a" or step >= 2 else None
        optimiser.step()
    afresh = Optimiser(late, {}, kind, 0.1, **KEYS[rule])  # type: ignore[arg-type]
    for found in gradients[2:]:
        late.weights["a"].grad, late.weights["b"].grad = None, found["b"].clone()
        afresh.step()
    assert torch.equal(own.weights["b"], late.weights["b"])
    assert optimiser.moments["steps"] == {"a": 4, "b": 2}


def test_momentum_can_be_taken_up_after_steps_without_it() -> None:
    own = Weights.of({"a": torch.ones(1, 3)})
    moments: dict[str, Any] = {}
    for momentum in (0.0, 0.5, 0.5):
        own.weights["a"].grad = torch.ones(1, 3)
        Optimiser(own, moments, "sgd", 0.1, momentum=momentum).step()
    torch.testing.assert_close(own.weights["a"].detach(), torch.full((1, 3), 1 - 0.1 - 0.1 - 0.15))


def test_a_gradient_step_leaves_the_compiler_unimported() -> None:
    program = (
        "import sys; from tests.laws.rows import cohort_for, live, make\n"
        "for row in ('school', 'school-sgd'): live(make(row), cohort_for(row, (0, 1)), 2)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
