"""Simultaneous bands: by hand at one moment, and calibrated over simulated pairs of curves."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from devlearn.evidence import Measure
from devlearn.evidence.analysis.bands import band
from devlearn.evidence.analysis.curve_matrix import curve_matrix
from devlearn.evidence.statistics import simultaneous_band as simultaneous
from devlearn.evidence.statistics.simultaneous_bands import _bits
from devlearn.records.reader import ArmRecords, Json
from tests.evidence.answers import content
from tests.evidence.fake_arms import ACCURACY, ENTROPY, arm

MOMENTS = 12


def noise(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """(n, MOMENTS) differences whose error persists from moment to moment."""
    return np.cumsum(rng.normal(size=(n, MOMENTS)), axis=1) / np.sqrt(np.arange(1, MOMENTS + 1))


def t(d: NDArray[np.float64]) -> NDArray[np.float64]:
    return d.mean(0) / (d.std(0, ddof=1) / math.sqrt(len(d)))


@pytest.mark.parametrize(("seed", "larger"), [(2, "of the differences"), (0, "of the noise alone")])
def test_the_critical_value_is_the_larger_of_two_over_all_flips_by_brute_force(seed: int, larger: str) -> None:
    d = noise(np.random.default_rng(seed), 7) + 0.4
    signs = np.array(list(itertools.product([1, -1], repeat=7)))[:, :, None]
    largest = [np.sort([np.abs(t(s * x)).max() for s in signs])[::-1] for x in (d, d - d.mean(0))]
    whole, noisy = (found[math.floor(0.05 * 2**7)] for found in largest)
    assert (whole > noisy + 0.05) if larger == "of the differences" else (noisy > whole + 0.05)
    mean, low, high, c = simultaneous(d)
    assert c == pytest.approx(max(whole, noisy), rel=1e-6)
    assert high - mean == pytest.approx(mean - low)
    assert high - mean == pytest.approx(c * d.std(0, ddof=1) / math.sqrt(7))


@pytest.mark.parametrize("n", [2, 7, 16])
def test_all_flips_of_few_learners_count_once_up_to_the_sign_of_the_whole(n: int) -> None:
    bits = _bits(n)
    assert bits.shape == (2 ** (n - 1), n)
    assert len(np.unique(bits, axis=0)) == len(bits)
    assert not bits[0].any() and not bits[:, -1].any()


def test_the_first_of_the_random_flips_flips_nobody_and_the_others_are_the_documented_ones() -> None:
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, 2, (2**14, 17), np.uint8)
    assert not _bits(17)[0].any()
    assert (_bits(17)[1:] == drawn[1:]).all()


def test_a_band_is_wider_than_pointwise_and_narrower_than_bonferroni() -> None:
    d = noise(np.random.default_rng(6), 14)
    c = simultaneous(d)[3]
    assert stats.t.ppf(0.975, 13) < c < stats.t.ppf(1 - 0.025 / MOMENTS, 13)


@pytest.mark.parametrize("effect", [0.0, 3.0], ids=["no effect", "an effect that grows"])
def test_the_true_curve_lies_inside_the_whole_band_at_the_nominal_rate(effect: float) -> None:
    """600 simulated pairs of curves. The band may be cautious, so the miss rate is bounded from above only."""
    rng, experiments, misses = np.random.default_rng(17), 600, 0
    truth = effect * np.linspace(0, 1, MOMENTS)
    for _ in range(experiments):
        _, low, high, _ = simultaneous(noise(rng, 9) + truth)
        misses += bool(((truth < low) | (truth > high)).any())
    assert misses <= stats.binom.ppf(0.9999, experiments, 0.05)
    assert misses > 0


def curves(gaps: list[float], n: int = 10) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, U) accuracies of two arms that differ by ``gaps`` and a little luck; at the first moment by nothing."""
    rng = np.random.default_rng(3)
    base = np.linspace(0.1, 0.8, len(gaps)) + rng.normal(0, 0.02, (n, 1))
    own = rng.normal(0, 0.01, (n, len(gaps))) * (np.arange(len(gaps)) > 0)
    return base + np.array(gaps) + own, base


def banded(a: ArmRecords, b: ArmRecords, what: Measure = ACCURACY) -> Json:
    return content(band(curve_matrix(a, what), curve_matrix(b, what)))


def test_differs_from_the_first_update_after_which_zero_stays_outside() -> None:
    """Apart at 10, together at 20, apart from 30 to the end."""
    a, b = curves([0, 0.2, 0, 0.2, 0.2])
    updates = [0, 10, 20, 30, 40]
    found = banded(arm("a", updates, a), arm("b", updates, b))
    assert (found["updates"], found["differs_from"], found["n"]) == (updates, 30, 10)
    assert found["low"][0] == found["high"][0] == 0
    a, b = curves([0, 0.2, 0.2, 0.2, 0])
    assert banded(arm("a", updates, a), arm("b", updates, b))["differs_from"] is None


def test_only_moments_of_both_arms_are_compared() -> None:
    a, b = curves([0, 0.2, 0.2, 0.2])
    found = banded(arm("a", [0, 10, 20, 30], a), arm("b", [0, 20, 30, 60], b))
    assert found["updates"] == [0, 20, 30]


def test_bands_are_refused_with_a_reason() -> None:
    a, b = curves([0, 0.2, 0.2], n=5)
    few = banded(arm("a", [0, 10, 20], a), arm("b", [0, 10, 20], b))
    assert few["refused"] == "5 seeds can't reach significance"
    a, b = curves([0, 0.2, 0.2])
    lost = arm("a", [0, 10, 20], a, cross_entropy=1 - a, diverged={3: 20})
    kept = arm("b", [0, 10, 20], b, cross_entropy=1 - b)
    assert "no 'worst' value" in banded(lost, kept, ENTROPY)["refused"]
    assert "refused" not in banded(lost, kept)  # accuracy declares one


def test_many_learners_use_random_flips_and_repeat_themselves() -> None:
    d = noise(np.random.default_rng(8), 24)
    once, again = simultaneous(d), simultaneous(d)
    assert once[3] == again[3]
    assert stats.t.ppf(0.975, 23) < once[3] < stats.t.ppf(1 - 0.025 / MOMENTS, 23)
