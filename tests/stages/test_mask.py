"""Masks on frozen weights: exact shares, the straight-through rule, what is left of it when shuffled, and learning."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.accuracy import Accuracy
from devlearn.registry import get
from devlearn.stages.innate.mask import topmost
from devlearn.stages.stage import Stage
from tests.laws.rows import CROSS_ENTROPY, context_for, live, measure

SEEDS = (0, 1, 2, 3)
BRAIN = {"kind": "mlp", "width": [24, 16], "init": "orthogonal"}


def mask(**keys: Any) -> Stage:
    return get("stages", "innate.mask")(**{"batch": 16, "updates": 50, **keys})


def cohort(brain: Mapping[str, Any] = BRAIN) -> Cohort:
    return Cohort(brain_builder(brain, mask().needs()), SEEDS, dtype=torch.float64)


def worn(found: Cohort, born: Mapping[str, Tensor], density: float) -> dict[str, Tensor]:
    """Each weight as a share of what it was at birth, in units of 1/sqrt(density): the mask."""
    return {name: weights / born[name] * density**0.5 for name, weights in found.parameters().items()}


def test_the_topmost_by_hand() -> None:
    scores = torch.tensor([[[3.0, -4.0], [1.0, 2.0]], [[-1.0, -2.0], [-3.0, -0.5]]])
    assert topmost(scores, 0.5, signed=False).flatten(1).tolist() == [[1, 0, 0, 1], [1, 0, 0, 1]]
    assert topmost(scores, 0.5, signed=True).flatten(1).tolist() == [[1, -1, 0, 0], [0, -1, -1, 0]]
    assert topmost(scores, 0.01, signed=True).flatten(1).abs().sum(1).tolist() == [1, 1]  # one is always left
    assert topmost(scores, 1.0, signed=False).sum() == 8


def test_of_equal_scores_at_the_edge_the_first_places_are_kept() -> None:
    """Two of four: a clear winner and the first of three equal ones; two of four equal ones; two of two pairs."""
    scores = torch.tensor([[1.0, 1.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0], [5.0, 4.0, 5.0, 4.0]]).view(3, 2, 2)
    kept = [[1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0]]
    assert topmost(scores, 0.5, signed=False).flatten(1).tolist() == kept
    assert topmost(-scores, 0.5, signed=True).flatten(1).tolist() == [[-mask for mask in row] for row in kept]


@pytest.mark.parametrize("keys", [{}, {"signed": True, "density": 0.1}, {"shuffled": True}])
def test_the_learner_wears_its_newborns_weights_masked(keys: dict[str, Any]) -> None:
    found, stage = cohort(), mask(lr=0.1, **keys)
    born = {name: weights.clone() for name, weights in found.parameters().items()}
    live(stage, found, 5)
    density = stage.density  # type: ignore[attr-defined]
    values = {-1.0, 0.0, 1.0} if stage.signed else {0.0, 1.0}  # type: ignore[attr-defined]
    for name, weights in worn(found, born, density).items():
        if name.endswith("bias"):
            assert torch.equal(found.parameters()[name], born[name])
            continue
        assert set(weights.round(decimals=9).unique().tolist()) <= {*values, -0.0}
        kept = (weights != 0).flatten(1).sum(1)
        assert (kept == round(density * weights[0].numel())).all()


def test_constant_weights_have_one_size_and_the_newborns_signs() -> None:
    found = cohort()
    name = "body.trunk.0.weight"
    born = found.parameters()[name].clone()
    live(mask(constant=True), found, 1)
    weights = found.parameters()[name]
    size = (born.flatten(1).square().mean(1) / 0.5).sqrt().view(-1, 1, 1)
    torch.testing.assert_close(weights, torch.where(weights != 0, born.sign() * size, 0.0))


def test_a_step_of_the_scores_is_the_straight_through_rule() -> None:
    """SGD: s - lr w / sqrt(density) dL/dv, with dL/dv from the masked network by autograd."""
    found, stage = cohort(), mask(optimiser="sgd", lr=0.5)
    born = {name: weights.clone() for name, weights in found.parameters().items()}
    context = context_for(SEEDS)
    state = stage.begin(found, context)
    before = {name: scores.clone() for name, scores in state["scores"].items()}
    next(iter(stage.segment(found, state, context)))

    batch = next(stage.labelled.minibatches(context, 0))  # type: ignore[attr-defined]
    for learner in range(len(SEEDS)):
        network = cohort().member(learner)
        for name, parameter in network.named_parameters():
            if name in before:
                kept = topmost(before[name], 0.5, signed=False)[learner]
                parameter.data.copy_(born[name][learner] * kept / math.sqrt(0.5))
        CROSS_ENTROPY(network, {key: value[learner] for key, value in batch.items()})[0].backward()
        for name, scores in before.items():
            slope = network.get_parameter(name).grad
            assert slope is not None
            expected = scores[learner] - 0.5 * slope * born[name][learner] / math.sqrt(0.5)
            torch.testing.assert_close(state["scores"][name][learner], expected, rtol=1e-9, atol=1e-13)


def test_a_shuffled_mask_is_the_same_lesson_with_its_places_permuted() -> None:
    lives = {}
    for shuffled in (False, True):
        found = cohort()
        born = {name: weights.clone() for name, weights in found.parameters().items()}
        state, metrics = live(mask(lr=0.01, shuffled=shuffled), found, 4)
        lives[shuffled] = (state["scores"], metrics, worn(found, born, 0.5))
    for (name, scores), other in zip(lives[False][0].items(), lives[True][0].values(), strict=True):
        assert torch.equal(scores, other)
        plain, mixed = (lives[shuffled][2][name] for shuffled in (False, True))
        assert torch.equal(plain.flatten(1).sum(1).round(), mixed.flatten(1).sum(1).round())
        agree = ((plain != 0) == (mixed != 0)).double().mean()
        assert 0.4 < agree < 0.6  # as two halves drawn independently
    for one, other in zip(lives[False][1], lives[True][1], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_mask_learns_and_a_shuffled_one_knows_nothing() -> None:
    """4 learners, 150 updates: all above 60 %; shuffled, no better than 25 % on average."""
    accuracy = {}
    for shuffled in (False, True):
        found = Cohort(brain_builder({**BRAIN, "width": [64]}, mask().needs()), SEEDS)
        live(mask(lr=0.02, batch=64, shuffled=shuffled, data="mnist.valid"), found, 150, planned=150)
        accuracy[shuffled] = measure(Accuracy(), found).values["accuracy"]
    assert (accuracy[False] > 0.6).all(), accuracy
    assert accuracy[True].mean() < 0.25, accuracy


def test_moments_of_scores_are_not_handed_to_the_next_stage() -> None:
    state, _ = live(mask(), cohort(), 1)
    assert "moments" not in state
    with pytest.raises(ValidationError, match="adam"):
        mask(optimiser="continue")
