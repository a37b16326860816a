"""Evolution strategies: copies against networks of their own, ranks by hand, gradients where they are known."""

from typing import Any

import pytest
import torch
from torch import nn

from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.optimiser import Optimiser
from devlearn.stages.shared import evolution_strategy
from devlearn.stages.shared.evolution_strategy import Directions, Noise, centred_ranks, estimate_gradient, scores
from devlearn.streams import streams
from tests.learners.test_cohort import NEEDS, OBJECTIVE, UserNet, batch, cohort

SHAPES = {name: (tuple(value.shape[1:]), value.dtype) for name, value in batch(3).items()}
MEMORY = {"kind": "mlp", "width": [7, 5], "memory": "gru"}


def drawn(found: Cohort, learner: int, pairs: int) -> Directions:
    names = found.reached(OBJECTIVE, SHAPES)
    return Noise.draw(streams(found.seeds, "noise"), found, names, 1, pairs).directions(learner, 0)


@pytest.mark.parametrize("kind", ["mlp", "tanh, own critic", "conv"])
@pytest.mark.parametrize("mapper", [None, "vmap", "loop"])
def test_a_copy_scores_as_a_network_of_its_own(kind: str, mapper: Mapper | None) -> None:
    compare(cohort(kind, mapper=mapper))


@pytest.mark.parametrize("layer", ["plain", "gru"])
def test_copies_of_users_modules_too(layer: str) -> None:
    compare(Cohort(lambda: UserNet(NEEDS, layer), range(3), dtype=torch.float64))


def compare(found: Cohort) -> None:
    """Both signs of three directions, learner by learner, against modules whose weights are moved by hand."""
    data, before = batch(3), found.flat
    for learner in range(3):
        row = {name: value[learner] for name, value in data.items()}
        directions = drawn(found, learner, 3)
        told = scores(found, learner, directions, 0.1, OBJECTIVE, row)
        for side, sign in enumerate((1, -1)):
            for pair in range(3):
                loss, metrics = OBJECTIVE(moved(found.member(learner), directions, pair, 0.1 * sign), row)
                torch.testing.assert_close(told["loss"][side, pair], loss.detach())
                torch.testing.assert_close(told["accuracy"][side, pair], metrics["accuracy"])
    assert torch.equal(found.flat, before)


def moved(member: nn.Module, directions: Directions, pair: int, by: float) -> nn.Module:
    with torch.no_grad():
        weights = dict(member.named_parameters())
        for name, direction in directions.parts(directions.rows).items():
            weights[name].add_(direction[pair], alpha=by)
    return member


def test_only_what_is_scored_and_free_is_perturbed() -> None:
    found = cohort("mlp")
    names = found.reached(OBJECTIVE, SHAPES)
    assert {name for name in found.weights if "value" in name}.isdisjoint(names)
    assert any(name.startswith("body.") for name in names)
    found.freeze("body.*")
    assert all(name.startswith("heads.digits.") for name in found.reached(OBJECTIVE, SHAPES))


def test_the_size_of_a_chunk_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found, data = cohort("mlp"), batch(3)
    row = {name: value[1] for name, value in data.items()}
    directions = drawn(found, 1, 7)
    whole = scores(found, 1, directions, 0.1, OBJECTIVE, row)
    monkeypatch.setattr(evolution_strategy, "BYTES", 1)
    for name, value in scores(found, 1, directions, 0.1, OBJECTIVE, row).items():
        assert value.shape == (2, 7)
        torch.testing.assert_close(value, whole[name])


@pytest.mark.parametrize(
    ("fitness", "ranks"),
    [
        ([3.0, 1.0, 2.0, 5.0, 4.0], [0.0, -0.5, -0.25, 0.5, 0.25]),
        ([1.0, 1.0, 2.0, 2.0], [-1 / 3, -1 / 3, 1 / 3, 1 / 3]),
        ([7.0, 7.0, 7.0], [0.0, 0.0, 0.0]),
        ([float("nan"), 1.0, float("inf")], [-0.5, 0.0, 0.5]),
        ([float("nan"), 1.0, float("nan")], [-0.25, 0.5, -0.25]),
    ],
)
def test_centred_ranks_by_hand(fitness: list[float], ranks: list[float]) -> None:
    torch.testing.assert_close(centred_ranks(torch.tensor(fitness)), torch.tensor(ranks))


def test_the_gradient_of_a_plane_is_found_exactly() -> None:
    """With the directions sqrt(D) e_1 .. sqrt(D) e_D the estimate of a linear fitness a . w is a itself."""
    plane = torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float64)
    directions = Directions(2 * torch.eye(4, dtype=torch.float64), {"w": torch.Size([2, 2])})
    rise = 0.3 * directions.rows @ plane.flatten()
    torch.testing.assert_close(estimate_gradient(directions, torch.stack([rise, -rise]), 0.3)["w"], plane)


def test_the_estimate_is_the_gradient_where_there_is_one() -> None:
    """2,048 copies with a small sigma, the loss as it is (no ranks): a cosine near 1 to autograd's gradient."""
    found, data = cohort("mlp"), batch(3)
    moments: dict[str, Any] = {}
    row = {name: value[0] for name, value in data.items()}
    directions = drawn(found, 0, 4096)
    told = scores(found, 0, directions, 1e-3, OBJECTIVE, row)["loss"]
    estimate = estimate_gradient(directions, told, 1e-3)
    found.update(OBJECTIVE, data, Optimiser(found, moments, "sgd", 1e-9))
    ours = torch.cat([estimate[name].flatten() for name in estimate])
    true = torch.cat([found.weights[name].grad[0].flatten() for name in estimate])  # type: ignore[index]
    assert torch.cosine_similarity(ours, true, dim=0) > 0.95
    assert abs(ours.norm() / true.norm() - 1) < 0.1


def test_directions_are_normal_and_a_learners_own() -> None:
    """Moments of 64 directions, within five standard errors; another learner and another generation have others."""
    found = cohort("mlp", dtype=torch.float32)
    noise = Noise.draw(streams(found.seeds, "noise"), found, tuple(found.weights), 2, 64)
    rows, count = noise.directions(0, 0).rows, 64 * found.flat.shape[1]
    assert rows.shape == (64, found.flat.shape[1])
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
        assert abs(rows.double().pow(power).mean() - moment) < 5 * (variance / count) ** 0.5
    assert not torch.equal(rows, noise.directions(1, 0).rows)
    assert not torch.equal(rows, noise.directions(0, 1).rows)
