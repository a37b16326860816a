"""Proxy and metric: curves in which the answer can be read off."""

import numpy as np
import pytest

from devlearn.evidence.analysis.proxy import agreement, proxy_and_metric
from devlearn.records.reader import ArmRecords, Json
from devlearn.records.schema import MetricEntry, ProbeEntry
from tests.evidence.answers import content
from tests.evidence.fake_arms import ACCURACY, ENTROPY, arm, run

UPDATES = [0, 10, 20, 30, 40, 50, 60]  # 10 to 50 are on the way


def agreed(made: ArmRecords) -> Json:
    return content(agreement(made, ENTROPY, ACCURACY))


def both(accuracy: list[list[float]], entropy: list[list[float]], **keys: object) -> ArmRecords:
    """Curves over the moments on the way; birth and end are made so that they would change the answer."""
    ends = [[0.9, *row, 0.0] for row in accuracy], [[0.0, *row, 9.0] for row in entropy]
    return arm("a", UPDATES, ends[0], ends[1], **keys)  # type: ignore[arg-type]


def test_a_proxy_that_goes_along_has_correlation_one_and_one_that_goes_against_minus_one() -> None:
    rising, falling = [0.1, 0.2, 0.4, 0.5, 0.8], [2.0, 1.9, 1.0, 0.9, 0.1]
    good = agreed(both([rising] * 3, [falling] * 3))
    assert (good["spearman"], good["n"], good["moments"]) == (pytest.approx(1), 3, 5)
    assert good["steps"] == {
        "both_improved": 1.0, "only_proxy_improved": 0.0, "only_metric_improved": 0.0, "both_worsened": 0.0,
        "tied": 0.0, "count": 12,
    }  # fmt: skip
    bad = agreed(both([rising] * 3, [falling[::-1]] * 3))
    assert bad["spearman"] == pytest.approx(-1)
    assert bad["steps"]["only_metric_improved"] == 1.0


def test_signs_of_steps_by_hand_early_and_late() -> None:
    """Steps 10-20 and 20-30 are early. Accuracy + - + 0, cross-entropy falls, falls, rises, falls."""
    found = agreed(both([[0.1, 0.3, 0.2, 0.5, 0.5]], [[2.0, 1.0, 0.5, 0.7, 0.6]]))
    expected = {
        "steps": (0.25, 0.25, 0.25, 0.0, 0.25, 4),
        "early": (0.5, 0.5, 0.0, 0.0, 0.0, 2),
        "late": (0.0, 0.0, 0.5, 0.0, 0.5, 2),
    }
    for part, numbers in expected.items():
        assert tuple(found[part].values()) == numbers


def test_the_interval_is_over_learners_and_the_inestimable_are_counted() -> None:
    """Correlations 1, .9 (ranks 1 2 3 5 4) and .8 (2 1 3 5 4), one learner that never moves, one that diverged.

    The t-interval of 1, .9, .8 is .9 +- 4.30265 * .1 / sqrt(3), and a correlation ends at 1.
    """
    up, down = [0.1, 0.2, 0.3, 0.4, 0.5], [5.0, 4.0, 3.0, 2.0, 1.0]
    swapped, twice = [0.1, 0.2, 0.3, 0.5, 0.4], [0.2, 0.1, 0.3, 0.5, 0.4]
    found = agreed(both([up, swapped, twice, [0.1] * 5, up], [down] * 5, diverged={4: 30}))
    assert (found["n"], found["not_estimable"]) == (3, 2)
    assert found["spearman"] == pytest.approx(0.9)
    assert found["interval"] == pytest.approx([0.9 - 4.30265 * 0.1 / 3**0.5, 1.0], abs=1e-5)


def test_too_short_a_curve_is_refused() -> None:
    found = agreed(arm("a", [0, 10], np.ones((2, 2)), np.ones((2, 2))))
    assert "2 moments on record" in found["refused"]
    still = agreed(arm("a", UPDATES, np.ones((2, 7)), np.ones((2, 7))))
    assert still["refused"] == "no learner has a curve that is known and moves"


def test_the_pair_is_accuracy_and_its_cross_entropy_of_the_compared_probe() -> None:
    for what in (ACCURACY, ENTROPY):
        found = proxy_and_metric(run([{}], {}).resolved.probes, what.key[0])
        assert found is not None
        assert [one.label for one in found] == ["digits.cross_entropy", "digits.accuracy"]
    metrics = {"return": MetricEntry(better="higher"), "length": MetricEntry(better="lower")}
    other = {"reach": ProbeEntry(kind="return", metrics=metrics)}
    assert proxy_and_metric(other, "reach") is None


def test_any_two_measures_can_be_asked_for() -> None:
    """A measure against itself goes along with itself, whichever direction is better."""
    made = both([[0.1, 0.3, 0.2, 0.5, 0.6]] * 2, [[2.0, 1.0, 0.5, 0.7, 0.6]] * 2)
    assert content(agreement(made, ACCURACY, ACCURACY))["spearman"] == pytest.approx(1)
    assert content(agreement(made, ENTROPY, ENTROPY))["steps"]["both_improved"] == 0.75
