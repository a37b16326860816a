"""Feedback that says right or wrong, in closed form: REINFORCE's expectation is p_y times the cross-entropy gradient.

Expectations are exact: every guess that the shipped objective can make is made once, weighted by its probability.
"""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from devlearn.evidence.statistics.sign_flip import sign_flip
from devlearn.learners.brains import Head, Needs, Sense, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy, Reinforce, sample
from devlearn.learners.stacking import initialise
from devlearn.tasks.data import IMAGE_SENSE
from tests.laws.rows import context_for, make

K = 10
EYE = Sense(spaces.Box(0, 255, (6, 6), np.uint8))
NEEDS = Needs({"eye": EYE}, {"digits": Head(K)})
NONE, MEAN = Reinforce("eye", "digits", "none"), Reinforce("eye", "digits", "mean")
BRAINS: list[dict[str, Any]] = [
    {"kind": "mlp", "width": [7, 5], "activation": "tanh"},
    {"kind": "conv", "channels": [3], "width": [7]},
]


def brain_of(kind: dict[str, Any]) -> nn.Module:
    return initialise(brain_builder(kind, NEEDS), 3).double()


def images(rows: int) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    seen = torch.from_numpy(rng.integers(0, 256, (rows, 6, 6), dtype=np.uint8))
    return seen, torch.from_numpy(rng.integers(0, K, rows))


def middles(p: Tensor) -> Tensor:
    """The uniform draws that lead to each class: the middles of its stretch of the distribution p (B, K)."""
    return p.cumsum(-1) - p / 2


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def gradient(brain: nn.Module, loss: Tensor) -> Tensor:
    return flat(torch.autograd.grad(loss, list(brain.parameters()), retain_graph=True))


def expected(brain: nn.Module, seen: Tensor, label: Tensor, objective: Reinforce) -> Tensor:
    """The objective's expected gradient on all weights for one image (1, H, W): over all guesses, by probability."""
    p = torch.softmax(brain(seen, "eye", "digits"), -1).detach()  # (1, K)
    losses = [
        objective(brain, {"images": seen, "labels": label, "draws": draw.view(1, 1)})[0] for draw in middles(p)[0]
    ]
    return torch.stack([p[0, a] * gradient(brain, loss) for a, loss in enumerate(losses)]).sum(0)


def test_a_uniform_draw_becomes_each_class_with_its_probability() -> None:
    p = torch.tensor([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]], dtype=torch.float64)
    grid = ((torch.arange(64, dtype=torch.float64) + 0.5) / 64).expand(2, -1)
    drawn = sample(p.log(), grid)
    assert torch.equal(torch.stack([(drawn == a).double().mean(-1) for a in range(3)], -1), p)
    assert sample(p.log(), torch.full((2, 1), 1 - 2**-53)).flatten().tolist() == [2, 2]


def test_the_expected_gradient_on_the_logits_is_p_y_times_cross_entropys() -> None:
    """E[grad of the loss] = -p_y (e_y - p) = p_y * grad(cross-entropy) = -grad(p_y), for every label."""
    generator = torch.Generator().manual_seed(1)
    for label in range(K):
        logits = (3 * torch.randn(1, K, generator=generator, dtype=torch.float64)).requires_grad_()
        p, y = torch.softmax(logits, -1), torch.tensor([label])
        found = torch.zeros_like(logits)
        for a, draw in enumerate(middles(p.detach())[0]):
            batch = {"images": logits, "labels": y, "draws": draw.view(1, 1)}
            loss, metrics = NONE(lambda *_, logits=logits: logits, batch)
            assert metrics["reward"].item() == (a == label)
            found += p[0, a].detach() * torch.autograd.grad(loss, logits, retain_graph=True)[0]
        closed = -p[0, label] * (torch.eye(K, dtype=torch.float64)[label] - p)
        proxy = CrossEntropy("eye", "digits")(lambda *_, logits=logits: logits, {"images": logits, "labels": y})[0]
        descent = p[0, label].detach() * torch.autograd.grad(proxy, logits, retain_graph=True)[0]
        ascent = torch.autograd.grad(p[0, label], logits, retain_graph=True)[0]
        torch.testing.assert_close(found, closed.detach(), rtol=0, atol=1e-12)
        torch.testing.assert_close(found, descent, rtol=0, atol=1e-12)
        torch.testing.assert_close(found, -ascent, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", BRAINS, ids=["mlp", "conv"])
def test_the_identity_holds_through_whole_networks(kind: dict[str, Any]) -> None:
    brain, (seen, labels) = brain_of(kind), images(6)
    proxy = CrossEntropy("eye", "digits")
    for image, label in zip(seen.split(1), labels.split(1), strict=True):
        p_y = torch.softmax(brain(image, "eye", "digits"), -1)[0, label[0]]
        found = expected(brain, image, label, NONE)
        by_proxy = p_y.detach() * gradient(brain, proxy(brain, {"images": image, "labels": label})[0])
        assert found.abs().max() > 1e-4
        torch.testing.assert_close(found, by_proxy, rtol=0, atol=1e-12)
        torch.testing.assert_close(found, -gradient(brain, p_y), rtol=0, atol=1e-12)


def test_the_baseline_leaves_the_expectation_alone() -> None:
    """Two images, all K x K pairs of guesses: the mean of the other rewards is unbiased, and changes each gradient."""
    brain, (seen, labels) = brain_of(BRAINS[0]), images(2)
    p = torch.softmax(brain(seen, "eye", "digits"), -1).detach()  # (2, K)
    sums, differs = {NONE: torch.zeros(()), MEAN: torch.zeros(())}, False
    for a in range(K):
        for b in range(K):
            draws = torch.stack([middles(p)[0, a], middles(p)[1, b]]).view(2, 1)
            batch = {"images": seen, "labels": labels, "draws": draws}
            found = {objective: gradient(brain, objective(brain, batch)[0]) for objective in (NONE, MEAN)}
            differs |= not torch.allclose(found[NONE], found[MEAN])
            sums = {objective: sums[objective] + p[0, a] * p[1, b] * found[objective] for objective in sums}
    assert differs
    torch.testing.assert_close(sums[MEAN], sums[NONE], rtol=0, atol=1e-12)


def test_the_bits_are_those_that_the_feedback_can_carry() -> None:
    """One bit an event of the declared budget, and never more than the labels of the pool."""
    stage = make("guess").model_copy(update={"updates": 3, "samples": 2})
    work = stage.cost(Cohort(brain_builder(BRAINS[0], stage.needs()), [0]).member(0).to("meta"))
    assert (work.labels, work.label_bits, work.images) == (20, 3 * 8 * 2, 8)
    long = stage.model_copy(update={"updates": 1000}).cost(brain_builder(BRAINS[0], stage.needs())().to("meta"))
    assert long.label_bits == pytest.approx(20 * np.log2(10))
    by_images = stage.model_copy(update={"updates": None, "images": 17})
    assert by_images.cost(brain_builder(BRAINS[0], stage.needs())().to("meta")).label_bits == 3 * 8 * 2


LEARNERS = tuple(range(8))


def accuracies(row: str, updates: int, **keys: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Each learner's accuracy on 1,000 images of the valid split, at birth and after some updates."""
    stage = type(make(row))(updates=updates, **keys)
    cohort, context = (
        Cohort(brain_builder({"kind": "mlp", "width": [16]}, stage.needs()), LEARNERS),
        context_for(LEARNERS),
    )
    seen = context.data("mnist.valid").spread(1000)

    def score() -> np.ndarray[Any, Any]:
        with torch.no_grad():
            logits = cohort(seen.images.expand(cohort.n, -1, -1, -1), IMAGE_SENSE, "digits")
        found: np.ndarray[Any, Any] = (logits.argmax(-1) == seen.labels).double().mean(1).numpy()
        return found

    born = score()
    for _ in zip(range(updates), stage.segment(cohort, stage.begin(cohort, context), context), strict=False):
        pass
    return born, score()


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ("guess", {"updates": 150, "lr": 3e-3}),
        ("evolve", {"updates": 40, "population": 32, "batch": 128, "sigma": 0.03, "lr": 0.03}),
    ],
)
def test_right_or_wrong_is_enough_to_learn(row: str, keys: dict[str, Any]) -> None:
    """From chance to well above it over all seeds, on images that were not learned from."""
    born, grown = accuracies(row, **keys)
    assert abs(born.mean() - 0.1) < 0.05
    assert (grown - born).mean() >= 0.2
    assert sign_flip(grown - born) <= 0.01
