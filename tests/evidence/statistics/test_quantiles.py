"""The same bits as scipy.stats: what a run's files hold does not hang on which of the two was asked."""

import numpy as np
import pytest
from scipy import stats

from devlearn.evidence.statistics.quantiles import normal_quantile, rank_correlation, ranks, t_quantile, trimmed_mean


@pytest.mark.parametrize("p", [0.8, 0.95, 0.975, 1 - 0.05 / 6, 0.99999])
def test_quantiles_are_scipys(p: float) -> None:
    assert [t_quantile(p, df) for df in range(1, 200)] == [float(stats.t.ppf(p, df)) for df in range(1, 200)]
    assert normal_quantile(p) == float(stats.norm.ppf(p))


def test_by_hand() -> None:
    assert t_quantile(0.75, 1) == pytest.approx(1)  # Cauchy: tan(pi / 4)
    assert trimmed_mean(np.array([9.0, 1, 2, 3, -7, 0, 4, 5]), 0.25) == 2.5
    assert ranks(np.array([3.0, 1, 3, 2])).tolist() == [3.5, 1, 3.5, 2]
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 30, 20])) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 16, 33, 200])
def test_means_and_correlations_are_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(50):
        x, y = rng.normal(size=n), rng.integers(0, 4, n) / 3
        assert trimmed_mean(x, 0.25) == float(stats.trim_mean(x, 0.25))
        assert (ranks(y) == stats.rankdata(y)).all()
        if np.ptp(y):
            assert rank_correlation(x, y) == float(stats.spearmanr(x, y).statistic)
