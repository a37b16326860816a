"""Failures as an outcome of their own: an exact paired test, and how many of them n learners can't exclude."""

from devlearn.evidence.statistics.sign_flip import ALPHA


def mcnemar(only_one: int, only_other: int) -> float:
    """Exact two-sided p that both arms fail equally often, from the pairs in which just one of them failed.

    The binomial form of McNemar's test (1947): under the null each such pair is as likely either way.
    """
    from scipy.special import bdtr

    of = only_one + only_other
    return min(1.0, 2 * float(bdtr(min(only_one, only_other), of, 0.5))) if of else 1.0


def rate_bound(failed: int, n: int, alpha: float = ALPHA) -> float:
    """The largest failure rate that ``failed`` of ``n`` don't exclude: one-sided, at level 1 - ``alpha``.

    Clopper and Pearson (1934). For none it is 1 - alpha^(1/n).
    """
    from scipy.special import betaincinv

    return 1.0 if failed >= n else float(betaincinv(failed + 1, n - failed, 1 - alpha))
