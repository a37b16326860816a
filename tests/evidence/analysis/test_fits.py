"""Power laws: planted exponents come back, intervals cover at their nominal rate, and what has no answer says why."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from devlearn.evidence import Measure
from devlearn.evidence.analysis.fits import fit, fits
from devlearn.evidence.statistics import power_law
from devlearn.records.reader import Json, RunRecords
from devlearn.records.schema import CompareFit
from tests.evidence.answers import analyse, content
from tests.evidence.fake_arms import ACCURACY, ENTROPY, arm, run

LABELS = [100, 300, 1000, 3000]
EXPONENT, SCALE = -0.43, 1.9


def errors(rng: np.random.Generator, n: int, x: Sequence[float] = LABELS) -> NDArray[np.float64]:
    """(n, P) errors around SCALE * x^EXPONENT, of mean exactly that; a seed's luck is shared by its points."""
    shared, own = rng.normal(0, 0.1, (n, 1)), rng.normal(0, 0.05, (n, len(x)))
    return SCALE * np.array(x, float) ** EXPONENT * (1 + shared + own)


def varied(
    table: NDArray[np.float64], compare: Mapping[str, Any] | None = None, labels: Sequence[int] = LABELS
) -> RunRecords:
    """A run whose points end with these errors (n, P)."""
    points = [
        {"plain": arm("plain", [0, 20], np.stack([0.1 + 0 * column, 1 - column], 1), labels=paid)}
        for column, paid in zip(table.T, labels, strict=True)
    ]
    sizes = [{"parameters": 10 * paid} for paid in labels]
    return run(points, compare or {"fit": {"over": "labels"}}, sizes)


def fitted(made: RunRecords, what: Measure = ACCURACY, **asked: Any) -> Json:
    return content(fit(made, "plain", what, "end", (), CompareFit.of({"over": "labels", **asked})))


def test_a_planted_law_without_noise_is_recovered_exactly() -> None:
    exact = SCALE * np.array(LABELS, float) ** EXPONENT
    found = fitted(varied(np.stack([exact, exact, exact])))
    assert found["exponent"] == pytest.approx(EXPONENT, abs=1e-9)
    assert found["scale"] == pytest.approx(SCALE, rel=1e-9)
    assert (found["r2"], found["curvature"]) == (pytest.approx(1), pytest.approx(0, abs=1e-9))
    assert (found["points"], found["n"], found["x"]) == (4, 3, LABELS)
    assert found["error"] == pytest.approx(exact)


def test_the_line_is_numpys_least_squares_in_logs_of_the_mean() -> None:
    table = errors(np.random.default_rng(2), 10)
    found = fitted(varied(table))
    slope, cut = np.polyfit(np.log(LABELS), np.log(table.mean(0)), 1)
    assert (found["exponent"], found["scale"]) == (pytest.approx(slope), pytest.approx(math.exp(cut)))
    assert found["curvature"] == pytest.approx(np.polyfit(np.log(LABELS), np.log(table.mean(0)), 2)[0])
    assert found["interval"][0] < EXPONENT < found["interval"][1]


@pytest.mark.parametrize("n", [5, 10])
def test_intervals_cover_at_their_nominal_rate(n: int) -> None:
    """400 simulated studies each, a tenth of the luck shared by all points of a seed."""
    rng, experiments = np.random.default_rng(23), 400
    x = np.array(LABELS, float)
    found = [power_law(x, errors(rng, n)) for _ in range(experiments)]
    for key, truth in (("interval", EXPONENT), ("curvature_interval", 0.0)):
        covered = sum(getattr(one, key)[0] <= truth <= getattr(one, key)[1] for one in found)
        assert stats.binom.ppf(0.0005, experiments, 0.95) <= covered <= stats.binom.ppf(0.9995, experiments, 0.95)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_with_little_noise_the_interval_is_the_t_interval_of_the_seeds_own_exponents(n: int) -> None:
    """Then the line of the mean is the mean of the lines. Resampling alone is too narrow by sqrt((n - 1) / n)."""
    rng, x = np.random.default_rng(n), np.array(LABELS, float)
    table = SCALE * x**EXPONENT * np.exp(rng.normal(0, 1e-3, (n, 4)))
    own = [np.polyfit(np.log(x), np.log(row), 1)[0] for row in table]
    bends = [np.polyfit(np.log(x), np.log(row), 2)[0] for row in table]
    law = power_law(x, table)
    for (low, high), slopes in ((law.interval, own), (law.curvature_interval, bends)):
        half = stats.t.ppf(0.975, n - 1) * np.std(slopes, ddof=1) / math.sqrt(n)
        assert (high - low) / 2 == pytest.approx(half, rel=4 / math.sqrt(2 * 2000))  # a resampled standard error's own
        assert (high + low) / 2 == pytest.approx(np.mean(slopes), abs=0.01 * half)


def test_a_bent_line_is_called_bent_and_a_straight_one_is_not() -> None:
    rng, x = np.random.default_rng(4), np.array(LABELS, float)
    bent = errors(rng, 10) * np.exp(0.2 * (np.log(x) - np.log(x).mean()) ** 2)
    assert not power_law(x, bent).straight
    assert power_law(x, bent).curvature == pytest.approx(0.2, abs=0.05)
    assert power_law(x, errors(rng, 10)).straight


def test_an_error_that_nothing_changes_is_a_straight_line_of_no_slope() -> None:
    law = power_law(np.array(LABELS, float), np.ones((4, 4)))
    assert (law.exponent, law.interval, law.curvature_interval, law.straight) == (0, (0, 0), (0, 0), True)
    assert (law.scale, law.r2) == (1, None)


def test_seeds_are_resampled_over_points_together() -> None:
    """Luck that all points of a seed share moves the line, not its slope: the slope's interval has no width."""
    rng, x = np.random.default_rng(5), np.array(LABELS, float)
    shared = SCALE * x**EXPONENT * np.exp(rng.normal(0, 0.3, (8, 1)))
    low, high = power_law(x, shared).interval
    assert high - low < 1e-9
    dealt = np.stack([rng.permutation(column) for column in shared.T], 1)
    low, high = power_law(x, dealt).interval
    assert high - low > 0.1


def test_a_range_and_the_weights_of_a_learner() -> None:
    table = errors(np.random.default_rng(6), 8, [10, *LABELS])
    made = varied(table, labels=[10, *LABELS])
    assert fitted(made, **{"from": 100, "to": 1000})["x"] == [100, 300, 1000]
    assert fitted(made, over="parameters")["x"] == [100, 1000, 3000, 10000, 30000]
    assert fitted(made, over="flops")["refused"] == "a power law takes 3 points of different size; there are 1"
    assert list(fits(made, ACCURACY, "end", (), CompareFit(over="labels"))) == ["plain"]


@pytest.mark.parametrize(
    ("table", "what", "asked", "says"),
    [
        (np.full((4, 4), 0.2), ACCURACY, {"from": 1000}, "3 points of different size; there are 2"),
        (np.full((4, 4), 0.2) * (np.arange(4) != 2), ACCURACY, {}, "error is 0"),
        (np.full((1, 4), 0.2), ACCURACY, {}, "takes 2 seeds"),
        (np.full((4, 4), 0.2), Measure(("reach", "return"), "higher", None, "return"), {}, "reach.return has no error"),
    ],
)
def test_what_has_no_answer_says_why(table: NDArray[np.float64], what: Measure, asked: Json, says: str) -> None:
    found = fitted(varied(table), what, **asked)
    assert says in found["refused"]
    assert "exponent" not in found


def test_a_lower_is_better_metric_is_its_own_error() -> None:
    column = np.array([2.0, 1.0, 0.5])
    points = [
        {"plain": arm("plain", [0, 9], np.zeros((3, 2)), np.full((3, 2), e), labels=10**i)}
        for i, e in enumerate(column)
    ]
    found = fitted(run(points, {}), ENTROPY)
    assert found["error"] == pytest.approx(column)
    assert found["exponent"] == pytest.approx(math.log10(0.5))


def test_weights_that_are_not_on_record_leave_the_law_out_and_nothing_else() -> None:
    points = [{"plain": arm("plain", [0, 9], [[0.1, 0.5], [0.1, 0.6]], labels=10**i)} for i in range(3)]
    made = run(points, {"fit": {"over": "parameters"}})
    found = fitted(made, over="parameters")
    assert found["refused"] == (
        "left out, the power law of plain: resolved.json does not say the parameters of point 0"
    )
    assert len(analyse(made)["points"]) == 3
