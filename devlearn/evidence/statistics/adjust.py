"""Several chances to be wrong share one alpha: Holm over a family of tests, Bonferroni over planned looks."""

from collections.abc import Sequence

import numpy as np

from devlearn.evidence.statistics.sign_flip import ALPHA


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment (1979). None (not known yet) stays None and counts as p = 1."""
    known = np.array([1.0 if p is None else p for p in ps])
    adjusted = np.empty(len(ps))
    worst = 0.0
    for rank, place in enumerate(np.argsort(known, kind="stable")):
        worst = max(worst, min(1.0, (len(ps) - rank) * known[place]))
        adjusted[place] = worst
    return [None if p is None else float(a) for p, a in zip(ps, adjusted, strict=True)]


def adjusted(ps: Sequence[float | None], looks: int = 1) -> list[float | None]:
    """Holm over the family, then times the number of looks (Bonferroni)."""
    return [None if p is None else min(1.0, looks * p) for p in holm(ps)]


def share(looks: int) -> float:
    """The alpha of one look of several: equal parts."""
    return ALPHA / looks
