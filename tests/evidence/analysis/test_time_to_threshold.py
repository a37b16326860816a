"""Times to a level, and hot starts distinguished from faster learning, on curves with a known answer."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from devlearn.evidence.analysis.curve_matrix import curve_matrix
from devlearn.evidence.analysis.time_to_threshold import hot_start, level_pair, levels, passages, reached
from devlearn.records.reader import ArmRecords, Json
from tests.evidence.answers import content
from tests.evidence.fake_arms import ACCURACY, ENTROPY, arm

UPDATES = list(range(0, 201, 2))
LEVELS = [0.3, 0.8]
START, TOP, RATE = 0.1, 0.95, 0.03


def rise(rates: NDArray[np.float64], head: float = 0.0) -> NDArray[np.float64]:
    """(n, U) exponentials from START towards TOP; ``head`` updates ahead of time."""
    return TOP - (TOP - START) * np.exp(-np.outer(rates, np.array(UPDATES) + head))


def luck(n: int = 12, spread: float = 0.1) -> NDArray[np.float64]:
    """(n,) rates that differ between learners; a learner's is the same in all arms."""
    return RATE * np.exp(np.random.default_rng(1).normal(0, spread, n))


def compared(a: ArmRecords, b: ArmRecords, wanted: list[float] = LEVELS) -> Json:
    return content(hot_start(curve_matrix(a, ACCURACY), curve_matrix(b, ACCURACY), wanted))


def test_a_head_start_of_the_same_rate_is_a_hot_start_and_not_faster_learning() -> None:
    """exp(-r (u + 5)) runs from level to level in the same time as exp(-r u): ln(.65 / .15) / r."""
    found = compared(arm("ahead", UPDATES, rise(luck(), head=5)), arm("plain", UPDATES, rise(luck())))
    assert found["reads"] == "hot start"
    assert found["ratio"] == pytest.approx(1, abs=2e-3)
    assert found["interval"][0] < 1 < found["interval"][1]
    assert found["start"]["difference"] > 0.1


@pytest.mark.parametrize("speed", [2.0, 1.25, 0.8])
def test_another_rate_from_the_same_start_is_faster_or_slower_learning(speed: float) -> None:
    found = compared(arm("quick", UPDATES, rise(speed * luck())), arm("plain", UPDATES, rise(luck())))
    assert found["reads"] == ("faster learning" if speed > 1 else "slower learning")
    assert found["ratio"] == pytest.approx(1 / speed, rel=5e-3)
    assert found["p"] == 2 / 2**12


def test_both_at_once_and_neither() -> None:
    plain = arm("plain", UPDATES, rise(luck()))
    assert compared(arm("both", UPDATES, rise(1.5 * luck(), head=4)), plain)["reads"] == "hot start and faster learning"
    other = luck()[::-1]  # the same rates dealt to other learners: no mean difference in logs
    assert compared(arm("neither", UPDATES, rise(other)), plain)["reads"] == "neither"


def test_passages_are_the_closed_form() -> None:
    """The plain exponential takes ln((TOP - .3) / (TOP - .8)) / rate from .3 to .8."""
    slow, quick = np.full(6, RATE), np.full(6, 2 * RATE)
    one, two = (arm(name, UPDATES, rise(rates)) for name, rates in (("one", slow), ("two", quick)))
    spans = [passages(curve_matrix(found, ACCURACY), *LEVELS)[0] for found in (one, two)]
    truth = math.log((TOP - 0.3) / (TOP - 0.8)) / RATE
    assert spans[0] == pytest.approx(np.full(6, truth), rel=5e-3)
    assert spans[1] == pytest.approx(np.full(6, truth / 2), rel=5e-3)


@pytest.mark.parametrize(
    ("keys", "wanted", "says"),
    [
        ({}, [0.8], "compare.levels has 1 levels"),
        ({"schedule": "cosine"}, LEVELS, "school of odd follows a cosine schedule"),
        ({"change": [{"from": 0, "until": 9, "set": {"blur": 3.0}}]}, LEVELS, "school of odd changes on the way"),
    ],
)
def test_it_is_refused_with_its_reason(keys: dict[str, object], wanted: list[float], says: str) -> None:
    plain = arm("plain", UPDATES, rise(luck()), keys={"schedule": "constant", "change": []})
    odd = arm("odd", UPDATES, rise(luck()), keys=keys)
    for pair in ((odd, plain), (plain, odd)):
        found = compared(*pair, wanted)
        assert says in found["refused"]
        assert "ratio" not in found


def test_learners_that_cannot_be_counted_are_shown_and_few_enough_or_it_is_refused() -> None:
    """Of 12: one begins above .3, one never reaches .8, one passes both between two moments; 9 of 12 is under 80 %."""
    curves = rise(luck())
    curves[0] += 0.25
    curves[1] = np.minimum(curves[1], 0.7)
    plain = arm("plain", UPDATES, rise(luck()))
    found = compared(arm("odd", UPDATES, np.minimum(curves, 0.99)), plain)
    assert (found["n"], found["pairs"]) == (10, 12)
    assert found["not_estimable"]["arm"] == {"above": [0], "never": [1], "coarse": []}
    curves[2, 1:] = 0.9
    refused = compared(arm("odd", UPDATES, np.minimum(curves, 0.99)), plain)
    assert refused["not_estimable"]["arm"]["coarse"] == [2]
    assert "the passage is on record for 9 of 12 pairs" in refused["refused"]


def test_a_level_is_reached_when_it_was_seen() -> None:
    """.5 lies between the moments 10 and 20: it was seen at 20; a learner that enters at .5 needs nothing."""
    found = curve_matrix(
        arm("a", [0, 10, 20, 30], [[0.1, 0.4, 0.6, 0.7], [0.5, 0.2, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4]]), ACCURACY
    )
    assert list(reached(found, 0.5)) == [2, 0, 4]
    one = content(levels(found, [0.5])["0.5"])
    assert (one["n"], one["reached"], one["share"], one["until"]) == (3, 2, pytest.approx(2 / 3), 30)
    assert one["units"]["updates"] == {"median": 20.0, "restricted_mean": pytest.approx((20 + 0 + 30) / 3)}
    assert one["units"]["labels"] == {"median": 100.0, "restricted_mean": pytest.approx(200 / 3)}
    assert "env_steps" not in one["units"]


def test_the_median_is_unknown_where_under_half_got_there() -> None:
    curves = [[0.1, 0.9], [0.1, 0.2], [0.1, 0.3]]
    one = content(levels(curve_matrix(arm("a", [0, 40], curves), ACCURACY), [0.5])["0.5"])
    assert one["units"]["updates"] == {"median": None, "restricted_mean": 40.0}
    assert one["share"] == pytest.approx(1 / 3)


def test_lower_is_better_reaches_from_above() -> None:
    entropy = [[2.3, 1.0, 0.4], [2.3, 2.0, 0.9]]
    found = curve_matrix(arm("a", [0, 10, 20], np.zeros((2, 3)), entropy), ENTROPY)
    assert list(reached(found, 1.0)) == [1, 2]


def test_a_diverged_learner_without_a_declared_worst_gets_no_further() -> None:
    entropy = [[2.3, 1.0, 0.4], [2.3, 1.0, 0.4]]
    found = curve_matrix(arm("a", [0, 10, 20], np.zeros((2, 3)), entropy, diverged={1: 15}), ENTROPY)
    assert list(reached(found, 0.5)) == [2, 3]
    assert list(reached(found, 1.0)) == [1, 1]


def test_paired_times_are_censored_where_the_shorter_budget_ends() -> None:
    """a reaches .5 at 10, 10, 40 -> 20; b at 20, never, never -> 20: differences -10, -10, 0."""
    a = arm("a", [0, 10, 20, 40], [[0.1, 0.5, 0.5, 0.5]] * 2 + [[0.1, 0.2, 0.3, 0.5]])
    b = arm("b", [0, 10, 20], [[0.1, 0.4, 0.5], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1]])
    found = content(level_pair(curve_matrix(a, ACCURACY), curve_matrix(b, ACCURACY), 0.5))
    assert (found["until"], found["n"]) == (20, 3)
    assert found["difference"] == pytest.approx(-20 / 3)
    assert found["p"] == 4 / 8


def test_an_arm_without_finished_learners_has_no_answer() -> None:
    none = curve_matrix(arm("a", [0, 10], np.zeros((0, 2))), ACCURACY)
    assert content(levels(none, [0.5])["0.5"])["share"] is None
    assert level_pair(none, none, 0.5).p is None
