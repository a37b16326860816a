"""Pictures of one learner through its life, for a paper: a row for each label, a column for each moment."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from devlearn.records.arrays import Array
from devlearn.report.data import Row
from devlearn.report.pictures import mosaic
from devlearn.report.section import Drawn
from devlearn.report.style import DOUBLE, INK, SMALL, sheet

LEFT, GAP, TOP = 1.0, 0.06, 0.2  # inches: the labels, between pictures, for a picture's title
WIDEST = 1.5
Cells = Sequence[tuple[str, Array]]


def grown(rows: Mapping[str, Cells], caption: str, name: str, alt: str, data: Sequence[Row] = ()) -> Drawn:
    """``rows`` holds for each label its pictures, each with its title: (H, W) or (H, W, 3) uint8, all of one shape.

    ``data`` is what was measured of who they are of.
    """
    columns = max(len(cells) for cells in rows.values())
    width = min(WIDEST, (DOUBLE - LEFT) / columns - GAP)
    shape = next(image.shape for cells in rows.values() for _, image in cells)
    height = width * shape[0] / shape[1]
    figure = sheet((height + TOP + GAP) * len(rows) + GAP, DOUBLE)
    for row, (label, cells) in enumerate(rows.items()):
        bottom = figure.get_figheight() - (row + 1) * (height + TOP + GAP)
        _row(figure, label, cells, bottom, width, height)
    return Drawn(name, figure, caption, alt, data)


def _row(figure: Figure, label: str, cells: Cells, bottom: float, width: float, height: float) -> None:
    """All pictures of a row in one plot: a plot for each would take a second a page."""
    total = figure.get_figheight()
    say: dict[str, Any] = {"fontsize": SMALL, "color": INK}
    figure.text(0.02 / DOUBLE, (bottom + height / 2) / total, "\n".join(textwrap.wrap(label, 17)), va="center", **say)
    for column, (title, _) in enumerate(cells):
        figure.text((LEFT + column * (width + GAP)) / DOUBLE, (bottom + height + 0.04) / total, title, **say)
    gap = max(1, round(cells[0][1].shape[1] * GAP / width))
    strip = mosaic(np.stack([image for _, image in cells]), len(cells), gap)
    whole = len(cells) * (width + GAP) - GAP
    axes = figure.add_axes((LEFT / DOUBLE, bottom / total, whole / DOUBLE, height / total))
    axes.set_axis_off()
    axes.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
