"""The cohort against ordinary networks and ordinary optimisers."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from devlearn.learners.brains import Head, Needs, Sense, brain_builder
from devlearn.learners.brains.layers import Linear, tanh
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.objectives import CrossEntropy
from devlearn.learners.optimiser import Optimiser
from devlearn.runs.engine.held_rows import HeldRows

EYE = Sense(spaces.Box(0, 255, (6, 6), np.uint8))
NEEDS = Needs({"eye": EYE}, {"digits": Head(4), "value": Head(1, critic=True)})
OBJECTIVE = CrossEntropy("eye", "digits")
BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [7, 5]},
    "tanh, own critic": {"kind": "mlp", "width": [7, 5], "activation": "tanh", "init": "orthogonal", "critic": "own"},
    "conv": {"kind": "conv", "channels": [3], "width": [7, 5]},
    "a code": {"kind": "mlp", "width": [7, 5, 3], "linear_features": True},
}


def batch(n: int, rows: int = 8, seed: int = 0) -> dict[str, Tensor]:
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.integers(0, 256, (n, rows, 6, 6), dtype=np.uint8))
    return {"images": images, "labels": torch.from_numpy(rng.integers(0, 4, (n, rows)))}


def cohort(kind: str, n: int = 3, mapper: Mapper | None = None, dtype: torch.dtype = torch.float64) -> Cohort:
    return Cohort(brain_builder(BRAINS[kind], NEEDS), range(n), mapper=mapper, dtype=dtype)


@pytest.mark.parametrize("kind", BRAINS)
@pytest.mark.parametrize("mapper", [None, "vmap", "loop"])
def test_what_all_learners_see_alike_is_seen_by_each_to_the_last_bit(kind: str, mapper: Mapper | None) -> None:
    found, images = cohort(kind, 3, mapper, torch.float32), batch(1, 200)["images"].expand(3, 200, 6, 6)
    with torch.no_grad():
        assert torch.equal(found(images, "eye", "digits"), found(images.contiguous(), "eye", "digits"))


def test_all_learners_in_turn_are_those_that_are_taken_out_one_by_one() -> None:
    found, images = cohort("conv"), batch(3)["images"]
    for index, member in enumerate(found.members()):
        assert torch.equal(member(images[index], "eye", "digits"), found.member(index)(images[index], "eye", "digits"))


@pytest.mark.parametrize("kind", BRAINS)
@pytest.mark.parametrize("mapper", [None, "vmap", "loop"])
@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_training_equals_ordinary_networks_and_torchs_optimisers(kind: str, mapper: Mapper | None, rule: str) -> None:
    """20 clipped updates against N plain modules, each with its own torch optimiser and clip_grad_norm_."""
    mapped = cohort(kind, mapper=mapper)
    plain = [mapped.member(i) for i in range(mapped.n)]
    moments: dict[str, Any] = {}
    keys = {"momentum": 0.9, "weight_decay": 0.01} if rule == "sgd" else {}
    optimiser = Optimiser(mapped, moments, rule, 0.01, **keys)
    rules = [torch.optim.SGD if rule == "sgd" else torch.optim.Adam for _ in plain]
    peers = [make(model.parameters(), lr=0.01, **keys) for make, model in zip(rules, plain, strict=True)]
    for step in range(20):
        data = batch(mapped.n, seed=step)
        metrics = mapped.update(OBJECTIVE, data, optimiser, clip=0.1)
        for i, (model, peer) in enumerate(zip(plain, peers, strict=True)):
            peer.zero_grad()
            loss, _ = OBJECTIVE(model, {name: value[i] for name, value in data.items()})
            loss.backward()
            nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 0.1)
            peer.step()
            torch.testing.assert_close(metrics["loss"][i], loss.detach())
    for i, model in enumerate(plain):
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(mapped.parameters()[name][i], parameter.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", BRAINS)
def test_the_mappers_agree_on_outputs(kind: str) -> None:
    images = batch(3)["images"]
    outputs = [cohort(kind, mapper=mapper)(images, "eye", ("digits", "value")) for mapper in (None, "vmap", "loop")]
    for digits, value in outputs[1:]:
        torch.testing.assert_close(digits, outputs[0][0])
        torch.testing.assert_close(value, outputs[0][1])
    assert outputs[0][0].shape == (3, 8, 4)
    assert outputs[0][1].shape == (3, 8, 1)


@pytest.mark.parametrize("kind", BRAINS)
def test_another_sense_or_head_leaves_the_rest_bit_equal(kind: str) -> None:
    more = NEEDS | Needs({"touch": Sense(spaces.Box(-1, 1, (3,), np.float32))}, {"hand": Head(2, gaussian=True)})
    small, large = cohort(kind), Cohort(brain_builder(BRAINS[kind], more), range(3), dtype=torch.float64)
    assert len(large.parameters()) > len(small.parameters())
    for name, weights in small.parameters().items():
        assert torch.equal(weights, large.parameters()[name])


def test_weights_depend_on_the_seed_alone() -> None:
    a = Cohort(brain_builder(BRAINS["mlp"], NEEDS), [4, 9, 2])
    b = Cohort(brain_builder(BRAINS["mlp"], NEEDS), [2, 4])
    assert torch.equal(a.flat[0], b.flat[1])
    assert torch.equal(a.flat[2], b.flat[0])
    assert not torch.equal(a.flat[0], a.flat[1])


class UserNet(nn.Module):
    """A user's module: ordinary layers, no word of cohorts."""

    def __init__(self, needs: Needs, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.gru = nn.GRU(6, 5, batch_first=True) if layer == "gru" else None
        self.norm = nn.BatchNorm1d(36) if layer == "batchnorm" else None
        self.out = nn.Linear(5 if layer == "gru" else 36, 4)

    def forward(self, x: Tensor, sense: str, head: str) -> Tensor:
        x = x.to(self.out.weight.dtype) / 255
        if self.gru is not None:
            return self.out(self.gru(x)[0][:, -1])
        x = x.flatten(1)
        if self.layer == "if" and x.sum() < 0:
            x = -x
        return self.out(x)


@pytest.mark.parametrize(
    ("layer", "mapping"),
    [("plain", "mapped (vmap)"), ("gru", "looped: gru is nn.GRU"), ("if", "looped: vmap refuses it")],
)
def test_user_modules_are_mapped_or_looped_and_train_alike(layer: str, mapping: str) -> None:
    mapped = Cohort(lambda: UserNet(NEEDS, layer), range(3), dtype=torch.float64)
    looped = Cohort(lambda: UserNet(NEEDS, layer), range(3), dtype=torch.float64, mapper="loop")
    for found in (mapped, looped):
        optimiser = Optimiser(found, {}, "adam", 0.01)
        for step in range(5):
            found.update(OBJECTIVE, batch(3, seed=step), optimiser)
    assert mapped.mapping.startswith(mapping)
    torch.testing.assert_close(mapped.flat, looped.flat)
    assert mapped.newborn((7,)).mapper == mapped.mapper  # what was found out about it holds for its kind


def test_batch_statistics_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"norm is nn.BatchNorm1d.*LayerNorm"):
        Cohort(lambda: UserNet(NEEDS, "batchnorm"), range(2))


def test_an_error_inside_a_users_module_is_the_users_to_see() -> None:
    class Broken(UserNet):
        def forward(self, x: Tensor, sense: str, head: str) -> Tensor:
            raise RuntimeError("my own mistake")

    with pytest.raises(RuntimeError, match="my own mistake"):
        Cohort(lambda: Broken(NEEDS, "plain"), range(2))(batch(2)["images"], "eye", "digits")


def test_frozen_parameters_stay_although_moments_push_them() -> None:
    found = cohort("mlp")
    moments: dict[str, Any] = {}
    found.update(OBJECTIVE, batch(3), Optimiser(found, moments, "adam", 0.1))
    found.freeze("body.*")
    before = {name: weights.clone() for name, weights in found.parameters().items()}
    found.update(OBJECTIVE, batch(3, seed=1), Optimiser(found, moments, "adam", 0.1))
    for name, weights in found.parameters().items():
        assert torch.equal(weights, before[name]) == (name.startswith("body.") or "value" in name)
    with pytest.raises(ValueError, match="no parameter matches"):
        found.freeze("bodies.*")


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 4)), st.integers(1, 4))
def test_held_learners_stay_and_the_others_do_not_notice(held: set[int], updates: int) -> None:
    free, holding = cohort("mlp", 5, dtype=torch.float32), cohort("mlp", 5, dtype=torch.float32)
    states: list[dict[str, Any]] = [{}, {}]
    for found, moments in zip((free, holding), states, strict=True):
        found.update(OBJECTIVE, batch(5), Optimiser(found, moments, "adam", 0.1))
    rows = torch.tensor([i in held for i in range(5)])
    key = "exp_avg:heads.digits.layer.weight"
    at_hold = holding.flat, states[1][key].clone()
    keeper = HeldRows(holding, (states[1],), rows)
    for step in range(updates):
        free.update(OBJECTIVE, batch(5, seed=step), Optimiser(free, states[0], "adam", 0.1))
        holding.update(OBJECTIVE, batch(5, seed=step), Optimiser(holding, states[1], "adam", 0.1))
        keeper.restore()
    assert torch.equal(holding.flat[rows], at_hold[0][rows])
    assert torch.equal(states[1][key][rows], at_hold[1][rows])
    assert torch.equal(holding.flat[~rows], free.flat[~rows])
    assert not torch.equal(free.flat, at_hold[0])


@pytest.mark.parametrize("mapper", ["vmap", "loop"])
def test_gradients_that_are_found_and_applied_are_an_update(mapper: Mapper) -> None:
    one, other, part = (cohort("mlp", mapper=mapper) for _ in range(3))
    updated = one.update(OBJECTIVE, batch(3), Optimiser(one, {}, "adam", 0.01), clip=0.1)
    found, metrics = other.gradients(OBJECTIVE, batch(3))
    assert torch.equal(other.flat, part.flat)
    torch.testing.assert_close(metrics["loss"], updated["loss"])
    other.apply_gradients(found, Optimiser(other, {}, "adam", 0.01), clip=0.1)
    torch.testing.assert_close(other.flat, one.flat)
    assert (one.updates, other.updates) == (1, 1)
    named, before = "heads.digits.layer.bias", part.state()
    part.apply_gradients({named: found[named]}, Optimiser(part, {}, "adam", 0.01))
    assert [name for name, weight in part.parameters().items() if not torch.equal(weight, before[name])] == [named]


def test_what_one_weight_lost_makes_its_learner_alone_not_finite() -> None:
    found = cohort("mlp")
    assert found.finite().tolist() == [True] * 3
    found.parameters()["heads.digits.layer.bias"][1, 2] = torch.nan
    assert found.finite().tolist() == [True, False, True]
    found.parameters()["heads.value.layer.weight"][2, 0, 1] = -torch.inf
    assert found.finite().tolist() == [True, False, False]


def test_state_goes_round_and_members_are_independent() -> None:
    found, other = cohort("mlp"), Cohort(brain_builder(BRAINS["mlp"], NEEDS), [7, 8, 9], dtype=torch.float64)
    other.load(found.state())
    assert torch.equal(other.flat, found.flat)
    clone, member = found.clone(), found.member(1)
    images = batch(3)["images"]
    torch.testing.assert_close(member(images[1], "eye", "digits"), found(images, "eye", "digits")[1])
    for weights in found.parameters().values():
        weights.zero_()
    assert clone.flat.abs().sum() > 0
    assert sum(p.abs().sum().item() for p in member.parameters()) > 0
    with pytest.raises(ValueError, match="another brain"):
        found.load(cohort("conv").state())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_layer_with_its_tanh_is_the_layer_and_then_tanh_bit_for_bit(dtype: torch.dtype) -> None:
    rng, layer = torch.Generator().manual_seed(0), Linear(6, 5)
    weight, bias = torch.randn(3, 5, 6, generator=rng, dtype=dtype), torch.randn(3, 5, generator=rng, dtype=dtype)
    layer.weight, layer.bias = torch.nn.Parameter(weight), torch.nn.Parameter(bias)
    x = (3 * torch.randn(3, 40, 6, generator=rng, dtype=dtype)).requires_grad_()
    given, error = (x, layer.weight, layer.bias), torch.randn(3, 40, 5, generator=rng, dtype=dtype)
    apart = tanh(layer(x))
    fused = layer.activated(x, tanh)
    assert torch.equal(fused, apart)
    for own, other in zip(
        torch.autograd.grad(fused, given, error), torch.autograd.grad(apart, given, error), strict=True
    ):
        assert torch.equal(own, other)
    with torch.no_grad():
        assert torch.equal(layer.activated(x, tanh), apart)


def test_a_layer_with_its_tanh_has_the_gradients_that_differences_say() -> None:
    layer = Linear(4, 3)
    layer.weight = torch.nn.Parameter(torch.randn(2, 3, 4, dtype=torch.float64))
    layer.bias = torch.nn.Parameter(torch.randn(2, 3, dtype=torch.float64))
    x = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: layer.activated(x, tanh), (x, layer.weight, layer.bias))
    assert torch.autograd.gradgradcheck(lambda x, *_: layer.activated(x, tanh), (x, layer.weight, layer.bias))


def test_tanh_and_its_gradient_are_torchs() -> None:
    x = torch.linspace(-12, 12, 4001, requires_grad=True)
    own = torch.autograd.grad(tanh(x).sum(), x)[0]
    peer = torch.autograd.grad(torch.tanh(x).sum(), x)[0]
    torch.testing.assert_close(tanh(x), torch.tanh(x), rtol=0, atol=3e-7)
    torch.testing.assert_close(own, peer, rtol=0, atol=6e-7)
    assert torch.autograd.gradcheck(tanh, torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("mapper", [None, "vmap", "loop"])
def test_a_code_is_a_linear_map_of_the_layer_before_it(mapper: Mapper | None) -> None:
    found = cohort("a code", mapper=mapper)
    *_, before, code = found.features(batch(3)["images"], "eye")
    weights = found.parameters()
    expected = (
        torch.einsum("nbi,noi->nbo", before, weights["body.trunk.1.weight"]) + weights["body.trunk.1.bias"][:, None]
    )
    torch.testing.assert_close(code, expected)
    assert (code < 0).any() and (before >= 0).all()


@pytest.mark.parametrize("mapper", ["stacked", "vmap", "loop"])
def test_a_cohort_that_nobody_holds_is_freed(mapper: Mapper) -> None:
    """Stages make cohorts of their own (critics, targets) whenever they are opened, after every checkpoint."""
    found = cohort("mlp", mapper=mapper)
    found.update(OBJECTIVE, batch(3), Optimiser(found, {}, "adam", 1e-3))
    weight = weakref.ref(next(iter(found.weights.values())))
    del found
    gc.collect()
    assert weight() is None
