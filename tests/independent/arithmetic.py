"""Tests, intervals, lineages and summaries of a few numbers, written out."""

import math

import numpy as np

RESAMPLES = 2000


def signs(n):
    """(M, n) of +1 and -1: all of them to n = 16, else no flip and 99,999 documented ones."""
    if n <= 16:
        return 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    raw = np.random.PCG64(0).random_raw(99_999 * n).reshape(99_999, n)
    return np.vstack([np.ones(n), 1.0 - 2.0 * (raw >> np.uint64(63)).astype(float)])


class SignFlip:
    """The sign-flip test of the differences of paired values.

    Flipping a set of differences changes the sum by twice theirs, so it reaches the observed sum where theirs is not
    above 0; for two sides also where that of the others isn't. A sum of at most 2^-52 a term, of n terms as large as
    the values that its differences are taken of, is 0 up to rounding.
    """

    def __init__(self, x, y):
        self.d = np.array([a - b for a, b in zip(x, y, strict=True)], float)
        self.size = np.array([abs(a) + abs(b) for a, b in zip(x, y, strict=True)], float)
        self.signs = signs(len(self.d))

    def not_above_zero(self, moved, shift, held):
        """(M,): whether the differences that are ``held`` (M, n) add up to 0 at most."""
        return held @ moved <= len(moved) * 2.0**-52 * (held @ (self.size + abs(shift)))

    def p(self, shift=0.0, tie=None):
        moved = self.d - shift
        if tie is not None:
            return float(np.mean(np.abs(self.signs @ moved) >= abs(moved.sum()) - tie * np.abs(moved).sum()))
        moved, flipped = moved * (1.0 if moved.sum() >= 0 else -1.0), self.signs < 0
        either = self.not_above_zero(moved, shift, flipped) | self.not_above_zero(moved, shift, ~flipped)
        return float(np.mean(either))

    def one_sided(self, shift):
        return float(np.mean(self.not_above_zero(self.d - shift, shift, self.signs < 0)))

    def interval(self, alpha=0.05):
        """Both ends by bisection between the mean, which is never rejected, and a shift beyond all differences."""
        if self.p(self.d.min() - 1.0) > alpha:
            return [None, None]
        return [self.end(self.d.min() - 1.0, alpha), self.end(self.d.max() + 1.0, alpha)]

    def end(self, rejected, alpha):
        kept, rejected = float(self.d.mean()), float(rejected)
        for _ in range(60):
            middle = (kept + rejected) / 2
            if self.p(middle, tie=1e-13) > alpha:
                kept = middle
            else:
                rejected = middle
        return kept


def equivalence(x, y, smallest):
    """The larger p of two one-sided tests; 1 without a smallest effect."""
    if not smallest:
        return 1.0
    return max(SignFlip(x, y).one_sided(-smallest), SignFlip(y, x).one_sided(-smallest))


def holm(ps):
    """Holm's adjustment; None counts as 1 and stays None."""
    filled = [1.0 if p is None else p for p in ps]
    result = []
    for i, p in enumerate(filled):
        lower = [q for j, q in enumerate(filled) if (q, j) <= (p, i)]
        steps = [min(1.0, (len(ps) - rank) * q) for rank, q in enumerate(sorted(lower))]
        result.append(None if ps[i] is None else max(steps))
    return result


def joined(seeds, arms):
    """Seeds in lineages: union-find over the names that the arms' learners share; one where no arm's seeds differ."""
    if seeds and all(arm["alike"] for arm in arms):
        return [list(seeds)]
    root = {seed: seed for seed in seeds}

    def find(seed):
        return seed if root[seed] == seed else find(root[seed])

    first = {}
    for arm in arms:
        for seed in seeds:
            name = (arm.get("lineages") or {}).get(str(seed))
            if name is not None:
                root[find(seed)] = find(first.setdefault(name, seed))
    return [[seed for seed in seeds if find(seed) == top] for top in seeds if find(top) == top]


def means(values, groups):
    """The mean of each group's values."""
    return [math.fsum(values[seed] for seed in group) / len(group) for group in groups]


def t_quantile(p, df):
    """Where Student's t distribution with ``df`` degrees of freedom reaches ``p`` > 0.5: bisection, Gauss-Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    low, high = 0.0, 1e3

    def area(x):  # of the density between 0 and x = sqrt(df) tan(angle)
        angle = math.atan(x / math.sqrt(df))
        inside = (nodes + 1) * angle / 2
        return scale * math.sqrt(df) * angle / 2 * float(weights @ np.cos(inside) ** (df - 1))

    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if area(middle) < p - 0.5 else (low, middle)
    return low


def new_images(d, alpha):
    """The seeds x images interval of d (n, M) from the documented draws, one resample at a time."""
    n, images = d.shape
    column = d.mean(0)
    spread = column + math.sqrt(n / (n - 1)) * (d - column)
    for_images, for_seeds, found = np.random.PCG64(1), np.random.PCG64(2), []
    for _ in range(RESAMPLES):
        drawn = [
            np.floor((source.random_raw(size) >> np.uint64(32)) * (size / 2.0**32)).astype(int)
            for source, size in ((for_images, images), (for_seeds, n))
        ]
        found.append(spread[drawn[1]].mean(0)[drawn[0]].mean())
    half = t_quantile(1 - alpha / 2, n - 1) * float(np.std(found, ddof=1))
    return [float(d.mean()) - half, float(d.mean()) + half]


def improvement(x, y, better):
    """P(better) + P(equal) / 2 over all pairs."""
    points = 0.0
    for a in x:
        for b in y:
            points += 0.5 if a == b else float((a > b) == (better == "higher"))
    return points / (len(x) * len(y))


def summary(values):
    """n, mean, sd, median and interquartile mean."""
    x = sorted(values)
    n = len(x)
    mean = math.fsum(x) / n
    cut = n // 4
    return {
        "n": n,
        "mean": mean,
        "sd": math.sqrt(math.fsum((v - mean) ** 2 for v in x) / (n - 1)) if n > 1 else None,
        "median": (x[(n - 1) // 2] + x[n // 2]) / 2,
        "iqm": math.fsum(x[cut : n - cut]) / (n - 2 * cut),
    }


def word(pair, better):
    """The verdict, from the adjusted p values."""
    if pair["same"]:
        return "identical"
    if pair["p_equivalence_adjusted"] <= 0.05:
        return "equivalent"
    if pair["p_adjusted"] <= 0.05:
        return "better" if (pair["difference"] > 0) == (better == "higher") else "worse"
    return "undecided"
