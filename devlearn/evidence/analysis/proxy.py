"""How far a proxy's decrease predicts a metric's increase, learner by learner, along the last stage's curve.

Gradient descent minimises a proxy (the cross-entropy) in the hope that the metric (the accuracy) follows. Both are
turned so that higher is better. Only moments on the way are used where there are three, because those are measured on
the same images; a stage's beginning and end are measured on all of them.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.curve_matrix import CurveMatrix, Matrix, Vector, by_lineage, track
from devlearn.evidence.analysis.stage_gains import finite
from devlearn.evidence.analysis.values import Measure, measure
from devlearn.evidence.statistics.sign_flip import mean_interval
from devlearn.lazy import stats
from devlearn.records.reader import ArmRecords, Json

PROXIES = {"accuracy": "cross_entropy"}  # the proxy of a metric, both of one probe
FEWEST_MOMENTS = 3
CELLS = {  # what the proxy and the metric did over a step between two measurements
    "both_improved": (1, 1),
    "only_proxy_improved": (1, -1),
    "only_metric_improved": (-1, 1),
    "both_worsened": (-1, -1),
}


def pair(probes: Mapping[str, Json], what: Measure) -> tuple[Measure, Measure] | None:
    """(proxy, metric) of the compared probe: a metric of ``PROXIES`` and its proxy, where it declares both."""
    declared = probes[what.key[0]]["metrics"]
    for metric, proxy in PROXIES.items():
        if metric in declared and proxy in declared:
            return measure(probes, what.key[0], proxy), measure(probes, what.key[0], metric)
    return None


def agreement(arm: ArmRecords, proxy: Measure, metric: Measure) -> Json:
    """Any two measures of one arm: rank correlation within a learner, and what both did from step to step.

    Learners for which the correlation is unknown (a value is unknown, or one of the two never moved) are counted in
    ``not_estimable``. Shares are over all steps of the estimable learners; steps in which one of the two stood still
    are ``tied``. A step belongs to the early half if it ends by the middle of the measured updates.
    """
    watched = track(arm, proxy)
    updates, turned = _curves(watched, track(arm, metric))
    found: Json = {"proxy": proxy.label, "metric": metric.label, "moments": len(updates)}
    if len(updates) < FEWEST_MOMENTS:
        return found | {"refused": f"{len(updates)} moments on record; a curve takes {FEWEST_MOMENTS}: set `every`"}
    correlations = np.array([_spearman(*rows) for rows in zip(*turned, strict=True)]).reshape(-1)
    kept = np.isfinite(correlations)
    seeds = [seed for seed, known in zip(watched.seeds, kept, strict=True) if known]
    independent = by_lineage([arm], correlations[kept], seeds)
    found |= {"n": len(independent), "not_estimable": int((~kept).sum())}
    if not seeds:
        return found | {"refused": "no learner has a curve that is known and moves"}
    mean, low, high = mean_interval(independent)
    early = updates[1:] <= (updates[0] + updates[-1]) / 2
    steps = [np.sign(np.diff(rows[kept], axis=1)) for rows in turned]
    halves = {"early": early, "late": ~early}
    return found | {
        "spearman": mean, "interval": _possible(low, high), "steps": _shares(*steps),
        **{half: _shares(*(step[:, chosen] for step in steps)) for half, chosen in halves.items()},
    }  # fmt: skip


def _possible(low: float, high: float) -> list[float | None]:
    """The t-interval, cut off at the ends of what a correlation can be."""
    return finite((max(low, -1.0), min(high, 1.0)) if math.isfinite(low) else (low, high))


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
    return float(stats.spearmanr(x, y).statistic)


def _shares(proxy: Matrix, metric: Matrix) -> Json:
    """Shares of the 2 x 2 of signs (n, U - 1), and of the steps in which one stood still; nulls without steps."""
    count = proxy.size
    if not count:
        return dict.fromkeys((*CELLS, "tied"), None) | {"count": 0}
    cells = {name: float(((proxy == p) & (metric == m)).mean()) for name, (p, m) in CELLS.items()}
    return cells | {"tied": float(((proxy == 0) | (metric == 0)).mean()), "count": count}
