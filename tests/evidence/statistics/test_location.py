"""Median and middle half beside the mean: against scipy, by hand, and their intervals against their own tests."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats.mstats import trimmed_stde

from devlearn.evidence.statistics import LOCATIONS, equivalent, mcnemar, rate_bound, skew_adjusted, t_test
from devlearn.evidence.statistics.sign_flip import equivalence

values = st.lists(st.integers(-50, 50), min_size=6, max_size=20)


@given(values)
def test_the_sign_test_is_the_binomial_one_in_which_ties_speak_for_the_null(d: list[int]) -> None:
    """For a median of 0 half of the learners, at least, are at 0 or below, and half at 0 or above."""
    x, n = np.array(d, float), len(d)
    at_most, at_least = int((x <= 0).sum()), int((x >= 0).sum())
    sides = [float(stats.binom.cdf(k, n, 0.5)) for k in (at_most, at_least)]
    median = LOCATIONS["median"]
    assert median.p(x) == pytest.approx(min(1.0, 2 * min(sides)))
    assert median.p(x, 0.0, True) == pytest.approx(sides[0])
    if at_most + at_least == n:  # no ties: the textbook's
        assert median.p(x) == pytest.approx(stats.binomtest(at_least, n).pvalue)


def test_a_median_of_0_is_not_different_from_0_however_many_learners_gain() -> None:
    """Ten of sixteen differ in nothing and six gain: a test that leaves ties out would have p = .031."""
    x = np.array([0.0] * 10 + [0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    assert LOCATIONS["median"].estimate(x) == 0
    assert LOCATIONS["median"].p(x) == 1
    assert LOCATIONS["median"].interval(x) == (0.0, 0.03)


coarse = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=6, max_size=20)


@pytest.mark.parametrize("name", LOCATIONS)
@given(coarse, st.sampled_from([0.05, 0.05 / 3, 0.2]))
def test_a_word_and_its_interval_agree_about_0(name: str, pairs: list[tuple[int, int]], alpha: float) -> None:
    """Differences of coarse accuracies, of which many are tied, and some are 0 but for rounding."""
    x, y = (np.array(side) / 10 + 0.1 for side in zip(*pairs, strict=True))
    d, size = x - y, abs(x) + abs(y)
    low, high = LOCATIONS[name].interval(d, alpha, size)
    assert (LOCATIONS[name].p(d, size=size) <= alpha) == (low > 0 or high < 0)


@pytest.mark.parametrize("name", LOCATIONS)
@given(values)
def test_an_interval_holds_what_its_test_does_not_reject(name: str, d: list[int]) -> None:
    """Just inside its ends p is above alpha, just outside it is not."""
    location, x = LOCATIONS[name], np.array(d, float)
    low, high = location.interval(x, 0.05)
    if not math.isfinite(low) or low == high:
        return
    assert low <= location.estimate(x) <= high
    step = 1e-6
    for inside, outside in ((low + step, low - step), (high - step, high + step)):
        assert location.p(x, inside) > 0.05 - 1e-9
        assert location.p(x, outside) <= 0.05 + 1e-9


def test_the_middle_half_by_hand() -> None:
    """12 values: 3 cut from each end; the winsorised standard deviation over half of sqrt 12, 5 degrees of freedom."""
    x = np.array([-90.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 400])
    middle = LOCATIONS["iqm"]
    clipped = np.array([3.0, 3, 3, 3, 4, 5, 6, 7, 8, 8, 8, 8])
    error = clipped.std(ddof=1) / (0.5 * math.sqrt(12))
    assert middle.estimate(x) == 5.5
    assert error == pytest.approx(float(trimmed_stde(x, limits=(0.25, 0.25))))
    assert middle.p(x) == pytest.approx(2 * stats.t.sf(5.5 / error, 5))
    assert middle.interval(x) == pytest.approx(tuple(5.5 + s * stats.t.ppf(0.975, 5) * error for s in (-1, 1)))


def test_the_middle_half_of_four_has_one_degree_of_freedom_and_of_one_none() -> None:
    """-9, 1, 3, 50: the middle is 2, the winsorised 1, 1, 3, 3 have sd 2 / sqrt 3; t with 1 df is Cauchy's."""
    x, middle = np.array([-9.0, 1, 3, 50]), LOCATIONS["iqm"]
    error = 2 / math.sqrt(3)
    tail = 0.5 - math.atan(2 / error) / math.pi
    assert middle.p(x) == pytest.approx(2 * tail)
    assert middle.p(x, 0.0, True) == pytest.approx(tail)
    assert middle.interval(x) == (-math.inf, math.inf)  # four signs can't reject at 5 %
    assert middle.interval(x, 0.2) == pytest.approx((2 - 3.0777 * error, 2 + 3.0777 * error), rel=1e-4)
    assert (middle.p(x[:1]), middle.interval(x[:1])) == (1.0, (-math.inf, math.inf))


def test_a_middle_half_that_does_not_vary_is_known_as_well_as_signs_can_tell() -> None:
    x, middle = np.array([-9.0, 2, 2, 2, 2, 2, 2, 50]), LOCATIONS["iqm"]
    assert [middle.p(x, shift) for shift in (0.0, 2.0, 3.0)] == [2 / 256, 1, 2 / 256]
    assert [middle.p(x, shift, True) for shift in (0.0, 2.0, 3.0)] == [1 / 256, 0.5, 1]
    assert middle.interval(x) == (2, 2)
    assert [middle.p(np.full(n, 0.2)) for n in (2, 5, 6)] == [0.5, 0.0625, 0.03125]
    assert [middle.interval(np.full(n, 0.2))[0] for n in (2, 5)] == [-math.inf] * 2


def test_the_median_of_few_has_no_ends_and_of_six_their_range() -> None:
    x, median = np.array([3.0, 1, 2, 9, 5, 4]), LOCATIONS["median"]
    assert median.interval(x[:5]) == (-math.inf, math.inf)
    assert median.interval(x) == (1, 9)
    assert median.interval(x, 0.03) == (-math.inf, math.inf)


@pytest.mark.parametrize("n", [1, 3, 6, 12])
def test_the_smallest_p_is_what_values_of_one_sign_reach(n: int) -> None:
    for name in ("mean", "median"):
        assert LOCATIONS[name].p(np.arange(1.0, n + 1)) == LOCATIONS[name].smallest_p(n) == 2 * 0.5**n
    assert LOCATIONS["iqm"].p(np.full(n, 1.0)) == LOCATIONS["iqm"].smallest_p(n) == 2 * 0.5**n


def test_one_wild_learner_moves_the_mean_alone() -> None:
    x = np.array([2.0, 2.1, 1.9, 2.2, 1.8, 2.3, 1.7, 2.0, 2.1, 1.9, 2.2, -40])
    assert LOCATIONS["mean"].p(x) > 0.5
    assert LOCATIONS["median"].p(x) < 0.01
    assert LOCATIONS["iqm"].p(x) == 2 * 0.5**12  # t alone would say less than 1e-5


@given(values)
def test_equivalence_of_a_mean_is_the_sign_flips_own(d: list[int]) -> None:
    x = np.array(d, float)
    assert equivalent(LOCATIONS["mean"], x, 5.0) == equivalence(x, 5.0)


@pytest.mark.parametrize(("k", "n"), [(0, 8), (0, 16), (0, 20), (1, 16), (5, 20)])
def test_a_failure_rate_that_is_not_excluded(k: int, n: int) -> None:
    """So few failures or fewer come in 5 % at that rate; none: 1 - .05^(1/n)."""
    bound = rate_bound(k, n)
    assert stats.binom.cdf(k, n, bound) == pytest.approx(0.05)
    if k == 0:
        assert bound == pytest.approx(1 - 0.05 ** (1 / n))
    assert rate_bound(n, n) == 1.0


@pytest.mark.parametrize(("one", "other"), [(0, 0), (5, 0), (0, 6), (3, 3), (7, 2)])
def test_mcnemar_is_binomial(one: int, other: int) -> None:
    assert mcnemar(one, other) == pytest.approx(stats.binomtest(one, one + other).pvalue if one + other else 1.0)


@given(st.lists(st.floats(-10, 10), min_size=4, max_size=20), st.lists(st.floats(-10, 10), min_size=4, max_size=20))
def test_t_is_students_and_welchs(x: list[float], y: list[float]) -> None:
    if min(np.ptp(x), np.ptp(y)) < 1e-3:
        return
    one, two = np.array(x), np.array(y)
    assert t_test([one]) == pytest.approx(float(stats.ttest_1samp(one, 0).pvalue), abs=1e-9)
    assert t_test([one, two]) == pytest.approx(float(stats.ttest_ind(one, two, equal_var=False).pvalue), abs=1e-9)
    greater = float(stats.ttest_1samp(one, 1.0, alternative="greater").pvalue)
    assert t_test([one], 1.0, "greater") == pytest.approx(greater, abs=1e-9)


def test_halls_transformation_by_hand() -> None:
    """Values 0, 0, 0, 4: mean 1, variance 4, third moment 16 (unbiased), so skewness 2 and a = 2 / 2; t = 1."""
    x = np.array([0.0, 0, 0, 4])
    a = 2 / math.sqrt(4)
    t = 1 + a / 3 + a**2 / 27 + a / 6
    assert skew_adjusted([x]) == pytest.approx(2 * stats.t.sf(t, 3))
    assert skew_adjusted([x], 0.0, "greater") == pytest.approx(stats.t.sf(t, 3))
    assert skew_adjusted([x], 0.0, "less") == pytest.approx(stats.t.cdf(t, 3))
    assert skew_adjusted([-x]) == skew_adjusted([x])


def test_three_values_are_enough_for_their_skewness_and_two_for_t() -> None:
    """0, 0, 3: mean 1, variance 3, third moment 9, so skewness 3 / sqrt 3 and a = 1; t = 1."""
    t = 1 + 1 / 3 + 1 / 27 + 1 / 6
    assert skew_adjusted([np.array([0.0, 0, 3])]) == pytest.approx(2 * stats.t.sf(t, 2))
    assert t_test([np.array([1.0, 3])]) == pytest.approx(float(stats.ttest_1samp([1.0, 3], 0).pvalue))


def test_it_is_students_t_where_nothing_is_lopsided() -> None:
    x = np.array([1.0, 2, 3, 4, 5])
    assert skew_adjusted([x], 0.0) == pytest.approx(float(stats.ttest_1samp(x, 0).pvalue))
    assert skew_adjusted([x, x - 2]) == pytest.approx(float(stats.ttest_ind(x, x - 2, equal_var=False).pvalue))


def test_what_does_not_vary() -> None:
    x = np.full(5, 2.0)
    assert (skew_adjusted([x]), skew_adjusted([x], 2.0), skew_adjusted([x], 3.0, "greater")) == (0.0, 1.0, 1.0)
    assert skew_adjusted([x[:2]]) == 1.0
