"""Closed forms of the losses (SCIENCE: cross-entropy and REINFORCE, PPO's clipped surrogate)."""

import math

import torch

from devlearn.learners.objectives import (
    ClippedSurrogate,
    CrossEntropy,
    Forecast,
    Inpainting,
    MutualInformation,
    NTXent,
    OwnAnswers,
    Reconstruction,
    categorical,
    gaussian,
    joint,
    per_pixel,
    surprise,
)


def constant(output: torch.Tensor) -> object:
    """A 'brain' that always answers the same."""
    return lambda observation, sense, head: output


def test_cross_entropy_of_uniform_logits_is_log_k() -> None:
    loss, metrics = CrossEntropy("s", "h")(
        constant(torch.zeros(4, 10)), {"images": torch.zeros(4, 1), "labels": torch.tensor([0, 0, 3, 4])}
    )
    assert math.isclose(loss.item(), math.log(10), rel_tol=1e-6)
    assert metrics["accuracy"].item() == 0.5


def test_own_answers_by_hand() -> None:
    """Two labelled images, p = 1/2 for either class, and two unlabelled ones, of which one answer is not believed."""
    logits = torch.tensor([[0.0, 0.0], [0.0, 0.0], [math.log(3), 0.0], [0.0, 9.0]])
    batch = {
        "images": torch.zeros(2, 3, 3, dtype=torch.uint8),
        "labels": torch.tensor([0, 1]),
        "unlabelled": torch.zeros(2, 3, 3),
        "answers": torch.tensor([1, 0]),
        "trust": torch.tensor([0.5, 0.0]),
    }
    loss, metrics = OwnAnswers("s", "h")(constant(logits), batch)
    assert math.isclose(loss.item(), math.log(2) + (0.5 * math.log(4) + 0) / 2, rel_tol=1e-6)
    assert metrics["accuracy"].item() == 0.5


def test_reconstruction_of_grey_by_zero_logits_is_log_2() -> None:
    targets = torch.full((2, 3, 3), 127.5)
    loss, metrics = Reconstruction("s", "h")(constant(torch.zeros(2, 9)), {"images": targets, "targets": targets})
    assert math.isclose(loss.item(), math.log(2), rel_tol=1e-6)
    assert metrics["error"].item() < 1e-12


def test_the_cross_entropy_of_pixels_is_torchs_and_so_is_every_bit_of_its_gradient() -> None:
    values = torch.cat([torch.randn(3, 2, 28) * 8, torch.tensor([-120.0, -20, 0, 20, 120]).expand(3, 2, 5)], -1)
    targets = torch.randint(0, 256, values.shape, dtype=torch.uint8)
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-14)):
        ours, theirs = (values.to(dtype, copy=True).requires_grad_() for _ in range(2))
        losses, squares = per_pixel(ours, targets)
        with torch.no_grad():
            assert all(map(torch.equal, per_pixel(ours, targets), (losses, squares)))
        wanted = targets.to(dtype) / 255
        expected = torch.nn.functional.binary_cross_entropy_with_logits(theirs, wanted, reduction="none")
        torch.testing.assert_close(losses, expected, rtol=tolerance, atol=tolerance)
        for total in (losses.mean((-2, -1)).sum(), expected.mean((-2, -1)).sum()):
            total.backward()
        assert torch.equal(ours.grad, theirs.grad)
        assert torch.equal(squares, (torch.sigmoid(theirs.detach()) - wanted).square())


def test_stacked_losses_are_those_of_each_learner() -> None:
    logits, labels = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 3, 0])
    whole, _ = CrossEntropy("s", "h")(constant(logits), {"images": logits, "labels": labels.expand(3, 5)})
    for i in range(3):
        alone, _ = CrossEntropy("s", "h")(constant(logits[i]), {"images": logits, "labels": labels})
        torch.testing.assert_close(whole[i], alone)


def test_contrast_of_views_that_are_all_alike_is_log_of_the_others() -> None:
    images = torch.rand(4, 3, 3)
    loss, _ = NTXent("s", "h")(constant(torch.ones(8, 5)), {"images": images, "others": images})
    assert math.isclose(loss.item(), math.log(7), rel_tol=1e-6)


def test_contrast_by_hand_and_by_its_scale() -> None:
    """Two pairs on orthogonal axes: similarity 1 to the partner, 0 to the two others, whatever the vectors' lengths."""
    images = torch.zeros(2, 3, 3)
    views = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 5.0]])
    loss, metrics = NTXent("s", "h", temperature=0.25)(constant(views), {"images": images, "others": images})
    assert math.isclose(loss.item(), math.log(1 + 2 * math.exp(-4)), rel_tol=1e-5)
    assert metrics["accuracy"].item() == 1
    swapped, metrics = NTXent("s", "h")(constant(views[[0, 1, 3, 2]]), {"images": images, "others": images})
    assert swapped > loss and metrics["accuracy"].item() == 0


def test_contrast_of_stacked_learners_is_that_of_each_and_has_finite_slopes() -> None:
    images, generator = torch.zeros(3, 4, 2, 2), torch.Generator().manual_seed(0)
    views = torch.randn(3, 8, 5, generator=generator, requires_grad=True)
    whole, metrics = NTXent("s", "h")(constant(views), {"images": images, "others": images})
    whole.sum().backward()
    assert views.grad is not None and views.grad.isfinite().all() and views.grad.abs().sum() > 0
    for i in range(3):
        alone, own = NTXent("s", "h")(constant(views[i]), {"images": images[i], "others": images[i]})
        torch.testing.assert_close(whole[i], alone)
        torch.testing.assert_close(metrics["accuracy"][i], own["accuracy"])


def assignments(*clusters: list[int], size: int = 4) -> torch.Tensor:
    """Sure logits (2B, S * K) that put row b of sub-head s into a cluster."""
    hard = [torch.nn.functional.one_hot(torch.tensor(own), size) for own in clusters]
    return torch.cat(hard, -1).float() * 1000


def told(logits: torch.Tensor, clusters: int = 4, balance: float = 1.0) -> tuple[float, float]:
    """Loss and information of one head."""
    images = torch.zeros(len(logits) // 2, 1, 1)
    objective = MutualInformation("s", ("h",), (clusters,), balance)
    loss, metrics = objective(lambda *_: (logits,), {"images": images, "others": images})
    return loss.item(), metrics["information"].item()


def test_equal_and_even_assignments_tell_log_k_and_independent_ones_nothing() -> None:
    even = [0, 1, 2, 3]
    assert math.isclose(told(assignments(even + even))[1], math.log(4), rel_tol=1e-5)
    crossed = [a for a in range(4) for _ in range(4)] + [b for _ in range(4) for b in range(4)]
    assert abs(told(assignments(crossed))[1]) < 1e-6
    assert abs(told(torch.zeros(8, 4))[1]) < 1e-6
    assert abs(told(assignments([2] * 8))[1]) < 1e-6  # all in one cluster


def test_information_of_half_sure_pairs_by_hand() -> None:
    """Two clusters; one pair in three disagrees, in either order alike: P = [[1/3, 1/6], [1/6, 1/3]]."""
    joined = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0]
    by_hand = math.log(2) - (-(2 / 3) * math.log(2 / 3) - (1 / 3) * math.log(1 / 3))
    logits = assignments(joined[0] + joined[1], size=2)
    loss, information = told(logits, 2)
    assert math.isclose(information, by_hand, rel_tol=1e-5) and math.isclose(loss, -by_hand, rel_tol=1e-5)
    assert math.isclose(
        told(assignments(joined[0] + joined[1], size=2), 2, 1.5)[0], -by_hand - math.log(2), rel_tol=1e-5
    )


def test_the_order_of_the_two_views_tells_nothing() -> None:
    """The first view always in cluster 0 where the other is in 1: P = [[0, 1/2], [1/2, 0]], log 2 and not 0."""
    logits = assignments([0] * 3 + [1] * 3, size=2)
    assert joint(logits, 2).tolist() == [[[0, 0.5], [0.5, 0]]]
    assert math.isclose(told(logits, 2)[1], math.log(2), rel_tol=1e-5)


def test_sub_heads_are_averaged_and_heads_summed() -> None:
    even, alike = [0, 1, 2, 3], [0, 0, 0, 0]
    head = assignments(even + even, alike + alike)
    images = torch.zeros(4, 1, 1)
    objective = MutualInformation("s", ("a", "b"), (4, 4))
    loss, metrics = objective(lambda *_: (head, head), {"images": images, "others": images})
    assert math.isclose(loss.item(), -math.log(4), rel_tol=1e-5)
    assert math.isclose(metrics["information"].item(), math.log(4) / 2, rel_tol=1e-5)


def test_information_of_stacked_learners_is_that_of_each_and_has_finite_slopes() -> None:
    images = torch.zeros(3, 4, 1, 1)
    logits = torch.randn(3, 8, 6, generator=torch.Generator().manual_seed(0)).mul(40).requires_grad_()
    objective = MutualInformation("s", ("h",), (3,))
    whole, _ = objective(lambda *_: (logits,), {"images": images, "others": images})
    whole.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all() and logits.grad.abs().sum() > 0
    for i in range(3):
        alone, _ = objective(lambda *_, i=i: (logits[i],), {"images": images[i], "others": images[i]})
        torch.testing.assert_close(whole[i], alone)


def test_only_hidden_pixels_count_in_a_masked_image() -> None:
    targets, hidden = torch.tensor([[[0.0, 255.0], [255.0, 0.0]]]), torch.tensor([[[True, True], [False, False]]])
    logits = torch.tensor([[0.0, math.log(3), 50.0, 50.0]])
    batch = {"images": targets, "targets": targets, "hidden": hidden}
    loss, metrics = Inpainting("s", "h")(constant(logits), batch)
    assert math.isclose(loss.item(), (math.log(2) + math.log(4 / 3)) / 2, rel_tol=1e-6)
    assert math.isclose(metrics["error"].item(), (0.25 + 0.0625) / 2, rel_tol=1e-6)


def test_a_forecast_answers_for_the_action_that_was_done() -> None:
    logits = torch.tensor([[0.0, 0.0, math.log(3), -math.log(3)]] * 2)  # two actions, two pixels
    images = torch.tensor([[[255.0, 0.0]], [[255.0, 0.0]]])
    batch = {"images": images, "targets": images, "actions": torch.tensor([0, 1])}
    loss, metrics = Forecast("s", "h", 2)(constant(logits), batch)
    assert math.isclose(loss.item(), (math.log(2) + math.log(4 / 3)) / 2, rel_tol=1e-6)
    assert math.isclose(metrics["error"].item(), (0.25 + 0.0625) / 2, rel_tol=1e-6)


def test_expected_surprise_is_the_entropy_of_the_guess() -> None:
    sure = math.log(4) - 0.75 * math.log(3)
    found = surprise(torch.tensor([[0.0, 0.0, math.log(3), -math.log(3), 40.0, -40.0]]), 3)
    torch.testing.assert_close(found, torch.tensor([[2 * math.log(2), 2 * sure, 0.0]]), atol=1e-5, rtol=1e-5)


def test_densities_agree_with_torchs_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, actions = torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 3, 1, 0])
    peer = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(categorical(logits, actions), (peer.log_prob(actions), peer.entropy()))
    parameters, actions = torch.randn(6, 4, generator=generator), torch.randn(6, 2, generator=generator)
    normal = torch.distributions.Normal(parameters[:, :2], parameters[:, 2:].exp())
    expected = normal.log_prob(actions).sum(-1), normal.entropy().sum(-1)
    torch.testing.assert_close(gaussian(parameters, actions), expected)


def surrogate(log_ratio: float, advantage: float) -> torch.Tensor:
    """The gradient of PPO's loss on the log-probability of one action."""
    logits = torch.tensor([[log_ratio, 0.0]], requires_grad=True)
    log_p = torch.log_softmax(logits, -1)[:, 0].detach() - log_ratio
    objective = ClippedSurrogate("s", "a", "c", True, normalise_advantages=False, value=0.0)
    batch = {
        "observations": torch.zeros(1, 1),
        "actions": torch.tensor([0]),
        "log_p": log_p,
        "advantages": torch.tensor([advantage]),
        "returns": torch.zeros(1),
        "values": torch.zeros(1),
    }
    loss, _ = objective(lambda *_: (logits, torch.zeros(1, 1)), batch)
    loss.backward()
    assert logits.grad is not None
    return logits.grad


def test_the_surrogate_stops_pushing_where_the_ratio_has_gone_far_enough() -> None:
    beyond, within = math.log(1.5), math.log(1.1)
    assert surrogate(beyond, 1.0).abs().sum() == 0
    assert surrogate(-beyond, -1.0).abs().sum() == 0
    assert surrogate(within, 1.0)[0, 0] < 0
    assert surrogate(-beyond, 1.0)[0, 0] < 0  # a good action that became less likely is still pushed up


def test_the_value_loss_is_clipped_around_the_old_value() -> None:
    values = torch.tensor([[1.0]], requires_grad=True)
    objective = ClippedSurrogate("s", "a", "c", True, normalise_advantages=False)
    batch = {"returns": torch.tensor([1.0]), "values": torch.tensor([0.0])}
    loss = objective._value_loss(values.squeeze(-1), batch)
    assert math.isclose(loss.item(), 0.5 * 0.8**2, rel_tol=1e-6)  # max of (1 - 1)^2 and (0.2 - 1)^2, halved
