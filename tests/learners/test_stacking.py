"""A twin of a module is what a deep copy is, but for its tensors."""

import copy
from typing import Any

import torch
from torch import nn

from devlearn.learners.stacking import twin


class Odd(nn.Module):
    """Holds its parts under other names too, and things of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.none = nn.Linear(3, 4), None
        self.register_module("absent", None)
        self.register_buffer("seen", torch.zeros(1))
        self.row = [self.first, nn.Linear(4, 2)]  # the second is in no list of parameters
        self.norm = nn.BatchNorm1d(4)
        self.notes = {"count": [1, 2]}
        self.first.register_forward_hook(lambda *_: None)

    def forward(self, x: torch.Tensor) -> Any:
        return self.row[1](self.norm(self.row[0](x)))


def test_a_twin_shares_tensors_and_nothing_else_that_changes() -> None:
    one = Odd()
    other = twin(one)
    assert isinstance(other, Odd) and other is not one and other.training
    assert [name for name, _ in other.named_modules()] == [name for name, _ in copy.deepcopy(one).named_modules()]
    assert all(a is b for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert all(a is b for a, b in zip(one.buffers(), other.buffers(), strict=True))
    assert other.row[0] is other.first and other.first is not one.first and other.row[1] is not one.row[1]
    assert other.row[1].weight is not one.row[1].weight  # nobody would put another in its place
    other.notes["count"].append(3)
    other.eval()
    other.norm.register_forward_hook(lambda *_: None)
    assert one.notes == {"count": [1, 2]} and one.training and one.norm.training
    assert not one.norm._forward_hooks and len(other.first._forward_hooks) == 1
    x = torch.randn(5, 3)
    assert torch.equal(other(x), copy.deepcopy(one).eval()(x))


def test_a_tensor_that_is_put_in_place_of_a_twins_is_not_in_the_other() -> None:
    one = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    other = twin(one)
    other[0]._parameters["weight"] = nn.Parameter(torch.zeros(2, 2))
    assert one[0].weight.abs().sum() > 0 and other[1].weight is one[1].weight
