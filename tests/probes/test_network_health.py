"""Signs of a network that can learn no more, where they are known: dead units, ranks of matrices, quadratic losses."""

import math

import pytest
import torch
from torch import nn

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.network_health import (
    NetworkHealth,
    dormancy,
    effective_rank,
    largest_curvature,
    singular_values,
    srank,
)
from devlearn.probes.probe import Probing
from devlearn.stages.context import Context

SEEDS = (0, 1, 2)
PROBE = NetworkHealth(data="digits.valid", images=40, tau=0.0, steps=2)


def born(width: tuple[int, ...] = (12, 8)) -> Cohort:
    brain = {"kind": "mlp", "width": width, "activation": "relu"}
    return Cohort(brain_builder(brain, PROBE.needs()), SEEDS, dtype=torch.float64)


def measured(cohort: Cohort, probe: NetworkHealth = PROBE) -> dict[str, torch.Tensor]:
    context = Context(SEEDS, "probe:health", 0, torch.device("cpu"), planned=0, measuring=True)
    with torch.no_grad():
        return dict(probe.measure(cohort, Probing(context), full=True).values)


def test_units_that_were_killed_are_dead_and_dormant_and_no_others() -> None:
    cohort = born()
    layers = sorted({len(weight[0]): name for name, weight in cohort.parameters().items() if weight.dim() == 3}.items())
    own = cohort.parameters()
    first, second = (name.removesuffix(".weight") for size, name in reversed(layers) if size in (12, 8))
    for name in (first, second):  # every unit fires for every image that has any ink
        own[f"{name}.weight"].abs_()
        own[f"{name}.bias"].zero_()
    own[f"{first}.bias"][0, :3] = -1e6
    own[f"{second}.bias"][1, 2:4] = -1e6
    found = measured(cohort)
    assert found["dead"].tolist() == [3 / 20, 2 / 20, 0]
    assert found["dormant"].tolist() == [3 / 20, 2 / 20, 0]


def test_a_unit_that_answers_the_same_to_all_is_dead_though_it_fires() -> None:
    cohort = born((8,))
    for name, weight in cohort.parameters().items():
        if "head" not in name and weight.shape[1] == 8:
            weight[0] = 1.0 if weight.dim() == 2 else 0.0
    found = measured(cohort)
    assert found["dead"][0] == 1.0 and found["dormant"][0] == 0.0 and found["effective_rank"][0] == pytest.approx(1)


def test_the_score_of_a_unit_is_its_share_of_what_its_layer_does() -> None:
    layer = torch.tensor([[[1.0, 0.0, -5.0], [3.0, 0.0, 5.0]]])  # (1, 2, 3): means of size 2, 0 and 5
    torch.testing.assert_close(dormancy(layer), torch.tensor([[6 / 7, 0.0, 15 / 7]], dtype=torch.float64))
    assert not dormancy(torch.zeros(1, 2, 3)).any()


def of_rank(values: list[float]) -> torch.Tensor:
    """A matrix of six rows and four columns with these singular values."""
    generator = torch.Generator().manual_seed(3)
    left, right = (
        torch.linalg.qr(torch.randn(size, 4, dtype=torch.float64, generator=generator))[0] for size in (6, 4)
    )
    return left @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ right.T


RANKS = [
    ([2.0, 2.0, 2.0, 2.0], 4.0, 4),
    ([7.0, 7.0, 0.0, 0.0], 2.0, 2),
    ([9.0, 0.0, 0.0, 0.0], 1.0, 1),
    ([0.0, 0.0, 0.0, 0.0], 0.0, 0),
    ([3.0, 1.0, 0.0, 0.0], math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)), 2),
    ([99.5, 0.5, 0.0, 0.0], math.exp(-0.995 * math.log(0.995) - 0.005 * math.log(0.005)), 1),
]


@pytest.mark.parametrize(("values", "effective", "whole"), RANKS)
def test_ranks_of_matrices_whose_singular_values_are_known(values: list[float], effective: float, whole: int) -> None:
    spectrum = singular_values(of_rank(values)[None])
    assert effective_rank(spectrum).item() == pytest.approx(effective, abs=1e-9)
    assert srank(spectrum).item() == whole


def test_what_is_not_finite_has_no_rank_and_leaves_the_others_theirs() -> None:
    both = torch.stack([of_rank([7.0, 7.0, 0.0, 0.0]), torch.full((6, 4), torch.nan, dtype=torch.float64)])
    for rank in (effective_rank, srank):
        one, other = rank(singular_values(both)).tolist()
        assert one == pytest.approx(2) and math.isnan(other)


@pytest.mark.parametrize("largest", [5.0, -5.0])
def test_the_curvature_of_a_quadratic_is_the_eigenvalue_of_largest_size(largest: float) -> None:
    a, b = (torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in ([1.0, 2.0], [[3.0]]))
    loss = 0.5 * (largest * a[0] ** 2 + 3 * a[1] ** 2 - b[0, 0] ** 2)
    found = largest_curvature(loss, [a, b], torch.ones(3, dtype=torch.float64), 60)
    assert found.item() == pytest.approx(largest)


def test_a_loss_that_is_linear_or_knows_nothing_of_the_weights_is_flat() -> None:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    c = torch.tensor([2.0], requires_grad=True)
    assert largest_curvature(a.sum(), [a], torch.ones(2), 3) == 0
    assert largest_curvature(c.square().sum(), [a], torch.ones(2), 3) == 0


def test_the_curvature_of_a_learner_is_that_of_its_whole_hessian() -> None:
    """Against all second derivatives, of a brain with so few weights that they can be had one by one."""
    cohort, probe = born((2,)), PROBE.model_copy(update={"steps": 200})
    context = Context(SEEDS, "probe:health", 0, torch.device("cpu"), planned=0, measuring=True)
    data, model = context.data("digits.valid").spread(40), cohort.member(1)
    names, start = zip(*model.named_parameters(), strict=True)

    def loss(*weights: torch.Tensor) -> torch.Tensor:
        given = (data.images, probe.source.sense_name, probe.head)
        logits = torch.func.functional_call(model, dict(zip(names, weights, strict=True)), given)
        return nn.functional.cross_entropy(logits, data.labels)

    parts = torch.autograd.functional.hessian(loss, start)
    whole = torch.cat(
        [torch.cat([b.reshape(a.numel(), -1) for b in row], 1) for a, row in zip(start, parts, strict=True)]
    )
    largest = max(torch.linalg.eigvalsh(whole).tolist(), key=abs)
    assert measured(cohort, probe)["curvature"][1].item() == pytest.approx(largest, rel=1e-4)
