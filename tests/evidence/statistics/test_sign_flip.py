"""The one test and the statistics around it, against hand-worked numbers, brute force and simulation."""

import importlib
import itertools
import math
from typing import Literal

import numpy as np
import pytest
from scipy import stats

from devlearn.evidence import statistics as t

statistic = importlib.import_module("devlearn.evidence.statistics.sign_flip")

# Sorted -8, 1, 2, 3, 4, 10, 30, 40: mean 82/8, median 3.5, the middle half is 2, 3, 4, 10.
UNEVEN = [30.0, 1.0, 2.0, -8.0, 3.0, 4.0, 10.0, 40.0]


def test_mean_median_and_iqm_of_a_lopsided_sample_differ() -> None:
    assert (np.mean(UNEVEN), np.median(UNEVEN), t.iqm(UNEVEN)) == (10.25, 3.5, 4.75)
    assert t.iqm([1, 2, 3, 50, 60]) == pytest.approx(55 / 3)  # floor(5 / 4) = 1 cut from each end


@pytest.mark.parametrize(
    ("d", "p"),
    [
        ([1, 2, 3], 2 / 8),  # sums +-6 +-4 +-2 +-0: only all or none flipped reaches 6
        ([1, 2, -3], 8 / 8),  # the sum is 0, so everything reaches it
        ([1, 1, -1], 8 / 8),  # |sum| is 1 or 3 for every flip: ties count
        ([3, 2, -1], 4 / 8),  # 4: +-(3+2+1) and +-(3+2-1)
        ([1, 2, 3, 4], 2 / 16),
        ([1, 2, 3, -1], 6 / 16),  # 5: +-7 once, +-5 twice
        ([0, 0, 0, 0], 1.0),
    ],
)
def test_sign_flip_by_hand(d: list[float], p: float) -> None:
    assert t.sign_flip(d) == p


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_sum_below_zero_is_as_far_from_it_whatever_the_unit(scale: float) -> None:
    assert t.sign_flip(-scale * np.array([1.0, 2, 3, -1])) == 6 / 16
    assert t.sign_flip(scale * np.array([1.0, 2, 3, -1])) == 6 / 16


def test_one_sided_sign_flip_by_hand() -> None:
    assert t.sign_flip([1, 2, 3], alternative="greater") == 1 / 8
    assert t.sign_flip([-1, -2, -3], alternative="greater") == 1.0
    assert t.sign_flip([1, 2, 3, -1], alternative="greater") == 3 / 16


def test_ties_that_rounding_breaks_are_counted() -> None:
    d = [0.1, 0.2, -0.3]  # sums to 5.6e-17 in floating point
    assert sum(d) != 0
    assert t.sign_flip(d) == 1.0


@pytest.mark.parametrize("n", [1, 5, 10, 16])
def test_sign_flip_equals_listing_all_flips(n: int) -> None:
    d = np.random.default_rng(n).normal(0.3, 1, n)
    signs = np.array(list(itertools.product([1, -1], repeat=n)))
    hits = np.abs(signs @ d) >= abs(d.sum()) - 1e-12
    assert t.sign_flip(d) == hits.mean()


def test_monte_carlo_agrees_with_the_exact_test_where_both_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    d = np.random.default_rng(3).normal(0.4, 1, 12)
    exact, (low, high) = t.sign_flip(d), t.interval(d)
    module = importlib.import_module("devlearn.evidence.statistics.sign_flip")
    monkeypatch.setattr(module, "EXACT", 8)
    spread = math.sqrt(exact * (1 - exact) / t.FLIPS)
    assert t.sign_flip(d) == pytest.approx(exact, abs=5 * spread)
    assert t.interval(d) == pytest.approx((low, high), abs=0.02)


def test_monte_carlo_never_says_zero_and_repeats_itself() -> None:
    d = np.full(40, 1.0)
    assert t.sign_flip(d) == 1 / (1 + t.FLIPS)
    noisy = np.random.default_rng(0).normal(0.2, 1, 24)
    assert t.sign_flip(noisy) == t.sign_flip(noisy)


@pytest.mark.parametrize("n", [6, 7, 9])
def test_interval_is_the_set_of_shifts_that_the_test_keeps(n: int) -> None:
    """Brute force: the ends are subset means; just inside the test keeps the shift, just outside it rejects."""
    d = np.random.default_rng(n).normal(0, 1, n)
    low, high = t.interval(d)
    means = [np.mean(s) for r in range(1, n + 1) for s in itertools.combinations(d, r)]
    assert np.min(np.abs(np.array(means) - low)) < 1e-12
    assert np.min(np.abs(np.array(means) - high)) < 1e-12
    kept = [t.sign_flip(d, shift) > 0.05 for shift in (low - 1e-6, low + 1e-6, d.mean(), high - 1e-6, high + 1e-6)]
    assert kept == [False, True, True, True, False]


def test_interval_by_hand_at_six_seeds_is_the_range() -> None:
    """n = 6: p < 0.05 only when no sign differs, so every shift between the extremes is kept."""
    assert t.interval([1, 2, 3, 4, 5, 9]) == pytest.approx((1, 9))


def test_too_few_seeds_have_no_interval() -> None:
    assert t.interval([1.0, 1.1, 0.9, 1.0, 1.2]) == (-math.inf, math.inf)
    assert t.smallest_p(5) == 1 / 16 > t.ALPHA > t.smallest_p(6) == 1 / 32


@pytest.mark.parametrize("n", [20, 33])
def test_monte_carlo_interval_inverts_the_monte_carlo_test(n: int) -> None:
    d = np.random.default_rng(n).normal(0.1, 1, n)
    low, high = t.interval(d)
    kept = [t.sign_flip(d, shift) > 0.05 for shift in (low - 1e-6, low + 1e-6, high - 1e-6, high + 1e-6)]
    assert kept == [False, True, True, False]


@pytest.mark.parametrize("draw", [stats.norm(0, 1), stats.t(3), stats.uniform(-1, 2)], ids=["normal", "t3", "uniform"])
def test_false_positives_come_at_the_attainable_size(draw: stats.rv_continuous) -> None:
    """A/A at n = 8: p takes multiples of 2/256, so p <= 0.05 has probability 12/256; 4,000 simulated experiments."""
    experiments, size = 4000, 12 / 256
    d = draw.rvs(size=(experiments, 8), random_state=np.random.default_rng(11))
    rate = np.mean([t.sign_flip(row) <= t.ALPHA for row in d])
    assert rate == pytest.approx(size, abs=4 * math.sqrt(size * (1 - size) / experiments))


def test_intervals_cover_at_their_attainable_rate() -> None:
    experiments, truth, rate = 2000, 0.7, 1 - 12 / 256
    d = np.random.default_rng(12).normal(truth, 2, (experiments, 8))
    covered = np.mean([low <= truth <= high for low, high in map(t.interval, d)])
    assert covered == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / experiments))


def test_equivalence_at_its_edge_is_wrong_one_time_in_twenty() -> None:
    """True difference exactly the smallest effect: one-sided p <= 0.05 has probability 12/256 at n = 8."""
    experiments, size = 2000, 12 / 256
    d = np.random.default_rng(13).normal(1.0, 0.3, (experiments, 8))
    rate = np.mean([t.equivalence(row, 1.0) <= t.ALPHA for row in d])
    assert rate == pytest.approx(size, abs=4 * math.sqrt(size * (1 - size) / experiments))


def test_equivalence_by_hand() -> None:
    """d + 2 and 2 - d are both all positive: each one-sided p is 1/2^n; with a smaller margin neither is."""
    d = [0.1, -0.2, 0.3, 0.0, -0.1]
    assert t.equivalence(d, 2.0) == 1 / 32
    assert t.equivalence(d, 0.05) > 0.05


def test_holm_by_hand() -> None:
    """Sorted .01 .02 .03 .2: x4 = .04, x3 = .06, x2 = .06, x1 = .2, each at least the one before."""
    assert t.holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert t.holm([0.5, 0.9]) == [1.0, 1.0]
    assert t.holm([0.01, None]) == [0.02, None]
    assert t.holm([]) == []


def test_looks_multiply_what_holm_gives() -> None:
    """.01 and .4 of three, one of them unknown: .03 and .8; three looks make .09 of the first, and 1 of the second."""
    assert t.holm([0.01, None, 0.4]) == [pytest.approx(0.03), None, pytest.approx(0.8)]
    assert t.adjusted([0.01, None, 0.4], 3) == [pytest.approx(0.09), None, 1.0]
    assert t.adjusted([0.01, 0.02, 0.4]) == t.holm([0.01, 0.02, 0.4])
    assert t.holm([0.9, 0.6]) == [1.0, 1.0]
    assert t.share(4) == 0.05 / 4


def test_welch_is_scipys_and_knows_its_edges() -> None:
    x, y = [1.0, 2.0, 4.0], [2.0, 2.5, 9.0, 1.0]
    p, (low, high) = t.welch(x, y)
    assert p == stats.ttest_ind(x, y, equal_var=False).pvalue
    assert low < np.mean(x) - np.mean(y) < high
    assert t.welch([1] * 4, [1] * 4) == (1.0, (0.0, 0.0))
    assert t.welch([1], [2, 3]) == (1.0, (-math.inf, math.inf))
    assert t.welch_equivalence([1.0, 1.1, 0.9], [1.0, 1.05, 0.95], 1.0) < 0.05 < t.welch_equivalence(x, y, 0.1)


def test_welch_equivalence_by_hand_of_unequal_variances() -> None:
    """Means 3 and 2, variances 4 and .5, standard error sqrt(4 / 3 + .5 / 6); with one variance for both it is 1.07.

    Degrees of freedom (17 / 12)^2 / ((4 / 3)^2 / 2 + (1 / 12)^2 / 5) = 2.254; the difference of 1 is 1 from the nearer
    end of a margin of 2, on either side.
    """
    x, y = [1.0, 3.0, 5.0], [2 - 0.625**0.5, 2.0, 2 + 0.625**0.5, 2 - 0.625**0.5, 2.0, 2 + 0.625**0.5]
    assert (np.var(x, ddof=1), np.var(y, ddof=1)) == (4, pytest.approx(0.5))
    df = (17 / 12) ** 2 / ((4 / 3) ** 2 / 2 + (1 / 12) ** 2 / 5)
    expected = float(stats.t.sf(1 / math.sqrt(17 / 12), df))
    assert t.welch_equivalence(x, y, 2.0) == pytest.approx(expected)
    assert t.welch_equivalence(y, x, 2.0) == pytest.approx(expected)


def test_probability_of_improvement_by_hand() -> None:
    """Pairs: 1<2 1<3, 2=2 2<3, 5>2 5>3: two wins and a tie of six."""
    assert t.probability_of_improvement([1, 2, 5], [2, 3]) == pytest.approx(2.5 / 6)
    assert t.probability_of_improvement([1, 2, 5], [2, 3], "lower") == pytest.approx(3.5 / 6)


def test_seeds_needed_by_hand() -> None:
    """Mean 1, sd 2: (1.95996 + 0.84162)^2 * 4 = 31.4."""
    assert t.seeds_needed(_with(mean=1, sd=2, n=10)) == 32
    assert t.seeds_needed([1.0, -1.0]) is None
    assert t.seeds_needed(_with(mean=5, sd=0.1, n=10)) == 6  # fewer can't reach significance


def _with(mean: float, sd: float, n: int) -> list[float]:
    x = np.arange(n, dtype=float)
    return list(mean + sd * (x - x.mean()) / x.std(ddof=1))


def test_mean_interval_is_the_t_interval() -> None:
    mean, low, high = t.mean_interval([1.0, 2.0, 3.0])
    assert (mean, low, high) == pytest.approx((2, 2 - 4.30265 / math.sqrt(3), 2 + 4.30265 / math.sqrt(3)), abs=1e-5)
    assert t.mean_interval([1.0]) == (1.0, -math.inf, math.inf)


def test_an_outlier_makes_no_ties() -> None:
    """A difference of 1e6 beside ten of about 1e-5: only the sums that rounding can't distinguish are tied.

    d = 1e6, -1e-5 (once), 1e-5 (nine times) sums to 1e6 + 8e-5. Beside an unflipped 1e6 nine or ten of the small ones
    have to count upwards, which is so in 10 + 1 flips; and as many again the other way round.
    """
    d = [1e6, -1e-5, *[1e-5] * 9]
    assert t.sign_flip(d) == 22 / 2**11
    assert t.sign_flip(d, alternative="greater") == 11 / 2**11


def test_differences_are_tied_within_the_rounding_of_the_values_that_they_are_of() -> None:
    """Accuracies of ten thousand images that differ by one: every difference is 1e-4 up to the rounding of .98.

    Of +, +, +, - the sum is 2e-4, and |sum| over all flips is 4e-4 (twice), 2e-4 (eight times) or 0: 10 of 16.
    """
    x, y = np.array([0.98, 0.2655, 0.1001, 0.0999]), np.array([0.9799, 0.2654, 0.1, 0.1])
    d = x - y
    assert len(set(np.abs(d).tolist())) > 1
    assert t.sign_flip(d, size=x + y) == 10 / 16


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_a_mean_of_zero_up_to_rounding_takes_no_number_of_seeds(scale: float) -> None:
    d = np.array([0.1, 0.2, -0.3]) * scale
    assert d.sum() != 0
    assert t.seeds_needed(d) is None
    x, y = np.array([0.7 + 0.1, 0.5]), np.array([0.8, 0.5])
    assert (x - y).sum() != 0
    assert t.seeds_needed(x - y, size=x + y) is None


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
@pytest.mark.parametrize("n", [12, 20])
def test_a_huge_outlier_ties_only_the_sums_that_hold_it(n: int, alternative: Literal["two-sided", "greater"]) -> None:
    """1e12 beside small differences: flips that leave it alone compare sums of the small ones, to their own rounding.

    They are 2^0, ..., 2^(n - 3) hundredths upwards and half a hundredth downwards. Beside an unflipped outlier the sum
    is reached by the flips of nothing and of the half alone: 2 flips of 2^n, and as many on the other side.
    """
    d = [1e12, *(0.01 * 2.0**k for k in range(n - 2)), -0.005]
    p, two = t.sign_flip(d, alternative=alternative), 2 if alternative == "two-sided" else 1
    if n <= 16:
        assert p == 2 * two / 2**n
    else:
        small = np.array([1e6, *d[1:]])  # an outlier that leaves room for all of the digits of the rest
        bits = np.random.PCG64(0).random_raw(t.FLIPS * n).reshape(t.FLIPS, n) >> np.uint64(63)
        sums = (1.0 - 2.0 * bits) @ small
        hits = np.count_nonzero((np.abs(sums) if two == 2 else sums) >= small.sum() - 0.005)
        assert p == (1 + hits) / (1 + t.FLIPS)
    assert t.sign_flip([-value for value in d]) == t.sign_flip(d)


def test_the_interval_of_small_differences_beside_a_huge_outlier_is_theirs() -> None:
    """n = 6: only the flips of nothing and of all reject, so the ends are the smallest and the largest difference.

    n = 8: 12 of 256 flips may reject. All means without the outlier are .01; with it 2 are infinite (nothing, all), 2
    are of itself, and the 14 after them of it and one more.
    """
    assert t.interval([1e16, 0.01, 0.02, 0.03, 0.04, 0.05]) == (0.01, 1e16)
    assert t.interval([1e16, *[0.01] * 7]) == pytest.approx((0.01, 5e15))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_by_name(wrong: float) -> None:
    d = [0.1, 0.2, wrong, 0.3, 0.1, 0.2]
    for test in (t.sign_flip, t.interval, t.seeds_needed, lambda d: t.equivalence(d, 1.0)):
        with pytest.raises(ValueError, match=f"difference 2 of 6 is {wrong}"):
            test(d)


@pytest.mark.parametrize("n", [1, 5, 6, 16, 17, 18, 19, 20, 33])
def test_the_smallest_p_is_what_differences_of_one_sign_reach(n: int) -> None:
    assert t.sign_flip(np.ones(n)) == t.smallest_p(n)
    assert t.sign_flip(-np.arange(1.0, n + 1)) == t.smallest_p(n)


def test_two_of_the_random_flips_of_17_and_of_18_seeds_are_no_flip_or_all() -> None:
    """99,999 draws of 2 in 2^17 are 1.5, of 2 in 2^18 are 0.8 on average; the documented ones hold two of each."""
    for n in (17, 18):
        bits = np.random.PCG64(0).random_raw(t.FLIPS * n).reshape(t.FLIPS, n) >> np.uint64(63)
        assert np.count_nonzero(np.isin(bits.sum(1), [0, n])) == 2
        assert t.smallest_p(n) == 3 / 100_000
    assert t.smallest_p(19) == 1 / 100_000


def test_whether_a_random_flip_may_be_none_or_all_is_told_from_its_first_learners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistic, "GLANCE", 17)
    found = []
    for n in range(18, 40):
        bits = np.random.PCG64(0).random_raw(t.FLIPS * n).reshape(t.FLIPS, n) >> np.uint64(63)
        found.append(bool(np.isin(bits[:, :17].sum(1), [0, 17]).any()))
        assert statistic._may_be_of_one_sign(n) == found[-1], n
    assert {*found} == {True, False}


def test_the_smallest_p_of_many_seeds_is_that_of_all_their_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistic, "GLANCE", 12)
    whole = {n: t.smallest_p(n) for n in range(17, 40)}
    t.smallest_p.cache_clear()
    monkeypatch.setattr(statistic, "MANY", 16)
    assert {n: t.smallest_p(n) for n in whole} == whole
    t.smallest_p.cache_clear()
    monkeypatch.undo()
    for n in (65, 700):
        assert t.smallest_p(n) == t.sign_flip(np.ones(n))
    assert t.smallest_p(10_000) == 1 / 100_000


def test_welch_takes_constants_up_to_rounding_as_constants() -> None:
    x, y = [0.1 + 0.2, 0.3, 0.3], [0.3, 0.3, 0.3]
    assert x[0] != x[1]
    assert t.welch(x, y)[0] == 1.0
    assert t.welch(x, [0.5, 0.5])[0] == 1 / 10
    assert t.welch_equivalence(x, [0.3 - 0.05] * 3, 0.05) == 1.0  # at the edge: not smaller
    assert t.welch_equivalence(x, [0.3 - 0.04] * 3, 0.05) == 1 / 20


def test_two_different_constants_are_as_sure_as_their_number() -> None:
    """Of C(5, 2) = 10 ways to deal five values out one does it; of C(4, 2) = 6 two; of C(10, 5) = 252 two."""
    assert t.welch([1.0, 1.0], [2.0, 2.0, 2.0]) == (1 / 10, (-math.inf, math.inf))
    assert t.welch([1.0, 1.0], [2.0, 2.0]) == (2 / 6, (-math.inf, math.inf))
    assert t.welch([1.0] * 5, [2.0] * 5) == (2 / 252, (-1.0, -1.0))
    assert t.welch([1.0] * 5, [2.0] * 5, alpha=0.005)[1] == (-math.inf, math.inf)
    assert t.welch_equivalence([1.0] * 5, [1.25] * 5, 0.5) == 1 / 252
    assert t.welch_equivalence([1.0, 1.0], [1.25, 1.25], 0.5) == 1 / 6


@pytest.mark.filterwarnings("error")
def test_one_constant_arm_has_the_degrees_of_freedom_of_the_smaller_arm() -> None:
    """Means 1 and 3, standard error 1 / sqrt(3): t = -3.4641 with 2 df, two-sided p = 1 - sqrt(6 / 7) = .0742."""
    p, (low, high) = t.welch([1.0, 1.0, 1.0, 1.0], [2.0, 3.0, 4.0])
    assert p == pytest.approx(1 - math.sqrt(6 / 7))
    half = 4.302653 / math.sqrt(3)
    assert (low, high) == pytest.approx((-2 - half, -2 + half))
    assert t.welch([2.0, 3.0, 4.0], [1.0] * 4) == (pytest.approx(p), pytest.approx((2 - half, 2 + half)))
    few = t.welch([1.0, 1.0], [2.0, 3.0, 4.0])[0]  # the same t with 1 df: p = 1 - (2 / pi) atan(t)
    assert few == pytest.approx(1 - 2 / math.pi * math.atan(math.sqrt(12)))
    # |difference| = 2 beside a margin of 4: t = 2 sqrt(3) with 2 df on the nearer side
    assert t.welch_equivalence([1.0] * 4, [2.0, 3.0, 4.0], 4.0) == pytest.approx(p / 2)
    assert t.welch_equivalence([2.0, 3.0, 4.0], [1.0] * 4, 4.0) == pytest.approx(p / 2)


@pytest.mark.parametrize(
    "errors",
    [
        [[0.1, 0.3, 0.2], [0.2, 0.1, 0.3], [0.3, 0.2, 0.1]],
        [[0.1, 0.7, 0.8], [1.1, 1.4, 1.6], [1.8, 0.9, 0.6]],
    ],
    ids=["a fifth", "one, whose logarithm is 0"],
)
def test_a_flat_error_has_no_share_of_variance(errors: list[list[float]]) -> None:
    """Equal errors whose means differ by rounding."""
    table = np.array(errors)
    assert len(set(table.mean(0).tolist())) > 1
    law = t.power_law(np.array([1.0, 10.0, 100.0]), table)
    assert law.r2 is None
    assert law.exponent == pytest.approx(0, abs=1e-12)
