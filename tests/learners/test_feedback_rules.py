"""What a caregiver's answers are worth, and what each rule makes of them, in closed form (SCIENCE 5)."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from devlearn.learners.objectives import Feedback, FeedbackRule, partial_label
from devlearn.stages.shared.feedback import Caregiver, Rung

K = 10
EVERY = torch.arange(K)


def answers_left(rung: Rung, s: int = 3) -> tuple[Tensor, Tensor]:
    """For every guess and label the answers left, (K, K, K), and whether the guess was called right, (K, K)."""
    guesses, labels = EVERY[:, None].expand(K, K), EVERY.expand(K, K)
    caregiver, keys = Caregiver(rung, K, s), torch.rand(K, K, K, generator=torch.Generator().manual_seed(1))
    return caregiver.possible(guesses, labels, labels, keys), guesses == labels


@pytest.mark.parametrize(("rung", "expected"), [("none", 0.1), ("judgement", 0.2), ("distance", 0.28), ("label", 1.0)])
def test_the_best_next_guess_is_right_as_often_as_there_are_outcomes(rung: Rung, expected: float) -> None:
    """One deterministic answer, uniform labels and guesses: distinct outcomes / K."""
    left, _ = answers_left(rung)
    assert float((1 / left.sum(-1).double()).mean()) == pytest.approx(expected)
    assert left.gather(-1, EVERY.expand(K, K).unsqueeze(-1)).all(), "the right answer is always left"
    said = Caregiver(rung, K).said(EVERY)
    outcomes = np.mean([len(set(row.tolist())) for row in said]) if rung != "none" else 1
    assert outcomes / K == pytest.approx(expected)


@pytest.mark.parametrize("s", [1, 2, 5, 9])
def test_a_hint_leaves_as_many_answers_as_it_says(s: int) -> None:
    left, _ = answers_left("hint", s)
    assert (left.sum(-1) == s).all() and left.gather(-1, EVERY.expand(K, K).unsqueeze(-1)).all()


@pytest.mark.parametrize(
    ("rung", "s", "bits"),
    [
        ("none", 1, 0.0),
        ("judgement", 1, 0.46899559358928117),
        ("hint", 2, math.log2(5)),
        ("hint", 5, 1.0),
        ("label", 1, math.log2(10)),
        ("explanation", 1, 0.46899559358928117),
    ],
)
def test_an_answer_tells_its_mutual_information_with_the_label(rung: Rung, s: int, bits: float) -> None:
    assert Caregiver(rung, K, s).bits == pytest.approx(bits)


def test_a_distance_tells_where_in_the_row_the_label_is() -> None:
    def entropy(*counts: int) -> float:
        return -sum(count / K * math.log2(count / K) for count in counts if count)

    assert Caregiver("distance", K).bits == pytest.approx(np.mean([entropy(1, a, K - 1 - a) for a in range(K)]))


@pytest.mark.parametrize("rung", ["judgement", "distance", "hint", "label"])
def test_bits_under_noise_are_those_of_what_is_really_said(rung: Rung) -> None:
    """The mutual information of many noisy answers with their labels, counted, is the declared one."""
    caregiver, count, classes = Caregiver(rung, 4, 2, noise=0.3), 400_000, 4
    rng = torch.Generator().manual_seed(7)
    guesses, labels = (torch.randint(classes, (count,), generator=rng) for _ in range(2))
    wrong, which = (torch.rand(count, generator=rng) for _ in range(2))
    meant = caregiver.meant(guesses, labels, wrong, which)
    left = caregiver.possible(guesses, labels, meant, torch.rand(count, classes, generator=rng))
    told = (left * 2 ** torch.arange(classes)).sum(-1)
    table = np.zeros((classes, classes, 2**classes))
    np.add.at(table, (guesses.numpy(), labels.numpy(), told.numpy()), 1)
    p = table / table.sum((1, 2), keepdims=True)

    def h(x: np.ndarray) -> np.ndarray:
        return -(x * np.log2(np.where(x > 0, x, 1))).sum(-1)

    counted = (h(p.sum(1)) + h(p.sum(2)) - h(p.reshape(classes, -1))).mean()
    assert caregiver.bits == pytest.approx(counted, abs=2e-3)
    assert caregiver.bits < Caregiver(rung, 4, 2).bits


def test_the_declared_share_of_answers_is_wrong() -> None:
    caregiver, count = Caregiver("judgement", K, noise=0.25), 100_000
    rng = torch.Generator().manual_seed(3)
    guesses, labels = (torch.randint(K, (count,), generator=rng) for _ in range(2))
    draws = (torch.rand(count, generator=rng) for _ in range(2))
    right = caregiver.meant(guesses, labels, *draws) == guesses
    assert float((right != (guesses == labels)).double().mean()) == pytest.approx(0.25, abs=0.005)


# ---- rules -------------------------------------------------------------------------------------------------------


class Logits(torch.nn.Module):
    """A brain whose logits are its only weights."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__()
        self.z = torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))

    def forward(self, images: Tensor, *_: str) -> Tensor:
        return self.z.expand(len(images), -1)


Z = (0.3, -1.2, 0.8, 0.0)
LABEL = 2


def expected_gradient(rule: FeedbackRule, rung: Rung = "judgement", noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """The gradient of the loss, averaged over all guesses as likely as softmax gives them, and these probabilities.

    Under noise over both judgements too.
    """
    brain = Logits(Z)
    p = brain.z.detach().softmax(-1)
    every, total = torch.arange(len(Z)), torch.zeros(len(Z), dtype=torch.float64)
    caregiver, labels = Caregiver(rung, len(Z)), torch.full((len(Z),), LABEL)
    for said_wrong, share in ((False, 1 - noise), (True, noise)):
        meant = torch.where(every == LABEL, (every + 1) % len(Z), every) if said_wrong else labels
        left, right = caregiver.possible(every, labels, meant), meant == every
        for guess in range(len(Z)):
            batch = {
                "images": torch.zeros(1, 1),
                "guesses": torch.tensor([[guess]]),
                "right": right[guess].view(1, 1),
                "possible": left[guess].view(1, 1, -1),
                "heard": torch.ones(1, 1),
            }
            loss, _ = Feedback("", "", rule, "none")(brain, batch)
            (own,) = torch.autograd.grad(loss, brain.z)
            total += share * float(p[guess]) * own
    return total, p


def one_hot(k: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(k), len(Z)).double()


def test_reinforce_follows_the_accuracy_of_guessing() -> None:
    """The expected gradient of what is gained is p_y (e_y - p)."""
    found, p = expected_gradient("reinforce")
    torch.testing.assert_close(-found, p[LABEL] * (one_hot(LABEL) - p))


def test_coach_follows_it_at_twice_the_pace_and_rests_where_a_guess_is_sure() -> None:
    """E[(2 r - 1) (e_a - p)] = 2 p_y (e_y - p): the feedback for wrong guesses is a baseline. Noise only slows it."""
    found, p = expected_gradient("coach")
    torch.testing.assert_close(-found, 2 * p[LABEL] * (one_hot(LABEL) - p))
    noisy, _ = expected_gradient("coach", noise=0.2)
    torch.testing.assert_close(noisy, (1 - 2 * 0.2) * found)
    assert float(found.abs().max()) > 0.01
    for sure in range(len(Z)):  # at the corners nothing moves, right or wrong
        corner = one_hot(sure)
        assert float((2 * corner[LABEL] * (one_hot(LABEL) - corner)).abs().max()) == 0


def test_tamer_rests_where_logits_foretell_the_judgement() -> None:
    """The gradient at z is 2 p_a (z_a - P(called right | a)): zero at 1 - noise for the label and noise elsewhere."""
    for noise in (0.0, 0.2):
        found, p = expected_gradient("tamer", noise=noise)
        called_right = torch.where(torch.arange(len(Z)) == LABEL, 1 - noise, noise).double()
        torch.testing.assert_close(found, 2 * p * (torch.tensor(Z, dtype=torch.float64) - called_right))


def test_the_likelihood_of_what_is_left_pulls_towards_it_as_it_is_believed() -> None:
    """The gradient of -log sum_C p is p - p restricted to C; it is the cross-entropy's where one answer is left."""
    z = torch.tensor([Z], dtype=torch.float64, requires_grad=True)
    p = z.detach().softmax(-1)[0]
    for left in ([2], [0, 2], [0, 1, 3], [0, 1, 2, 3]):
        inside = torch.zeros(len(Z), dtype=torch.bool)
        inside[left] = True
        loss = partial_label(z.log_softmax(-1), inside[None, None])
        (found,) = torch.autograd.grad(loss.sum(), z)
        torch.testing.assert_close(found[0], p - torch.where(inside, p, 0.0) / p[inside].sum())
    told, _ = expected_gradient("likelihood", "label")
    torch.testing.assert_close(told, p - one_hot(LABEL))


def test_the_likelihood_of_judgements_is_reinforce_and_a_push_away_from_what_was_wrong() -> None:
    """E = -sum_a p_a grad log P(C_a) = p_y (p - e_y) + sum_(a != y) p_a (p - p restricted to the rest)."""
    found, p = expected_gradient("likelihood")
    expected = p[LABEL] * (p - one_hot(LABEL))
    for wrong in (k for k in range(len(Z)) if k != LABEL):
        rest = torch.where(one_hot(wrong).bool(), 0.0, p)
        expected = expected + p[wrong] * (p - rest / rest.sum())
    torch.testing.assert_close(found, expected)
