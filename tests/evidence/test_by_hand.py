"""Statistics worked by hand, on numbers in which mean, median, IQM and five kinds of p all differ.

d, in the order of its seeds: -5, 2, 4, 7, 8, 20            y: 10, 20, 30, 40, 50, 60            x = y + d
"""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from devlearn.evidence import statistics as t
from devlearn.records.reader import Json
from tests.evidence.answers import compare
from tests.evidence.fake_run import tiny_run

D = [-5.0, 2.0, 4.0, 7.0, 8.0, 20.0]
Y = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
X = [5.0, 22.0, 34.0, 47.0, 58.0, 80.0]

# Sizes 2, 4, 5, 7, 8, 20, of which 5 is negative. A flip reaches the observed sum where the negative sizes add up to
# at most 5: none, 2, 4, 5 (2 + 4 is 6 already): 4 flips, and 4 more with all signs turned.
SIGN_FLIP = 8 / 64
# Sum of squares 25 + 4 + 16 + 49 + 64 + 400 = 558; 558 - 6 * 36 = 342; variance 342 / 5 = 68.4; se sqrt(68.4 / 6).
T = 6 / math.sqrt(11.4)
# Ranks of the sizes: 2 is 1, 4 is 2, 5 is 3. At most 3: none, 1, 2, 3, 1 + 2: 5 of 64, and as many on the other side.
WILCOXON = 10 / 64
# Deviations of x from 41: -36 -19 -7 6 17 39, squares 3552, variance 710.4; of y from 35: squares 1750, variance 350.
WELCH_T = 6 / math.sqrt(710.4 / 6 + 350 / 6)
WELCH_DF = (118.4 + 350 / 6) ** 2 / (118.4**2 / 5 + (350 / 6) ** 2 / 5)


def only(folder: Path, **keys: object) -> Json:
    """The one body of a run of two arms, x against y."""
    question = {"pairs": [["x", "y"]], "smallest_effect": 12.0, **dict(keys.pop("compare", {}))}  # type: ignore[call-overload]
    found = compare([tiny_run(folder, {"x": X, "y": Y}, compare=question, **keys)])  # type: ignore[arg-type]
    assert isinstance(found, dict)
    return found


def test_mean_median_and_iqm_differ() -> None:
    """Mean 36 / 6; median (4 + 7) / 2; floor(6 / 4) = 1 cut from each end leaves 2, 4, 7, 8."""
    assert (np.mean(D), np.median(D), t.iqm(D)) == (6.0, 5.5, 5.25)


def test_five_tests_of_the_same_differences_disagree_and_ours_is_the_sign_flip() -> None:
    found = {
        "sign-flip": t.sign_flip(D),
        "t": 2 * stats.t.sf(T, 5),
        "wilcoxon": WILCOXON,
        "welch": 2 * stats.t.sf(WELCH_T, WELCH_DF),
        "bootstrap": _bootstrap(),
    }
    assert found["sign-flip"] == SIGN_FLIP
    assert found["t"] == pytest.approx(stats.ttest_1samp(D, 0).pvalue)
    assert found["wilcoxon"] == stats.wilcoxon(D, method="exact").pvalue
    assert found["welch"] == pytest.approx(t.welch(X, Y)[0])
    gaps = [abs(a - b) for a, b in itertools.combinations(found.values(), 2)]
    assert min(gaps) > 0.005, found


def _bootstrap() -> float:
    """Twice the share of all 6^6 resamples whose mean is at most 0."""
    sums = np.zeros(1)
    for _ in D:
        sums = np.add.outer(sums, D).ravel()
    return 2 * float(np.mean(sums <= 0))


def test_equivalence_by_hand() -> None:
    """d + 12 is all positive: 1 / 64. 12 - d: 17 10 8 5 4 -8: at most 8 flipped: none, 4, 5, 8, 8: 5 / 64."""
    assert t.sign_flip(D, -12.0, "greater") == 1 / 64
    assert t.equivalence(D, 12.0) == 5 / 64


def test_what_a_comparison_says_of_them(tmp_path: Path) -> None:
    """Of 36 pairs x wins 0 + 2 + 3 + 4 + 5 + 6. At n = 6 the interval is the range: only no sign differing rejects."""
    body = only(tmp_path)
    pair = body["comparisons"][0]
    assert pair["means"] == [41.0, 35.0]
    assert pair["difference"] == 6.0
    assert (pair["p"], pair["p_equivalence"], pair["verdict"]) == (SIGN_FLIP, 5 / 64, "undecided")
    assert pair["interval"] == pytest.approx([-5, 20])
    assert pair["probability_of_improvement"] == pytest.approx(20 / 36)
    arm = body["arms"]["x"]
    assert (arm["mean"], arm["median"], arm["iqm"]) == (41.0, 40.5, (22 + 34 + 47 + 58) / 4)
    assert arm["sd"] == pytest.approx(math.sqrt(710.4))


def test_seeds_needed_by_hand(tmp_path: Path) -> None:
    """(1.95996 + 0.84162) * sqrt(68.4) / 6 = 3.8617, squared 14.91. At .05 / 2 pairs / 2 looks, 2.49771 for 1.95996:
    4.6030, squared 21.19."""
    assert only(tmp_path / "alone")["comparisons"][0]["seeds_needed"] == 15
    shared = only(tmp_path / "shared", compare={"pairs": [["x", "y"], ["y", "x"]], "looks": [6, 12]})
    assert [pair["seeds_needed"] for pair in shared["comparisons"]] == [22, 22]


def test_fewest_seeds_that_can_reach_an_alpha() -> None:
    """2 / 2^6 is .031: six seeds reach .05 and exactly 2 / 2^6; eight (2 / 2^8 = .0078) are the fewest for .01."""
    strong = [10.0, 10.1, 10.2, 9.9]
    assert [t.seeds_needed(strong, alpha) for alpha in (0.05, 2 / 2**6, 0.01)] == [6, 6, 8]


def test_unpaired_by_hand(tmp_path: Path) -> None:
    """The same values on other seeds: Welch's t and degrees of freedom as above."""
    one = tiny_run(tmp_path / "one", {"a": Y}, compare={"pairs": []})
    two = tiny_run(tmp_path / "two", {"a": X}, compare={"pairs": []}, seeds=range(6, 12))
    found = compare([one, two])
    assert isinstance(found, dict)
    pair = found["comparisons"][0]
    assert pair["p"] == pytest.approx(2 * stats.t.sf(WELCH_T, WELCH_DF), rel=1e-12)
    half = stats.t.ppf(0.975, WELCH_DF) * math.sqrt(710.4 / 6 + 350 / 6)
    assert pair["interval"] == pytest.approx([6 - half, 6 + half])


def test_p_is_shared_among_pairs_and_looks_by_hand(tmp_path: Path) -> None:
    """p .125: twice .25 by Holm over two pairs, three times .75 over three looks; equivalence 5/64 x 2 x 3."""
    body = only(tmp_path, compare={"pairs": [["x", "y"], ["y", "x"]], "looks": [6, 12, 24]})
    for pair in body["comparisons"]:
        assert pair["p_adjusted"] == 0.75
        assert pair["p_equivalence_adjusted"] == pytest.approx(30 / 64)
        assert pair["level"] == pytest.approx(1 - 0.05 / 6)
        assert pair["interval"] == pair["interval_alone"] == [None, None]  # 2 / 64 is above .05 / 3


def test_gain_per_unit_by_hand(tmp_path: Path) -> None:
    """6 points more for 2 MFLOPs more: 3e-6 a FLOP; nothing else was spent more of."""
    pair = only(tmp_path, flops={"x": 3e6, "y": 1e6})["comparisons"][0]
    assert pair["gain_per"]["flops"] == pytest.approx(3e-6)
    assert [unit for unit, gain in pair["gain_per"].items() if gain is not None] == ["flops"]
    single = only(tmp_path / "a", flops={"x": 2, "y": 1})["comparisons"][0]
    assert single["gain_per"]["flops"] == 6
    turned = only(tmp_path / "b", flops={"x": 3e6, "y": 1e6}, compare={"better": "lower"})["comparisons"][0]
    assert turned["gain_per"]["flops"] == pytest.approx(-3e-6)


def test_an_extra_of_under_a_hundredth_is_none(tmp_path: Path) -> None:
    """Matched arms differ by what whole yields leave: 6 points for .9 % more is no price."""
    gains = [
        only(tmp_path / str(i), flops={"x": 1e6, "y": y})["comparisons"][0]["gain_per"]["flops"]
        for i, y in enumerate((991e3, 990e3))
    ]
    assert gains == [None, pytest.approx(6 / 1e4)]
