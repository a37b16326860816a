"""Closed forms of the controls: what each keeps of a tensor, and that the rest is gone."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.testing import assert_ok, check_stage
from tests.laws.rows import live

SEEDS = (3, 4)
BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [24, 16]},
    "conv": {"kind": "conv", "channels": [3, 4], "width": [12]},
    "memory": {"kind": "mlp", "width": [24, 16], "memory": "gru"},
}
KINDS = ("shuffle", "moments", "rescale", "spectrum", "fresh_head")
Weights = dict[str, Tensor]


def learned(brain: str) -> Cohort:
    """Learners whose weights have lost the look of newborns: other scales, means and tails."""
    cohort = Cohort(brain_builder(BRAINS[brain], get("stages", "supervise")().needs()), SEEDS)
    generator = torch.Generator().manual_seed(0)
    for weights in cohort.parameters().values():
        weights.mul_(3).add_(0.1 * torch.randn(weights.shape, generator=generator).exp())
    return cohort


def lived(cohort: Cohort, kind: str, **keys: Any) -> tuple[Weights, Weights]:
    """Weights before and after a control."""
    before = {key: weights.clone() for key, weights in cohort.parameters().items()}
    live(get("stages", f"innate.{kind}")(**keys), cohort, 1)
    return before, cohort.parameters()


def tensors(brain: str, kind: str, **keys: Any) -> Iterator[tuple[str, Tensor, Tensor]]:
    before, after = lived(learned(brain), kind, **keys)
    assert before.keys() == after.keys()
    for name in before:
        yield name, before[name], after[name]


@pytest.mark.parametrize("brain", BRAINS)
def test_rows_keep_their_own_numbers_in_another_order(brain: str) -> None:
    for name, before, after in tensors(brain, "shuffle", within="row"):
        axis = 2 if before.dim() > 2 else 1
        rows, mixed = before.flatten(axis), after.flatten(axis)
        assert torch.equal(rows.sort(-1).values, mixed.sort(-1).values), name
        torch.testing.assert_close(rows.sum(-1), mixed.sum(-1))
        assert rows.shape[-1] < 9 or (rows != mixed).any(-1).all(), name


def test_rows_are_shuffled_apart_from_each_other() -> None:
    cohort = learned("mlp")
    for weights in cohort.parameters().values():
        weights.copy_(torch.arange(weights.shape[-1]).expand_as(weights))
    lived(cohort, "shuffle", within="row")
    weight = next(weights for weights in cohort.parameters().values() if weights.dim() == 3)
    assert not torch.equal(weight[:, 0], weight[:, 1])


def test_a_layer_is_shuffled_over_its_rows() -> None:
    _, before, after = next(item for item in tensors("mlp", "shuffle") if item[1].dim() == 3)
    assert torch.equal(before.flatten(1).sort(1).values, after.flatten(1).sort(1).values)
    assert not torch.equal(before.sort(-1).values, after.sort(-1).values)


@pytest.mark.parametrize("brain", BRAINS)
def test_moments_are_kept_exactly_and_tails_are_not(brain: str) -> None:
    for name, before, after in tensors(brain, "moments"):
        for learner in range(len(SEEDS)):
            own, new = before[learner].double(), after[learner].double()
            torch.testing.assert_close(new.mean(), own.mean(), rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(new.std(), own.std(), rtol=1e-5, atol=1e-6)
            if new.numel() > 1000:
                fourth = ((new - new.mean()) / new.std()).pow(4).mean()
                assert abs(fourth - 3) < 1, name  # 24 / 1000 is the variance of a sample's fourth moment


@pytest.mark.parametrize("brain", BRAINS)
@pytest.mark.parametrize("by", ["norm", "sd"])
def test_a_rescaled_newborn_has_the_learners_sizes_and_a_newborns_directions(brain: str, by: str) -> None:
    size = (lambda w: w.flatten(1).norm(dim=1)) if by == "norm" else (lambda w: w.flatten(1).std(1))
    cohort = learned(brain)
    before, after = lived(cohort, "rescale", by=by)
    again = lived(learned(brain), "fresh_head", pattern="*")[1]  # the same stream: the same newborns
    for name in before:
        torch.testing.assert_close(size(after[name]), size(before[name]), rtol=1e-5, atol=1e-6)
        likeness = torch.cosine_similarity(after[name].flatten(1), again[name].flatten(1))
        torch.testing.assert_close(likeness, torch.ones(len(SEEDS)))


def test_what_is_born_as_zeros_stays_zero() -> None:
    brain = {"kind": "mlp", "width": [8], "init": "orthogonal"}
    cohort = Cohort(brain_builder(brain, get("stages", "supervise")().needs()), SEEDS)
    for weights in cohort.parameters().values():
        weights.add_(1)
    before, after = lived(cohort, "rescale")
    for name in before:
        assert after[name].isfinite().all()
        assert bool(after[name].any()) == (before[name].dim() == 3)


@pytest.mark.parametrize("brain", BRAINS)
def test_the_spectrum_is_kept_and_its_directions_are_not(brain: str) -> None:
    for name, before, after in tensors(brain, "spectrum"):
        own, new = (w.flatten(2) if w.dim() > 2 else w.unsqueeze(1) for w in (before, after))
        old, found = torch.linalg.svdvals(own.double()), torch.linalg.svdvals(new.double())
        torch.testing.assert_close(found, old, rtol=1e-5, atol=1e-5)
        assert (torch.cosine_similarity(own.flatten(1), new.flatten(1)).abs() < 0.9).all(), name


def test_directions_are_drawn_evenly() -> None:
    """Columns are orthonormal, and no direction is preferred: the mean over many draws is zero."""
    from devlearn.stages.innate.spectrum import directions

    found = directions(torch.randn(4000, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    torch.testing.assert_close(found.transpose(1, 2) @ found, torch.eye(2, dtype=torch.float64).expand(4000, 2, 2))
    assert found.mean(0).abs().max() < 4 / (3 * 4000) ** 0.5


@pytest.mark.parametrize("brain", BRAINS)
def test_a_fresh_head_is_new_and_features_are_kept(brain: str) -> None:
    for name, before, after in tensors(brain, "fresh_head"):
        assert torch.equal(before, after) != name.startswith("heads."), name


def test_a_fresh_head_is_another_than_the_first() -> None:
    cohort = learned("mlp")
    newborn = cohort.newborn(SEEDS).parameters()
    after = lived(cohort, "fresh_head")[1]
    assert not any(torch.equal(after[name], newborn[name]) for name in after if name.startswith("heads."))


def test_a_brain_without_read_outs_of_that_name_is_refused() -> None:
    stage = get("stages", "innate.fresh_head")(pattern="readout.*")
    with pytest.raises(ValueError, match=r"no parameter matches pattern 'readout\.\*'; there are: body"):
        stage.cost(learned("mlp").member(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("brain", BRAINS)
def test_controls_keep_the_laws_with_every_brain(kind: str, brain: str) -> None:
    assert_ok(check_stage(f"innate.{kind}", brain=BRAINS[brain]))
