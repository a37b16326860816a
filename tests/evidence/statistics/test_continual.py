"""Metrics of a life of tasks, worked by hand on a matrix of three tasks in which they all differ."""

import numpy as np
import pytest

from devlearn.evidence.statistics import continual as of

BIRTH = [0.10, 0.20, 0.15]
R = [BIRTH, [0.90, 0.25, 0.10], [0.92, 0.80, 0.30], [0.50, 0.70, 0.95]]
LEARNED = of.diagonal(3)
EXPERT = [0.95, 0.85, 0.97]
BY_HAND = {
    "average": (0.50 + 0.70 + 0.95) / 3,
    "learning_accuracy": (0.90 + 0.80 + 0.95) / 3,
    "forgetting": ((0.92 - 0.50) + (0.80 - 0.70)) / 2,  # the first task was best after the second stage
    "backward_transfer": ((0.50 - 0.90) + (0.70 - 0.80)) / 2,
    "forward_transfer": ((0.25 - 0.20) + (0.30 - 0.15)) / 2,
    "area": (0.90 + (0.92 + 0.80) / 2 + (0.50 + 0.70 + 0.95) / 3) / 3,
    "performance_maintenance": (((0.92 + 0.50) / 2 - 0.90) + (0.70 - 0.80)) / 2,
    "forward_contrast": (0.05 / 0.45 - 0.05 / 0.25 + 0.20 / 0.40) / 3,
    "backward_contrast": (0.02 / 1.82 - 0.42 / 1.42 - 0.10 / 1.50) / 3,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_every_metric_of_the_matrix_by_hand(name: str) -> None:
    assert float(getattr(of, name)(R, LEARNED)) == pytest.approx(BY_HAND[name], abs=1e-12)


def test_metrics_against_the_expert_by_hand() -> None:
    assert float(of.intransigence(R, LEARNED, EXPERT)) == pytest.approx((0.05 + 0.05 + 0.02) / 3)
    assert float(of.relative_performance([0.6, 0.9], [0.8, 0.6])) == pytest.approx((0.75 + 1.5) / 2)
    assert float(of.sample_efficiency([0.9, 0.6], [100, 50], [1.0, 0.8], [300, 100])) == pytest.approx((2.7 + 1.5) / 2)


def test_they_all_differ_and_the_matrix_tells_a_wrong_row_from_the_right_one() -> None:
    golden = [*BY_HAND.values(), (0.05 + 0.05 + 0.02) / 3]
    assert min(abs(a - b) for i, a in enumerate(golden) for b in golden[:i]) > 0.005
    assert abs(abs(BY_HAND["forgetting"]) - abs(BY_HAND["backward_transfer"])) > 0.005


def test_learners_are_leading_axes() -> None:
    two = np.stack([R, np.square(R)])  # (2, S + 1, T)
    for name, value in BY_HAND.items():
        found = getattr(of, name)(two, LEARNED)
        assert found.shape == (2,) and found[0] == pytest.approx(value) and found[1] != pytest.approx(value)


def test_other_stages_may_stand_between_the_tasks() -> None:
    """A stage without a skill of its own changes the row before a task and the row at the end, and no other."""
    longer = [BIRTH, R[1], R[2], [0.91, 0.79, 0.35], [0.45, 0.72, 0.95], [0.40, 0.60, 0.93]]
    learned = [1, 2, 4]  # something without a task after the second, and after the third
    assert float(of.learning_accuracy(longer, learned)) == pytest.approx((0.90 + 0.80 + 0.95) / 3)
    assert float(of.forward_transfer(longer, learned)) == pytest.approx((0.05 + (0.35 - 0.15)) / 2)
    assert float(of.forgetting(longer, learned)) == pytest.approx((0.52 + 0.20 + 0.02) / 3)
    assert float(of.backward_transfer(longer, learned)) == pytest.approx((-0.50 - 0.20 - 0.02) / 3)


def test_one_task_has_nothing_to_forget_and_nothing_to_carry_over() -> None:
    alone = [[0.1], [0.9]]
    for name in ("forgetting", "backward_transfer", "forward_transfer", "performance_maintenance", "forward_contrast"):
        assert np.isnan(getattr(of, name)(alone, [1])), name
    assert float(of.average(alone, [1])) == float(of.area(alone, [1])) == 0.9


def test_an_unknown_score_makes_what_needs_it_unknown() -> None:
    broken = np.array(R)
    broken[2, 0] = np.nan
    assert np.isnan(of.forgetting(broken, LEARNED)) and np.isnan(of.area(broken, LEARNED))
    assert float(of.average(broken, LEARNED)) == pytest.approx(BY_HAND["average"])


def test_normalised_scores_put_birth_at_zero_and_the_expert_at_one() -> None:
    found = of.normalised(R, BIRTH, EXPERT)
    assert found[0] == pytest.approx([0, 0, 0]) and of.normalised([EXPERT], BIRTH, EXPERT)[0] == pytest.approx([1] * 3)
    assert found[3, 0] == pytest.approx((0.50 - 0.10) / (0.95 - 0.10))
    losses = of.normalised([[2.3], [1.3]], [2.3], [0.3])  # lower is better
    assert losses[:, 0] == pytest.approx([0, 0.5])
    assert np.isnan(of.normalised([[0.3]], [0.5], [0.5])).all()  # an expert that learned nothing


def test_contrasts_are_of_scores_from_zero_on() -> None:
    assert float(of.backward_contrast([[0, 0], [0, 0], [0, 1]], [1, 2])) == 0
    assert np.isnan(of.backward_contrast([[0, 0], [-1, 0], [1, 1]], [1, 2]))
