"""The names of stages where they begin on a learning curve."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from devlearn.evidence.analysis.curves import Curve
from devlearn.report.style import INK, LETTER, SMALL, shorten

APART = 1.3 * SMALL / 72  # inches between the names of two starts; closer ones share a label


def name_starts(axes: Axes, curves: Mapping[str, Curve], stages: Mapping[str, Sequence[str]]) -> None:
    """Each stage's name beside the tick at which it begins, upright, once for all arms that begin it there."""
    found = sorted(
        {start for arm, curve in curves.items() if len(curve) for start in _starts(axes, curve, stages[arm])}
    )
    room = _inches(axes)[1] - 0.12
    groups: list[tuple[float, list[str]]] = []
    for x, _, name in found:
        if groups and x - groups[-1][0] < APART:
            groups[-1][1].append(name)
        else:
            groups.append((x, [name]))
    for x, names in groups:
        text = shorten(", ".join(dict.fromkeys(names)), max(4, int(room / LETTER)))
        place = (x + 0.07) / _inches(axes)[0], 0.5
        axes.text(
            *place, text, transform=axes.transAxes, rotation=90, ha="left", va="center", fontsize=SMALL, color=INK
        )


def _starts(axes: Axes, curve: Curve, names: Sequence[str]) -> list[tuple[float, int, str]]:
    """(inches from the left edge, position in life, stage) of every start on the curve."""
    before = np.flatnonzero(np.diff(curve.positions) > 0)
    to_axes = axes.transData + axes.transAxes.inverted()
    low = axes.get_ylim()[0]
    at = [float(to_axes.transform((x, low))[0]) * _inches(axes)[0] for x in curve.x["updates"][before]]
    positions = [int(position) for position in curve.positions[before + 1]]
    return [(x, position, names[position]) for x, position in zip(at, positions, strict=True)]


def _inches(axes: Axes) -> tuple[float, float]:
    box = axes.get_window_extent()
    return float(box.width) / axes.figure.dpi, float(box.height) / axes.figure.dpi
