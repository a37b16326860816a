"""The interval for new images: its variance in closed form, its coverage, and where it is given."""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from devlearn.evidence.statistics import pigeonhole_interval as new_images_interval
from devlearn.evidence.statistics.sign_flip import interval
from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import _arrays, write_run
from tests.independent import arithmetic

Matrix = NDArray[np.float64]


def exact_variance(d: Matrix) -> float:
    """Var of the pigeonhole bootstrap's mean without resampling (McCullagh 2000; Owen 2007, theorem 3).

    Multinomial weights have E[w w'] = I + (1 - 1/n) 1 1', so with R, C, T the sums of rows, of columns and of all:
    E[(w' D v)^2] = sum D^2 + (1 - 1/n) sum C^2 + (1 - 1/M) sum R^2 + (1 - 1/n)(1 - 1/M) T^2.
    """
    n, m = d.shape
    a, b = 1 - 1 / n, 1 - 1 / m
    rows, columns, total = d.sum(1), d.sum(0), d.sum()
    square = (d**2).sum() + a * (columns**2).sum() + b * (rows**2).sum() + a * b * total**2
    return float(square - total**2) / (n * m) ** 2


@pytest.mark.parametrize(("n", "images"), [(3, 50), (16, 300)])
def test_the_interval_has_the_documented_width(n: int, images: int) -> None:
    """2,000 resamples know a standard deviation to 1.6 %; 5 % is three times that."""
    rng = np.random.default_rng(n)
    d = 0.1 + rng.normal(0, 0.05, (n, 1)) + rng.normal(0, 0.4, (1, images)) + rng.normal(0, 0.5, (n, images))
    spread = d.mean(0) + math.sqrt(n / (n - 1)) * (d - d.mean(0))
    low, high = new_images_interval(d)
    half = stats.t.ppf(0.975, n - 1) * math.sqrt(exact_variance(spread))
    assert (high - low) / 2 == pytest.approx(half, rel=0.05)
    assert (low + high) / 2 == pytest.approx(d.mean())


@pytest.mark.parametrize("shape", [(2, 7), (6, 40)])
def test_it_is_that_of_the_documented_draws(shape: tuple[int, int]) -> None:
    """Against one resample after another, by code that is not the package's."""
    d = np.random.default_rng(3).normal(0.1, 1, shape)
    for alpha in (0.05, 0.01):
        assert new_images_interval(d, alpha) == pytest.approx(arithmetic.new_images(d, alpha), rel=1e-9)


def test_without_images_to_speak_of_it_is_the_t_interval() -> None:
    """All images alike: only seeds vary, and the corrected spread is the t-interval's, s / sqrt(n)."""
    d = np.repeat(np.random.default_rng(1).normal(0, 1, (10, 1)), 40, axis=1)
    low, high = new_images_interval(d)
    half = stats.t.ppf(0.975, 9) * d[:, 0].std(ddof=1) / math.sqrt(10)
    assert (high - low) / 2 == pytest.approx(half, rel=0.05)


def test_a_level_and_one_seed() -> None:
    d = np.random.default_rng(2).normal(0, 1, (6, 30))
    wide, narrow = new_images_interval(d, 0.01), new_images_interval(d, 0.2)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert new_images_interval(d[:1]) == (-math.inf, math.inf)


@pytest.mark.parametrize("n", [10, 16])
@pytest.mark.parametrize("seed_sd", [0.02, 0.08], ids=["images dominate", "seeds dominate"])
def test_it_covers_the_difference_over_new_seeds_and_images(n: int, seed_sd: float) -> None:
    """600 experiments with both variance components, nominal 95 %; the interval over seeds alone speaks for less."""
    truth, images, rng = 0.1, 300, np.random.default_rng(40 + n)
    both, alone = 0, 0
    for _ in range(600):
        d = truth + rng.normal(0, seed_sd, (n, 1)) + rng.normal(0, 0.4, (1, images)) + rng.normal(0, 0.4, (n, images))
        low, high = new_images_interval(d)
        both += low <= truth <= high
        low, high = interval(d.mean(1))
        alone += low <= truth <= high
    assert both / 600 >= 0.93
    assert alone < both - 30


@pytest.mark.parametrize("n", [10, 16])
def test_it_covers_for_right_and_wrong_answers(n: int) -> None:
    """Right where difficulty + skill of the seed + luck > 0, all normal, so the truth is known in closed form."""
    rng, images, hits = np.random.default_rng(50 + n), 300, 0
    gain, hard, skill, luck = 0.2, 1.0, 0.1, 0.5
    total = math.sqrt(hard**2 + skill**2 + luck**2)
    truth = stats.norm.cdf((1 + gain) / total) - stats.norm.cdf(1 / total)
    for _ in range(600):
        difficulty = rng.normal(0, hard, (1, images))
        arms = [
            shift + difficulty + rng.normal(0, skill, (n, 1)) + rng.normal(0, luck, (n, images)) > 0
            for shift in (1 + gain, 1)
        ]
        low, high = new_images_interval(arms[0].astype(float) - arms[1])
        hits += low <= truth <= high
    assert hits / 600 >= 0.93


def test_ten_thousand_images_take_a_moment() -> None:
    """At most half a second a pair on one core; the draws are made once. Ten times that is a failure on any machine."""
    d = np.random.default_rng(0).normal(0, 0.3, (16, 10_000))
    new_images_interval(d)
    start = time.perf_counter()
    new_images_interval(d)
    assert time.perf_counter() - start < 5


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("images") / "run", images=True)


def pairs(run: Path, **keys: Any) -> dict[str, Any]:
    found = compare([run], **keys)
    assert isinstance(found, dict)
    return {f"{pair['arm']} {pair['against']}": pair for pair in found["comparisons"]}


def test_a_comparison_gives_both_intervals(seen: Path) -> None:
    """At the level of the family of five."""
    found = pairs(seen)
    pair = found["developmental random-init"]
    low, high = pair["interval_new_images"]
    assert low < pair["interval"][0] < pair["difference"] < pair["interval"][1] < high
    assert (len(found), pair["level"]) == (5, pytest.approx(0.99))
    assert "For new images as well as new seeds, the 99 % interval is +" in words(compare([seen]))[1]


def test_it_is_given_for_accuracies_at_the_end_of_learners_that_all_got_there(seen: Path, made_up: Path) -> None:
    found = pairs(seen)
    assert found["developmental more-school"]["interval_new_images"] is None  # seed 11 diverged
    assert found["sham random-init"]["interval_new_images"] is not None
    for keys in ({"at": "birth"}, {"at": 20}, {"probe": "digits.cross_entropy"}, {"probe": "reach"}):
        assert {pair["interval_new_images"] for pair in pairs(seen, **keys).values()} == {None}
    assert {pair["interval_new_images"] for pair in pairs(made_up).values()} == {None}  # no verdicts on record


def test_lineages_are_averaged_image_by_image(tmp_path: Path) -> None:
    """Eight lineages, the fewest whose interval has ends at the level of a family of five."""
    shared = {str(seed): f"genome {seed // 2}" for seed in range(16)}
    alone = pairs(write_run(tmp_path / "a", seeds=16, images=True))["sham random-init"]
    joined = pairs(write_run(tmp_path / "b", seeds=16, images=True, arms={"sham": {"lineages": shared}}))
    pair = joined["sham random-init"]
    assert pair["n"] == 8
    low, high = pair["interval_new_images"]
    assert low < pair["difference"] < high
    assert pair["interval_new_images"] != alone["interval_new_images"]


def test_the_second_interval_holds_the_first(tmp_path: Path) -> None:
    """Six seeds leave the sign-flip wide, five leave it without an end: new images can't tell more than these."""
    for seeds in (5, 6):
        for pair in pairs(write_run(tmp_path / str(seeds), seeds=seeds, images=True)).values():
            if pair["interval_new_images"] is not None:
                first, second = pair["interval"], pair["interval_new_images"]
                assert (first[0] is None and second[0] is None) or second[0] <= first[0]
                assert (first[1] is None and second[1] is None) or second[1] >= first[1]


def test_a_learner_that_counts_with_the_worst_value_leaves_none(tmp_path: Path) -> None:
    """No divergence on record, but its accuracy is not a number: it counts as 0, and its verdicts don't."""
    run = write_run(tmp_path, seeds=4, images=True)
    file = run / "jobs/plain/seeds-0-1/records/00-school.0/probes.csv"
    lines = file.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("1,school,0,30,end,digits,accuracy"))
    lines[at] = lines[at].rpartition(",")[0] + ",nan"
    file.write_text("\n".join(lines) + "\n")
    assert pairs(run)["developmental random-init"]["interval_new_images"] is None


def test_answers_that_contradict_the_records_are_left_out_by_name(tmp_path: Path) -> None:
    """The verdict, which they are no part of, stands as it was."""
    run = write_run(tmp_path, seeds=4, images=True)
    before = pairs(run)
    records = next(run.glob("jobs/plain/seeds-0-1/records/00-school.0"))
    _arrays(records, "digits", [0, 1], np.ones((2, 10_000), bool))
    told = "left out, the interval of developmental against random-init for new images: "
    known = "digits.accuracy of arm 'random-init', seed 0: arrays/digits.npz gives 1, the records"
    found = only(compare([run]))
    assert any(warning.startswith(told + known) for warning in found["warnings"])
    pair = found["comparisons"][0]
    assert pair["interval_new_images"] is None
    other = {**before["developmental random-init"], "interval_new_images": None}
    assert pair == other
    _arrays(records, "digits", [0], np.ones((1, 10_000), bool))
    assert any("digits.npz has no row for seed 1" in warning for warning in only(compare([run]))["warnings"])
