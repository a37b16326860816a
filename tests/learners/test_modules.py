"""Modules of users: what can't be a learner's is refused with its mend, and what is odd and can, is."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.optimiser import Optimiser


class Own(nn.Module):
    """One layer, and what ``make`` adds to it."""

    def __init__(self, make: Callable[[Any], None]) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        make(self)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


def add(**values: Callable[[], Any]) -> Callable[[], nn.Module]:
    return lambda: Own(lambda own: [setattr(own, key, value()) for key, value in values.items()] and None)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (add(norm=lambda: nn.BatchNorm1d(3)), r"norm is nn.BatchNorm1d: .+; use nn.LayerNorm or nn.GroupNorm"),
        (add(rows=lambda: [nn.Linear(3, 3)]), r"rows holds a Linear that torch does not know of.+; use nn.ModuleList"),
        (add(rows=lambda: {"a": [nn.Parameter(torch.ones(1))]}), r"rows holds a Parameter .+nn.ParameterList"),
        (add(scale=lambda: torch.ones(3)), r"scale is a tensor that is no buffer: use self.register_buffer\('scale', "),
        (
            add(gain=random.random),
            r"gain is drawn at birth \(0\.\d+ and 0\.\d+\), .+use self.register_buffer\('gain', ",
        ),
        (add(gain=lambda: float(torch.rand(()))), r"gain is drawn at birth \("),
        (add(gains=lambda: {"a": (1, [torch.initial_seed()])}), r"gains is drawn at birth, and a learner keeps "),
        (add(table=lambda: np.random.default_rng().random(3)), r"table is drawn at birth, "),
    ],
)
def test_what_can_be_no_learner_is_refused_with_its_mend(build: Callable[[], nn.Module], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Cohort(build, (0, 1))


def test_what_is_the_same_for_all_may_be_anything() -> None:
    same = {"nan": lambda: float("nan"), "row": lambda: [1, "a", None], "table": lambda: np.arange(3), "f": lambda: max}
    assert Cohort(add(**same, inner=lambda: nn.Sequential(nn.ReLU())), (0, 1)).n == 2


class Tied(nn.Module):
    """Two layers with one weight, one of them under two names, as the other's bias is, and in a list of layers."""

    def __init__(self, stacks: bool = False) -> None:
        super().__init__()
        self.stacks = stacks
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.also = self.first.bias
        self.rows = [self.first, self.second]
        self.again = self.second

    def forward(self, x: torch.Tensor) -> Any:
        for row in self.rows:
            x = torch.tanh(x @ row.weight.mT + row.bias.unsqueeze(-2) + self.also.unsqueeze(-2))
        return x


def error(model: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    return (model(batch["x"]) - 0.5).square().mean((-1, -2)), {}


error.stacks = True  # type: ignore[attr-defined]


@pytest.mark.parametrize("mapper", ["stacked", "vmap", "loop"])
def test_weights_that_are_tied_stay_so_and_are_learned(mapper: Any) -> None:
    def trained(seeds: tuple[int, ...]) -> Cohort:
        cohort = Cohort(Tied, seeds, mapper=mapper, dtype=torch.float64)
        optimiser = Optimiser(cohort, {}, "adam", 1e-2)
        for step in range(5):
            x = torch.randn(1, 8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
            cohort.update(error, {"x": x.expand(len(seeds), -1, -1)}, optimiser)
        return cohort

    both, alone = trained((4, 5)), [trained((seed,)) for seed in (4, 5)]
    assert set(both.weights) == {"also", "first.weight", "second.bias"}  # each under its first name
    for name, weight in both.parameters().items():
        assert torch.allclose(weight, torch.cat([one.parameters()[name] for one in alone]), 1e-12, 1e-12)
        assert not torch.equal(weight, Cohort(Tied, (4, 5), dtype=torch.float64).parameters()[name])
    for index, model in enumerate([both.member(0), both.member(1)]):
        assert isinstance(model, Tied) and model.second.weight is model.first.weight and model.also is model.first.bias
        assert torch.equal(model.first.weight, both.weights["first.weight"][index])
    for index, one in enumerate(both.members()):
        assert torch.equal(one.first.weight, both.weights["first.weight"][index])
    shapes = {"x": ((8, 3), torch.float32)}
    assert flops.update(Tied(), error, shapes) > 0


def test_a_plain_torch_module_learns_what_one_network_does() -> None:
    """Tied weights by torch's own autograd and optimiser, beside a cohort's."""
    cohort = Cohort(Tied, (4,), dtype=torch.float64)
    peer = cohort.member(0)
    own, optimiser = torch.optim.SGD(peer.parameters(), 0.1), Optimiser(cohort, {}, "sgd", 0.1)
    for step in range(5):
        x = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
        own.zero_grad()
        error(peer, {"x": x})[0].backward()
        own.step()
        cohort.update(error, {"x": x[None]}, optimiser)
    for name, weight in peer.named_parameters():
        assert torch.allclose(weight, cohort.weights[name][0], 1e-12, 1e-12)
