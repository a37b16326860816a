"""Where two learning curves differ: the simultaneous band of their paired difference along the last stage."""

import numpy as np

from devlearn.evidence import statistics
from devlearn.evidence.analysis.curve_matrix import CurveMatrix, common
from devlearn.records.results import Band, Reason, RefusedBand


def band(a: CurveMatrix, b: CurveMatrix) -> Band | RefusedBand:
    """The 95 % band of a - b over the last stage's moments that both arms share.

    ``differs_from`` is the first update from which 0 lies outside the band until the end, or None.
    """
    updates, differences = common(a, b)
    n, refused = len(differences), None
    if statistics.smallest_p(n) > statistics.ALPHA:
        refused = Reason.of("out_of_reach", n=n)
    elif not np.isfinite(differences).all():
        refused = Reason.of("unknown_value")
    if refused:
        return RefusedBand(arm=a.arm.name, against=b.arm.name, n=n, refused=refused)
    mean, low, high, c = statistics.simultaneous_band(differences)
    inside = np.flatnonzero((low <= 0) & (high >= 0))
    after = int(inside[-1]) + 1 if len(inside) else 0
    return Band(
        arm=a.arm.name,
        against=b.arm.name,
        n=n,
        updates=tuple(updates.tolist()),
        difference=tuple(mean.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        critical=c,
        differs_from=int(updates[after]) if after < len(updates) else None,
    )
