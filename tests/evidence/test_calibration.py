"""The tests err as often as they say: a small version of the study in docs/calibration.md, and the whole one (slow).

Every bound is four binomial standard errors of the number of simulated experiments; none was chosen after looking.
"""

import math
from functools import cache
from pathlib import Path

import pytest
from scipy import stats

from benchmarks.calibration import exchangeable as study
from benchmarks.calibration import locations, lopsided
from benchmarks.calibration.draws import DIVERGED, LOPSIDED, OWN, SYMMETRIC
from benchmarks.calibration.page import EXPERIMENTS, page, renewed
from benchmarks.calibration.part import Rate, Table
from benchmarks.calibration.tests import attainable

SMALL, LARGE = 1_000, EXPERIMENTS
SLOW = pytest.mark.slow
SIZES = [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=SLOW)]
PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"


@cache
def false_positives(experiments: int) -> Table:
    return study.false_positives(experiments)


def slack(share: float, of: int) -> float:
    return 4 * math.sqrt(share * (1 - share) / of)


def equals(rate: Rate, share: float) -> bool:
    return abs(rate.share - share) <= slack(share, rate.of)


def at_most(rate: Rate, share: float) -> bool:
    return rate.share <= share + slack(share, rate.of)


@pytest.mark.parametrize("experiments", SIZES)
def test_sign_flips_err_at_their_attainable_size(experiments: int) -> None:
    for (kind, n), row in false_positives(experiments).items():
        size, rate = attainable(int(n)), row["sign-flip"]
        if kind == DIVERGED:  # two diverged learners differ by 0: ties make the test cautious
            assert at_most(rate, size), (kind, n, str(rate))
        elif kind in SYMMETRIC:
            assert equals(rate, size), (kind, n, str(rate))


@pytest.mark.parametrize("experiments", SIZES)
def test_paired_t_keeps_between_4_and_6_percent_for_normal_and_below_6_otherwise(experiments: int) -> None:
    for (kind, n), row in false_positives(experiments).items():
        rate = row["paired t"]
        if kind == "normal":
            assert equals(rate, 0.05), (kind, n, str(rate))
            assert experiments < LARGE or 0.04 <= rate.share <= 0.06
        elif kind in SYMMETRIC:
            assert at_most(rate, 0.06), (kind, n, str(rate))


@pytest.mark.parametrize("experiments", SIZES)
def test_a_percentile_bootstrap_errs_too_often_at_few_seeds(experiments: int) -> None:
    """Why it is not used: its normal-theory rate is P(|t| > 1.96 sqrt((n - 1) / n)), 12 % at 5 seeds, or worse."""
    for (kind, n), row in false_positives(experiments).items():
        if kind in SYMMETRIC and int(n) <= 10:
            assert row["percentile bootstrap"].share > 0.05 + slack(0.05, experiments), (kind, n)


@pytest.mark.parametrize("experiments", SIZES)
def test_lopsided_differences_are_outside_the_claim(experiments: int) -> None:
    """The study can tell a test that fails: a mean of 0 without symmetry is rejected too often."""
    assert false_positives(experiments)[LOPSIDED, "10"]["sign-flip"].share > 0.05 + slack(0.05, experiments)


@pytest.mark.parametrize("experiments", [pytest.param(250, id="small"), SIZES[1]])
def test_intervals_cover_except_for_the_attainable_size(experiments: int) -> None:
    for (kind, n), row in study.coverage(experiments).items():
        missed = Rate(row["covered"].of - row["covered"].hits, row["covered"].of)
        if kind in SYMMETRIC:
            assert at_most(missed, attainable(int(n))), (kind, n, str(missed))
        if kind in OWN:
            assert equals(missed, attainable(int(n))), (kind, n, str(missed))


@pytest.mark.parametrize("experiments", SIZES)
def test_power_is_the_closed_form_of_t_and_sign_flips_lose_little(experiments: int) -> None:
    """The t-test's power is a noncentral t; from 10 seeds on the sign-flip's is nine tenths of it or more."""
    for (effect, n), row in study.power(experiments).items():
        df, shift = int(n) - 1, float(effect) * math.sqrt(int(n))
        edge = stats.t.ppf(0.975, df)
        truth = float(stats.nct.sf(edge, df, shift) + stats.nct.cdf(-edge, df, shift))
        assert equals(row["paired t"], truth), (effect, n, str(row["paired t"]))
        if int(n) >= 10:
            assert row["sign-flip"].share >= 0.9 * truth - slack(truth, experiments), (effect, n)
        else:
            assert row["sign-flip"].hits == 0


@pytest.mark.parametrize("experiments", [pytest.param(250, id="small"), SIZES[1]])
def test_equivalence_at_the_margin_errs_at_its_attainable_size(experiments: int) -> None:
    for (kind, n), row in study.equivalence(experiments).items():
        assert at_most(row["at the margin"], attainable(int(n), sides=1)), (kind, n, str(row["at the margin"]))
        if int(n) >= 16:
            assert row["at no difference"].share > 0.9, (kind, n)


@pytest.mark.parametrize("experiments", SIZES)
def test_holm_holds_the_family_and_leaving_it_out_does_not(experiments: int) -> None:
    for kind, row in study.families(experiments).items():
        assert at_most(row["Holm"], 0.05), (kind, str(row["Holm"]))
        assert row["unadjusted"].share > 0.05 + slack(0.05, experiments), kind


@pytest.mark.parametrize("experiments", [pytest.param(500, id="small"), SIZES[1]])
def test_planned_looks_hold_the_whole_and_unplanned_ones_do_not(experiments: int) -> None:
    for kind, row in study.looks(experiments).items():
        assert at_most(row["a third of .05 each"], 0.05), (kind, str(row))
        assert row[".05 each"].share > 0.05 + slack(0.05, experiments), kind


@pytest.mark.parametrize("experiments", [pytest.param(500, id="small"), SIZES[1]])
def test_the_median_errs_less_than_it_says_and_the_middle_half_more(experiments: int) -> None:
    table = locations.middles(experiments, (8, 16, 20))
    for (kind, n), row in table.items():
        assert at_most(row["median: a difference"], 0.05), (kind, n, str(row))
        assert at_most(row["iqm: a difference"], 0.1), (kind, n, str(row))  # what the warning says at most
    together = [row["iqm: a difference"] for row in table.values()]
    rate = Rate(sum(one.hits for one in together), sum(one.of for one in together))
    assert rate.share > 0.05 + slack(0.05, rate.of)


@pytest.mark.parametrize("experiments", [pytest.param(20, id="small"), pytest.param(300, id="large", marks=SLOW)])
def test_a_gain_needs_no_clause_where_it_would_outlast_so_many_failures(experiments: int) -> None:
    """(1 - b) L > b: at 16 learners from 21 points on, at 8 from 46; accepted 20 % free any word from 14 on."""
    columns = ("without the clause", "without it where 20 % are accepted", "without it where the metric has no bounds")
    found = locations.clauses(experiments, (0.1, 0.3, 0.5), (8, 16))
    table = {key: [row[name].share for name in columns] for key, row in found.items()}
    assert table["10 points", "16"] == [0, 1, 0]
    assert table["30 points", "16"] == [1, 1, 0]
    assert table["30 points", "8"] == [0, 0, 0]
    assert table["50 points", "8"] == [1, 1, 0]


def test_a_part_says_in_words_where_it_misses_its_aim() -> None:
    row = {"read with its clauses": Rate(9, 100)}
    table = {("long", "8"): row, ("long", "10"): row, ("short", "16"): {"read with its clauses": Rate(7, 100)}}
    assert lopsided.missed(table) == "It is missed, even so read: long: 9.0 % at 10 seeds."
    assert lopsided.missed({("short", "10"): {"read with its clauses": Rate(1, 100)}}) == "It is reached everywhere."


@pytest.mark.slow
def test_bands_and_power_laws_at_length() -> None:
    for row in study.curves(3_000).values():
        assert at_most(row["band"], 0.05)
        assert row["pointwise"].share > 0.05 + slack(0.05, 3_000)
    for row in study.power_laws(3_000).values():
        assert abs(row["covered"].share - 0.95) <= slack(0.95, 3_000) + 0.015  # a resampled interval is no exact one


def test_the_words_of_the_page_are_made_of_its_tables() -> None:
    """The tables take the whole study (slow); what is said of them takes only them."""
    assert renewed(PAGE.read_text()) == PAGE.read_text()


@pytest.mark.slow
def test_the_page_is_the_studys() -> None:
    assert page() == PAGE.read_text()
