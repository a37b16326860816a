"""The student whose learning curves are known: its scores, and the two divisions of a course in closed form."""

import numpy as np
import pytest
from devlearn_envs.strategic_student import StrategicStudent, by_progress, optimal

CURVES = ((1.0, 0.6, 2.0, 0.0), (0.2, 0.1, 0.03, 0.5))


def test_a_student_scores_as_its_learning_curves_say_and_the_return_is_the_mean_score() -> None:
    course = StrategicStudent(2, *CURVES, limit=40)
    course.reset(np.zeros(2, np.int64), np.ones(2, bool))
    total = np.zeros(2)
    for t in range(40):
        reward, terminated, truncated = course.step(np.array([t % 4, 2]))
        total += reward
        assert terminated.all() == (t == 39) and not truncated.any()
    even = [c * (1 - np.exp(-10 * b)) for c, b in zip(*CURVES, strict=True)]
    np.testing.assert_allclose(course.observe()[0], [*even, 0], rtol=1e-6)
    assert total == pytest.approx([np.mean(even), 0.5 * (1 - np.exp(-1.2))], abs=1e-6)


@pytest.mark.parametrize("practices", [3, 40, 500])
def test_the_best_division_of_a_course_is_what_taking_the_largest_gain_each_time_gives(practices: int) -> None:
    ceilings, rates = (np.array(part) for part in CURVES)
    counts = np.zeros(4)
    for _ in range(practices):
        counts[np.argmax(ceilings * np.exp(-rates * counts) * -np.expm1(-rates))] += 1
    found = optimal(*CURVES, practices)
    assert found.sum() == pytest.approx(practices) and found.min() >= 0 and found[3] == 0
    np.testing.assert_allclose(found, counts, atol=1.5)


def test_a_division_by_progress_begins_in_proportion_to_it_and_ends_by_the_rates_alone() -> None:
    ceilings, rates = (np.array(part) for part in CURVES)
    small = ceilings * -np.expm1(-rates) * np.expm1(rates) / rates  # what one practice brings, as log1p begins
    np.testing.assert_allclose(by_progress(*CURVES, 1e-6), 1e-6 * small / small.sum(), rtol=1e-4)
    late, later = (by_progress(*CURVES, practices) for practices in (5_000, 10_000))
    np.testing.assert_allclose((later - late)[:3] / (later - late)[0], rates[0] / rates[:3], rtol=1e-3)
    assert later.sum() == pytest.approx(10_000) and later[3] == 0
