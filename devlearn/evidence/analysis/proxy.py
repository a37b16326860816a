"""How far a proxy's decrease predicts a metric's increase, learner by learner, along the last stage's curve.

Gradient descent minimises a proxy (the cross-entropy) in the hope that the metric (the accuracy) follows. Both are
turned so that higher is better. Only moments on the way are used where there are three, because those are measured on
the same images; a stage's beginning and end are measured on all of them.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.curve_matrix import CurveMatrix, by_lineage, curve_matrix
from devlearn.evidence.analysis.values import Measure, finite, measure
from devlearn.evidence.statistics import Matrix, Vector, mean_interval
from devlearn.evidence.statistics.quantiles import rank_correlation
from devlearn.records.declared import proxies
from devlearn.records.reader import ArmRecords
from devlearn.records.results import Agreement, Reason, RefusedAgreement, Steps
from devlearn.records.schema import ProbeEntry

FEWEST_MOMENTS = 3
CELLS = {  # what the proxy and the metric did over a step between two measurements
    "both_improved": (1, 1),
    "only_proxy_improved": (1, -1),
    "only_metric_improved": (-1, 1),
    "both_worsened": (-1, -1),
}


def proxy_and_metric(probes: Mapping[str, ProbeEntry], probe: str) -> tuple[Measure, Measure] | None:
    """A metric of ``probe`` that is minimised for another's sake, and that other one; None where it has none."""
    found = proxies(probes[probe].metrics)
    return next(((measure(probes, probe, proxy), measure(probes, probe, of)) for proxy, of in found.items()), None)


def agreement(arm: ArmRecords, proxy: Measure, metric: Measure) -> Agreement | RefusedAgreement:
    """Any two measures of one arm: rank correlation within a learner, and what both did from step to step.

    Learners for which the correlation is unknown (a value is unknown, or one of the two never moved) are counted in
    ``not_estimable``. Shares are over all steps of the estimable learners; steps in which one of the two stood still
    are ``tied``. A step belongs to the early half if it ends by the middle of the measured updates.
    """
    watched = curve_matrix(arm, proxy)
    updates, turned = _curves(watched, curve_matrix(arm, metric))
    known: dict[str, Any] = {"proxy": proxy.label, "metric": metric.label, "moments": len(updates)}
    if len(updates) < FEWEST_MOMENTS:
        few = Reason.of("few_moments", moments=len(updates), fewest=FEWEST_MOMENTS)
        return RefusedAgreement(**known, refused=few)
    correlations = np.array([_spearman(*rows) for rows in zip(*turned, strict=True)]).reshape(-1)
    kept = np.isfinite(correlations)
    seeds = [seed for seed, whole in zip(watched.seeds, kept, strict=True) if whole]
    independent = by_lineage([arm], correlations[kept], seeds)
    known |= {"n": len(independent), "not_estimable": int((~kept).sum())}
    if not seeds:
        return RefusedAgreement(**known, refused=Reason.of("flat"))
    mean, low, high = mean_interval(independent)
    possible = (max(low, -1.0), min(high, 1.0)) if math.isfinite(low) else (low, high)  # of a correlation
    early = updates[1:] <= (updates[0] + updates[-1]) / 2
    steps = [np.sign(np.diff(rows[kept], axis=1)) for rows in turned]
    return Agreement(
        **known,
        spearman=mean,
        interval=finite(possible),
        steps=_steps(*steps),
        early=_steps(*(step[:, early] for step in steps)),
        late=_steps(*(step[:, ~early] for step in steps)),
    )


def _curves(proxy: CurveMatrix, metric: CurveMatrix) -> tuple[NDArray[np.int64], tuple[Matrix, Matrix]]:
    """The moments that both share (U,), and both curves (n, U), turned so that higher is better."""
    updates, at_proxy, at_metric = np.intersect1d(proxy.updates, metric.updates, return_indices=True)
    inner = slice(1, -1) if len(updates) >= FEWEST_MOMENTS + 2 else slice(None)
    turned = proxy.sign * proxy.values[:, at_proxy[inner]], metric.sign * metric.values[:, at_metric[inner]]
    return updates[inner], turned


def _spearman(x: Vector, y: Vector) -> float:
    """Rank correlation of x and y (U,); NaN where a value is unknown or one of them is constant."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return rank_correlation(x, y)


def _steps(proxy: Matrix, metric: Matrix) -> Steps:
    """Shares of the 2 x 2 of signs (n, U - 1), and of the steps in which one stood still; None without steps."""
    if not proxy.size:
        return Steps(**dict.fromkeys((*CELLS, "tied")), count=0)
    cells = {name: float(((proxy == p) & (metric == m)).mean()) for name, (p, m) in CELLS.items()}
    return Steps(**cells, tied=float(((proxy == 0) | (metric == 0)).mean()), count=proxy.size)
