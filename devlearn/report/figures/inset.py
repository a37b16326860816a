"""The heights at which last stages differ, which an axis from birth on would hide."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from devlearn.evidence.analysis.curves import Curve
from devlearn.evidence.statistics import Vector

SETTLED = 0.25  # of a last stage: before, curves rise steeply
ROOM = 0.08  # above and below, of the range
WORTH = 0.5  # of the whole range: what takes more needs no plot of its own


def closer(curves: Mapping[str, Curve]) -> tuple[float, float] | None:
    """The range of all arms after the first quarter of their last stages; None where the whole axis shows it as well.

    Intervals widen the range by at most its own height on either side, so that a wide one does not undo it.
    """
    kept = [(curve, _settled(curve)) for curve in curves.values() if len(curve)]
    if not kept:
        return None
    mean, low, high = (_joined([getattr(c, name)[k] for c, k in kept]) for name in ("mean", "low", "high"))
    bottom, top = float(mean.min()), float(mean.max())
    height = top - bottom
    if height <= 0:
        return None
    below = max(bottom - height, min(bottom, _least(low, bottom)))
    above = min(top + height, max(top, -_least(-high, -top)))
    whole = _joined([curve.mean for curve, _ in kept])
    if above - below > WORTH * float(whole.max() - whole.min()):
        return None
    room = ROOM * (above - below)
    return below - room, above + room


def _settled(curve: Curve) -> NDArray[np.intp]:
    """(K,) the places of the moments from the first quarter of the last stage on, its end among them."""
    last, x = curve.positions == curve.positions[-1], curve.x["updates"]
    start = x[~last][-1] if (~last).any() else x[0]
    return np.flatnonzero(last & (x >= start + SETTLED * (x[-1] - start)))


def _joined(parts: list[Vector]) -> Vector:
    return np.concatenate(parts)


def _least(values: Vector, otherwise: float) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.min()) if len(finite) else otherwise
